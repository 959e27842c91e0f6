import { TransientError } from '../domain/errors.ts';
import type { TopicConsumer, WireRecord } from '../ports.ts';

/** What is to be read of one partition: `from` up to, not including, `end`. */
export interface ReadRange {
  readonly topic: string;
  readonly partition: number;
  readonly from: bigint;
  readonly end: bigint;
}

/** How long nothing may come before the reading is given up. */
const STALLED_MS = 60_000;

/** Hands over every record of these ranges, each partition in its order and one batch at a time, and leaves no trace in
 *  the group. Resolves when all have been read; rejects with what `onRecords` threw, with the signal's reason, or with
 *  TransientError `RECOVERY_STALLED` when the topics no longer give what they are said to hold. */
export async function readRanges(
  ranges: readonly ReadRange[],
  consumer: Pick<TopicConsumer, 'run'>,
  onRecords: (records: readonly WireRecord[]) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const left = new Map(ranges.filter(({ from, end }) => from < end).map((range) => [placeOf(range), range]));
  if (left.size === 0) return;
  const sought = new Set<string>();
  const done = new AbortController();
  let stalled: NodeJS.Timeout | undefined;
  const watch = () => {
    clearTimeout(stalled);
    stalled = setTimeout(() => done.abort(stalledAt(left)), STALLED_MS);
  };
  watch();
  try {
    await consumer.run(
      async (batch) => {
        const place = placeOf(batch);
        const range = left.get(place);
        if (range === undefined) return batch.seek(batch.highWatermark);
        if (batch.fetchedFrom !== range.from && !sought.has(place)) {
          sought.add(place);
          return batch.seek(range.from);
        }
        const next = batch.records.at(-1)!.offset + 1n;
        await onRecords(batch.records.filter(({ offset }) => offset >= range.from && offset < range.end));
        watch();
        if (next < range.end) left.set(place, { ...range, from: next > range.from ? next : range.from });
        else left.delete(place);
        batch.seek(next > range.from ? next : range.from);
        if (left.size === 0) done.abort();
      },
      AbortSignal.any([signal, done.signal]),
    );
  } finally {
    clearTimeout(stalled);
  }
  signal.throwIfAborted();
  if (left.size > 0) throw done.signal.reason;
}

const placeOf = ({ topic, partition }: { readonly topic: string; readonly partition: number }): string =>
  `${topic}/${partition}`;

function stalledAt(left: ReadonlyMap<string, ReadRange>): TransientError {
  const places = [...left].map(([place, { from }]) => `${place} at ${from}`).join(', ');
  return new TransientError('RECOVERY_STALLED', `nothing was read for ${STALLED_MS / 1000} s: ${places}`);
}
