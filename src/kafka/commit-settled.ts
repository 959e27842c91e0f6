import type { Consumer } from 'kafkajs';
import type { Log, PartitionPosition } from '../ports.ts';
import type { Membership } from './track-membership.ts';

/** Commits those of the positions that are ahead of what the group knows, of partitions that this member holds. A commit
 *  that is lost again is worth a line and nothing more: positions are in PostgreSQL, the group's are for onlookers. */
export async function commitSettled(
  positions: readonly PartitionPosition[],
  deps: { readonly consumer: Consumer; readonly membership: Membership; readonly log: Log },
): Promise<void> {
  const { consumer, membership, log } = deps;
  const held = membership.current()?.partitions ?? [];
  const behind = positions.filter(
    (position) =>
      held.some(({ topic, partition }) => topic === position.topic && partition === position.partition) &&
      (membership.committed(position) ?? -1n) < position.next,
  );
  if (behind.length === 0) return;
  const generation = membership.generation();
  // Noted before it is sent: the commit of a batch that settles meanwhile is the later one.
  behind.forEach((position) => membership.noteCommit(position));
  try {
    await consumer.commitOffsets(
      behind.map(({ topic, partition, next }) => ({ topic, partition, offset: next.toString() })),
    );
  } catch (error) {
    log.debug({ err: error }, 'settled positions could not be committed to the group; they will be again');
    if (membership.holds(generation)) behind.forEach((position) => membership.forgetCommit(position));
  }
}
