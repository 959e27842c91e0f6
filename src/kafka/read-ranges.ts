import { ListOffsetTimestamps } from '@platformatic/kafka';
import type { LogRange, TopicRanges } from '../ports.ts';
import type { LeaderMap, TopicMetadata } from './find-leaders.ts';
import { listOffsets } from './list-offsets.ts';

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
