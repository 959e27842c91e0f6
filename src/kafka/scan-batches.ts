import type { fetchV13, RecordsBatch } from '@platformatic/kafka';

export type FetchAnswer = Awaited<ReturnType<typeof fetchV13.api.async>>;
export type FetchedPartition = FetchAnswer['responses'][number]['partitions'][number];

export type Scan =
  | { readonly record: { readonly offset: bigint; readonly atMs: number } }
  /** No record of data up to here, not included. */
  | { readonly record: null; readonly scannedTo: bigint };

const LOG_APPEND_TIME = 1 << 3;
const TRANSACTIONAL = 1 << 4;
const CONTROL = 1 << 5;

/** The first record at or behind `from` that a consumer would be given: no transaction marker, no record of an aborted
 *  transaction, nothing that compaction has removed. */
export function scanBatches(fetched: FetchedPartition, from: bigint): Scan {
  const aborted = new Set<bigint>();
  const toCome = fetched.abortedTransactions.toSorted((a, b) => compare(a.firstOffset, b.firstOffset));
  let scannedTo = from;
  for (const batch of fetched.records ?? []) {
    const last = batch.firstOffset + BigInt(batch.lastOffsetDelta);
    while (toCome.length > 0 && toCome[0]!.firstOffset <= last) aborted.add(toCome.shift()!.producerId);
    if (isControl(batch)) {
      if (isAbort(batch)) aborted.delete(batch.producerId);
    } else if (!(isTransactional(batch) && aborted.has(batch.producerId))) {
      for (const { offsetDelta, timestampDelta } of batch.records) {
        const offset = batch.firstOffset + BigInt(offsetDelta);
        if (offset >= from) return { record: { offset, atMs: timestampOf(batch, timestampDelta) } };
      }
    }
    if (last >= scannedTo) scannedTo = last + 1n;
  }
  return { record: null, scannedTo };
}

/** The broker's time of the whole batch where the topic keeps append times, else the producer's of the record. */
function timestampOf(batch: RecordsBatch, timestampDelta: bigint): number {
  return Number(
    (batch.attributes & LOG_APPEND_TIME) !== 0 ? batch.maxTimestamp : batch.firstTimestamp + timestampDelta,
  );
}

const isControl = ({ attributes }: RecordsBatch): boolean => (attributes & CONTROL) !== 0;
const isTransactional = ({ attributes }: RecordsBatch): boolean => (attributes & TRANSACTIONAL) !== 0;

/** The key of a marker: version, then type, 0 for an abort. */
function isAbort({ records }: RecordsBatch): boolean {
  const key = records[0]?.key;
  return key !== undefined && key !== null && key.length >= 4 && key.readInt16BE(2) === 0;
}

const compare = (a: bigint, b: bigint): number => (a < b ? -1 : a > b ? 1 : 0);
