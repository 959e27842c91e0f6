import type { Provider } from '../ports.ts';
import type { PrismaClient } from './create-prisma.ts';
import { translated } from './translate-error.ts';

/** Copies the providers of topics.yaml into the database, for those who read it without the file. One that has left
 *  the file keeps its row: its entities are still there. */
export async function recordProviders(prisma: PrismaClient, providers: Iterable<Provider>): Promise<void> {
  await translated(() =>
    prisma.$transaction(
      [...providers].map(({ id, name, writerIds }) => {
        const row = { name, writerIds: [...writerIds], recordedAt: new Date() };
        return prisma.provider.upsert({ where: { id }, create: { id, ...row }, update: row });
      }),
    ),
  );
}
