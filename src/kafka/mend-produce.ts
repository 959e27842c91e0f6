import { encodeProduce, type ProduceMessage, type ProduceRequest } from './encode-produce.ts';
import { loadKafkajs } from './kafkajs-internals.ts';

interface Made {
  readonly request: { readonly encode: () => Promise<{ readonly buf: Buffer; readonly buffer: Buffer }> };
}
interface Produce {
  protocol: (options: { readonly version: string | number }) => (asked: ProduceRequest) => Made;
}

let mended = false;

/** kafkajs 2.2.4 spends most of what sending costs on encoding: a buffer for every record and every header, and a checksum
 *  byte by byte. After this call records with a key, a value and headers of text are encoded by `encodeProduce`, to the very
 *  same bytes; all others, compressed ones and transactions by kafkajs as before. */
export function mendProduce(): void {
  if (mended) return;
  const produce = loadKafkajs('protocol/requests/produce/index.js') as Produce;
  const { protocol } = produce;
  produce.protocol = (options) => {
    const make = protocol(options);
    if (!SAME_BODY.has(Number(options.version))) return make;
    return (asked) => {
      const made = make(asked);
      if (!isPlain(asked)) return made;
      const encode = async () => {
        const bytes = encodeProduce(asked, Date.now());
        return { buf: bytes, buffer: bytes };
      };
      return { ...made, request: { ...made.request, encode } };
    };
  };
  mended = true;
}

/** Versions of the request that `encodeProduce` knows. */
const SAME_BODY = new Set([3, 4, 5, 6, 7]);

function isPlain({ compression = 0, transactionalId = null, topicData }: ProduceRequest): boolean {
  if (compression !== 0 || transactionalId !== null) return false;
  return topicData.every(({ partitions }) =>
    partitions.every(({ messages }) => messages.every(isPlainMessage)),
  );
}

function isPlainMessage({
  key,
  value,
  headers,
  timestamp,
}: Partial<Record<keyof ProduceMessage | 'timestamp', unknown>>) {
  if (typeof key !== 'string' || !Buffer.isBuffer(value) || timestamp !== undefined) return false;
  return (
    typeof headers === 'object' &&
    headers !== null &&
    Object.values(headers).every((text) => typeof text === 'string')
  );
}
