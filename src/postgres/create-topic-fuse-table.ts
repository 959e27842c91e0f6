import { MovedError } from '../domain/errors.ts';
import type { PositionSkip, TopicFuseTable, TopicPause } from '../ports.ts';
import { auditEntry } from './create-audit-table.ts';
import type { PrismaClient } from './create-prisma.ts';
import { storableText } from './storable.ts';
import { translated } from './translate-error.ts';

const MAX_TEXT = 2_000;
type Transaction = Parameters<Parameters<PrismaClient['$transaction']>[0]>[0];

export function createTopicFuseTable(deps: { readonly prisma: PrismaClient }): TopicFuseTable {
  const { prisma } = deps;
  return {
    latest: () =>
      translated(async () => {
        const rows = await prisma.topicFuse.findMany({ distinct: ['topic'], orderBy: { id: 'desc' } });
        return rows.map((row): TopicPause => {
          const { topic, counted, reason } = row;
          return {
            ...{ id: String(row.id), topic, counted, reason, by: row.pausedBy },
            codes: row.codes as TopicPause['codes'],
            samples: row.samples as unknown as TopicPause['samples'],
            sinceMs: row.blownAt.getTime(),
            resumedAtMs: row.resumedAt?.getTime() ?? null,
          };
        });
      }),
    pause: (topic, by, reason) =>
      translated(() =>
        prisma.$transaction(async (tx) => {
          const data = { topic, pausedBy: storableText(by), reason: storableText(reason, MAX_TEXT) };
          // The partial unique index decides between two who pause at once.
          const { count } = await tx.topicFuse.createMany({ data: [data], skipDuplicates: true });
          if (count === 0) return false;
          const detail = { reason: data.reason };
          await tx.audit.create(
            auditEntry({ actor: by, action: 'topic.pause', subject: `topic/${topic}`, detail }),
          );
          return true;
        }),
      ),
    resume: (topic, by, skips) =>
      translated(() =>
        prisma.$transaction(async (tx) => {
          const open = { topic, resumedAt: null };
          if ((await tx.topicFuse.count({ where: open })) === 0) return false;
          // Positions before the fuse, as whoever settles a batch takes them: no deadlock.
          for (const skip of skips) await moveOn(topic, skip, tx);
          const skipped = skips.map(({ partition, from, to }) => ({
            ...{ partition, from: String(from), to: String(to) },
          }));
          const { count } = await tx.topicFuse.updateMany({
            where: open,
            data: { resumedAt: new Date(), resumedBy: storableText(by), skipped },
          });
          if (count === 0) throw new MovedError('position', `${topic} was resumed by somebody else`);
          await tx.audit.create(
            auditEntry({ actor: by, action: 'topic.resume', subject: `topic/${topic}`, detail: { skipped } }),
          );
          return true;
        }),
      ),
  };
}

/** Compare-and-set, as whoever applies a batch does it: of the two, one finds another position than it read. */
async function moveOn(topic: string, skip: PositionSkip, tx: Transaction): Promise<void> {
  const { partition, topicId, expected, to: nextOffset } = skip;
  const { count } =
    expected === null
      ? await tx.appliedOffset.createMany({
          data: [{ topic, partition, topicId, nextOffset }],
          skipDuplicates: true,
        })
      : await tx.appliedOffset.updateMany({
          where: { topic, partition, nextOffset: expected },
          data: { topicId, nextOffset, updatedAt: new Date() },
        });
  if (count !== 1) throw new MovedError('position', `${topic}/${partition} is no longer at ${skip.from}`);
}
