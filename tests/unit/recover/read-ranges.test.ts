import { describe, expect, it } from 'vitest';
import type { TopicConsumer, WireBatch, WireRecord } from '../../../src/ports.ts';
import { readRanges, type ReadRange } from '../../../src/recover/read-ranges.ts';

const record = (partition: number, offset: number): WireRecord => ({
  topic: 'saa-constat.updated',
  partition,
  offset: BigInt(offset),
  timestampMs: 0,
  key: null,
  value: null,
  headers: {},
});
const range = (partition: number, from: number, end: number): ReadRange => ({
  topic: 'saa-constat.updated',
  partition,
  from: BigInt(from),
  end: BigInt(end),
});

/** Partitions of these offsets, fetched two records at a time from where the group stands, until it is told to stop. */
function setup(partitions: Readonly<Record<number, readonly number[]>>, groupAt = 0) {
  const next = new Map(Object.keys(partitions).map((partition) => [Number(partition), BigInt(groupAt)]));
  const commits: bigint[] = [];
  const consumer: Pick<TopicConsumer, 'run'> = {
    async run(handle, signal) {
      while (!signal.aborted) {
        for (const [partition, from] of next) {
          const held = partitions[partition]!.map((offset) => record(partition, offset));
          const records = held.filter(({ offset }) => offset >= from).slice(0, 2);
          if (records.length === 0 || signal.aborted) continue;
          await handle({
            topic: 'saa-constat.updated',
            partition,
            fetchedFrom: from,
            highWatermark: BigInt((partitions[partition]!.at(-1) ?? -1) + 1),
            records,
            heartbeat: async () => {},
            isStale: () => false,
            commit: async (offset) => void commits.push(offset),
            seek: (offset) => void next.set(partition, offset),
          } satisfies WireBatch);
        }
        await new Promise(setImmediate);
      }
    },
  };
  const read: string[] = [];
  const onRecords = async (records: readonly WireRecord[]) =>
    void read.push(...records.map(({ partition, offset }) => `${partition}@${offset}`));
  return { consumer, read, onRecords, commits };
}

const live = () => new AbortController().signal;

describe('readRanges', () => {
  it('hands over exactly the records of its ranges, in the order of each partition, and commits nothing', async () => {
    const { consumer, read, onRecords, commits } = setup({ 0: [0, 1, 2, 3, 4, 5], 1: [0, 1, 2], 2: [0] });
    await readRanges([range(0, 1, 5), range(1, 0, 3), range(2, 1, 1)], consumer, onRecords, live());
    expect(read.filter((at) => at.startsWith('0'))).toEqual(['0@1', '0@2', '0@3', '0@4']);
    expect(read.filter((at) => at.startsWith('1'))).toEqual(['1@0', '1@1', '1@2']);
    expect([read.length, commits]).toEqual([7, []]);
  });

  it('goes back to where a range begins, wherever the group stands', async () => {
    const { consumer, read, onRecords } = setup({ 0: [0, 1, 2, 3] }, 3);
    await readRanges([range(0, 1, 4)], consumer, onRecords, live());
    expect(read).toEqual(['0@1', '0@2', '0@3']);
  });

  it('goes on behind records that were deleted meanwhile', async () => {
    const { consumer, read, onRecords } = setup({ 0: [4, 5, 6] }, 4);
    await readRanges([range(0, 1, 6)], consumer, onRecords, live());
    expect(read).toEqual(['0@4', '0@5']);
  });

  it('reads nothing, and joins no group, when there is nothing to read', async () => {
    const consumer: Pick<TopicConsumer, 'run'> = { run: () => Promise.reject(new Error('joined')) };
    await readRanges([range(0, 3, 3)], consumer, async () => {}, live());
  });

  it('ends with what a batch threw, and with the reason of an abort', async () => {
    const failing = setup({ 0: [0, 1] });
    const thrown = new Error('no');
    await expect(
      readRanges([range(0, 0, 2)], failing.consumer, () => Promise.reject(thrown), live()),
    ).rejects.toBe(thrown);

    const stop = new AbortController();
    const stopped = setup({ 0: [0, 1, 2, 3] });
    const reading = readRanges([range(0, 0, 4)], stopped.consumer, async () => stop.abort(), stop.signal);
    await expect(reading).rejects.toBe(stop.signal.reason);
  });
});
