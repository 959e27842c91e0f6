import { FetchIsolationLevels, listOffsetsV7, ListOffsetTimestamps } from '@platformatic/kafka';
import type { LogRange, TopicRanges } from '../ports.ts';
import { responseOf, type LeaderMap, type TopicMetadata } from './find-leaders.ts';

type Answer = Awaited<ReturnType<typeof listOffsetsV7.api.async>>;

/** Where each partition's log begins and ends: two requests a leader. The end is the high watermark, so records of an open
 *  transaction, and those behind them, count. */
export async function readRanges(
  topics: readonly string[],
  leaders: LeaderMap,
): Promise<ReadonlyMap<string, TopicRanges>> {
  if (topics.length === 0) return new Map();
  const metadata = await leaders.refresh(topics);
  // The start first: it only grows, so that it can't pass the end that is read after it by more than retention does.
  const [starts, ends] = [
    await listOffsets(metadata, ListOffsetTimestamps.EARLIEST, leaders),
    await listOffsets(metadata, ListOffsetTimestamps.LATEST, leaders),
  ];
  return new Map(
    metadata.map(({ name, topicId, partitions }) => [
      name!,
      {
        topicId,
        partitions: new Map(
          inOrder(partitions).map(({ partitionIndex }) => {
            const place = `${name}/${partitionIndex}`;
            return [partitionIndex, toRange(starts.get(place), ends.get(place))];
          }),
        ),
      },
    ]),
  );
}

function inOrder(partitions: TopicMetadata['partitions']): TopicMetadata['partitions'] {
  return partitions.toSorted((a, b) => a.partitionIndex - b.partitionIndex);
}

function toRange(start: bigint | undefined, end: bigint | undefined): LogRange | null {
  return start === undefined || end === undefined ? null : { start, end: end < start ? start : end };
}

/** By `topic/partition`; absent where there is no leader, or it did not answer for the partition. */
async function listOffsets(
  metadata: readonly TopicMetadata[],
  timestamp: bigint,
  leaders: LeaderMap,
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
      return listOffsetsV7.api
        .async(connection, -1, FetchIsolationLevels.READ_UNCOMMITTED, requested)
        .catch(responseOf<Answer>);
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
