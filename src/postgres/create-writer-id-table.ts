import type { WriterIdTable } from '../ports.ts';
import { auditEntry } from './create-audit-table.ts';
import type { PrismaClient } from './create-prisma.ts';
import { translated } from './translate-error.ts';

/** The writer ids of table `provider`. */
export function createWriterIdTable(deps: { readonly prisma: PrismaClient }): WriterIdTable {
  const { prisma } = deps;
  return {
    list: () =>
      translated(async () => {
        const rows = await prisma.provider.findMany({ select: { id: true, writerIds: true } });
        return new Map(rows.map(({ id, writerIds }) => [id, writerIds]));
      }),
    allot: (providerId, writerId, after, by) =>
      translated(() =>
        prisma.$transaction(async (tx) => {
          // The condition makes two people who allot at once take two different ids, one after the other.
          const { count } = await tx.provider.updateMany({
            where: { id: providerId, writerIds: { equals: [...after] } },
            data: { writerIds: [...after, writerId], recordedAt: new Date() },
          });
          if (count === 0) return false;
          const detail = { writerId, replaces: after.at(-1) ?? null };
          await tx.audit.create(
            auditEntry({ actor: by, action: 'provider.restored', subject: `provider/${providerId}`, detail }),
          );
          return true;
        }),
      ),
  };
}
