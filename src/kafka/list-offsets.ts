import { FetchIsolationLevels, listOffsetsV7 } from '@platformatic/kafka';
import { responseOf, type LeaderMap, type TopicMetadata } from './find-leaders.ts';

type Answer = Awaited<ReturnType<typeof listOffsetsV7.api.async>>;

/** By `topic/partition`; absent where there is no leader, or it did not answer for the partition. */
export async function listOffsets(
  metadata: readonly TopicMetadata[],
  timestamp: bigint,
  leaders: LeaderMap,
  isolationLevel: 0 | 1 = FetchIsolationLevels.READ_UNCOMMITTED,
): Promise<ReadonlyMap<string, bigint>> {
  const led = metadata.flatMap(({ name, topicId, partitions }) =>
    partitions.map(({ partitionIndex }) => ({
      name: name!,
      partitionIndex,
      leader: leaders.leaderOf(topicId, partitionIndex),
    })),
  );
  const byLeader = Map.groupBy(led, ({ leader }) => leader);
  byLeader.delete(null);
  const answers = await Promise.allSettled(
    [...byLeader].map(async ([leader, partitions]) => {
      const requested = [...Map.groupBy(partitions, ({ name }) => name)].map(([name, ofTopic]) => ({
        name,
        partitions: ofTopic.map(({ partitionIndex }) => ({
          partitionIndex,
          currentLeaderEpoch: -1,
          timestamp,
        })),
      }));
      const connection = await leaders.connect(leader!);
      return listOffsetsV7.api.async(connection, -1, isolationLevel, requested).catch(responseOf<Answer>);
    }),
  );
  // A leader that does not answer leaves its own partitions unknown, and no others.
  return new Map(
    answers.flatMap((answer) =>
      answer.status === 'rejected'
        ? []
        : answer.value.topics.flatMap(({ name, partitions }) =>
            partitions
              .filter(({ errorCode, offset }) => errorCode === 0 && offset >= 0n)
              .map(({ partitionIndex, offset }) => [`${name}/${partitionIndex}`, offset] as const),
          ),
    ),
  );
}
