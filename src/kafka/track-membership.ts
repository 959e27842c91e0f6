import type { Consumer } from 'kafkajs';
import type { GroupMembership, PartitionPosition, TopicPartition } from '../ports.ts';
import { reach } from '../runtime/crash-points.ts';

/** Which partitions this group member holds, by generation: each join starts a new one. */
export interface Membership {
  /** The generation of this moment; compare it with the one a batch was fetched in. */
  generation(): number;
  /** True while `partition` has been ours without a break since `generation`. */
  holds(generation: number): boolean;
  /** What is held, as this member believes; null before the first join and after the end. */
  current(): GroupMembership | null;
  /** What the group was last told, or is being told, of this partition in this generation. */
  committed(partition: TopicPartition): bigint | null;
  noteCommit(position: PartitionPosition): void;
  /** That commit was lost: the group is behind. */
  forgetCommit(partition: TopicPartition): void;
  /** No generation is current any more: the member is dead. */
  end(): void;
}

/** kafkajs revokes everything at a rebalance, and commits to whatever generation is current, whose member may not own the
 *  partition any more: what was fetched before a join must not be committed, resolved or sought after it. */
export function trackMembership(consumer: Consumer): Membership {
  let generation = 0;
  let joined: { readonly memberId: string; readonly partitions: readonly TopicPartition[] } | null = null;
  const committed = new Map<string, bigint>();
  const emptyTo = new Map<string, bigint>();

  consumer.on(consumer.events.GROUP_JOIN, ({ payload: { memberId, memberAssignment } }) => {
    generation += 1;
    committed.clear();
    emptyTo.clear();
    const partitions = Object.entries(memberAssignment).flatMap(([topic, held]) =>
      held.map((partition) => ({ topic, partition })),
    );
    joined = { memberId, partitions };
    reach('rebalance:joined');
  });
  consumer.on(consumer.events.REBALANCING, () => reach('rebalance:begun'));
  // A fetch in which nothing is a record (transaction markers, aborted records) reaches no handler.
  consumer.on(consumer.events.END_BATCH_PROCESS, ({ payload: { batchSize, lastOffset, ...at } }) => {
    if (batchSize === 0) emptyTo.set(keyOf(at), BigInt(lastOffset) + 1n);
  });

  return {
    generation: () => generation,
    holds: (since) => since === generation,
    current: () =>
      joined && {
        memberId: joined.memberId,
        partitions: joined.partitions.map((at) => ({ ...at, emptyTo: emptyTo.get(keyOf(at)) ?? null })),
      },
    committed: (at) => committed.get(keyOf(at)) ?? null,
    noteCommit: (position) => committed.set(keyOf(position), position.next),
    forgetCommit: (at) => committed.delete(keyOf(at)),
    end: () => {
      generation = Number.NaN;
      joined = null;
    },
  };
}

const keyOf = ({ topic, partition }: TopicPartition): string => `${topic}/${partition}`;
