import type { EachBatchPayload } from 'kafkajs';
import type { PartitionPosition } from '../ports.ts';
import { joinWork } from '../runtime/join-work.ts';

type Send = EachBatchPayload['commitOffsetsIfNecessary'];

/** The commits of one group member, one request at a time: what is to be committed while Kafka owes an answer goes with the
 *  next request. Each rejects with what Kafka says to the request that it went with. */
export function joinCommits(): (position: PartitionPosition, send: Send) => Promise<void> {
  const join = joinWork<{ readonly position: PartitionPosition; readonly send: Send }, void>({
    lanes: 1,
    maxWeight: 1_000,
    weigh: () => 1,
    fits: ({ position: { topic, partition } }, joined) =>
      !joined.some(({ position }) => position.topic === topic && position.partition === partition),
    isShared: () => true,
    async settle(commits) {
      const byTopic = Map.groupBy(commits, ({ position }) => position.topic);
      const topics = [...byTopic].map(([topic, ofTopic]) => ({
        topic,
        partitions: ofTopic.map(({ position: { partition, next } }) => ({
          partition,
          offset: next.toString(),
        })),
      }));
      await commits[0]!.send({ topics });
      return commits.map(() => undefined);
    },
  });
  return (position, send) => join({ position, send });
}
