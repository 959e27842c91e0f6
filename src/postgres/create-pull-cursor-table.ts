import type { PullCursorTable } from '../ports.ts';
import type { PrismaClient } from './create-prisma.ts';
import { translated } from './translate-error.ts';

/** How far each provider's collections are walked. A cursor is returned exactly as it was written. */
export function createPullCursorTable(deps: { readonly prisma: PrismaClient }): PullCursorTable {
  const { pullCursor } = deps.prisma;
  return {
    read: (provider, collection) =>
      translated(async () => {
        const row = await pullCursor.findUnique({
          where: { provider_collection: { provider, collection } },
        });
        return row?.since ?? null;
      }),
    write: (provider, collection, since) =>
      translated(async () => {
        await pullCursor.upsert({
          where: { provider_collection: { provider, collection } },
          create: { provider, collection, since },
          update: { since, updatedAt: new Date() },
        });
      }),
  };
}
