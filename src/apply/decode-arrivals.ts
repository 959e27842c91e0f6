import type { EventCodec } from '../ports.ts';
import type { Arrival } from './apply-batch.ts';

type RawArrival = Pick<Arrival, 'partition' | 'offset' | 'key' | 'value' | 'headers'>;

/** The records of one topic as arrivals, in their order; what can't be read keeps its raw bytes and a code. Without a
 *  partition a record is one that was pulled. */
export async function decodeArrivals(
  topic: string,
  records: readonly RawArrival[],
  codec: Pick<EventCodec, 'decodeBatch'>,
): Promise<readonly Arrival[]> {
  const decoded = await codec.decodeBatch(
    topic,
    records.map((record) => record.value),
  );
  return records.map((record, i): Arrival => {
    const { partition, offset, key, value, headers } = record;
    const source = partition === null ? 'pull' : 'topic';
    const arrived = { source, topic, partition, offset, key, value, headers } as const;
    const result = decoded[i]!;
    if (result.readable && value !== null) {
      const { kind, event, schemaRef } = result;
      return { ...arrived, value, readable: true, kind, event, schemaRef };
    }
    if (result.readable) throw new Error('a record without a value was decoded');
    return { ...arrived, readable: false, code: result.code, cause: result.cause, schemaId: result.schemaId };
  });
}
