import { crc32c } from './crc32c.ts';

/** What kafkajs hands to its produce request. */
export interface ProduceRequest {
  readonly transactionalId?: string | null;
  readonly acks: number;
  readonly timeout: number;
  readonly compression?: number;
  readonly producerId: Int64;
  readonly producerEpoch: number;
  readonly topicData: readonly {
    readonly topic: string;
    readonly partitions: readonly {
      readonly partition: number;
      readonly firstSequence: number;
      readonly messages: readonly ProduceMessage[];
    }[];
  }[];
}
export interface ProduceMessage {
  readonly key: string;
  readonly value: Buffer;
  readonly headers: Readonly<Record<string, string>>;
}
/** kafkajs' own, in numbers or with methods. */
type Int64 = number | string | bigint | { toString(): string };

/** Of a record batch before its records: from the base offset to the count of records. */
const BATCH_HEAD = 61;
/** The part of it that neither its length nor its checksum counts. */
const BEFORE_LENGTH = 12;
const BEFORE_CHECKSUMMED = 21;
const MAGIC = 2;

/** The body of a produce request of version 3 to 7, without compression and outside a transaction, in one buffer of its
 *  very size. kafkajs makes one for every record and one for every header, and copies each record five times. */
export function encodeProduce(request: ProduceRequest, now: number): Buffer {
  const { acks, timeout, topicData } = request;
  let size = 2 + 2 + 4 + 4;
  const sizes = topicData.map(({ topic, partitions }) => {
    size += 2 + Buffer.byteLength(topic) + 4;
    return partitions.map(({ messages }) => {
      const bodies = messages.map(sizeOfBody);
      const records = bodies.reduce((sum, body) => sum + sizeOfVarint(body) + body, 0);
      size += 4 + 4 + BATCH_HEAD + records;
      return { bodies, records };
    });
  });

  const to = Buffer.allocUnsafe(size);
  let at = to.writeInt16BE(-1, 0);
  at = to.writeInt16BE(acks, at);
  at = to.writeInt32BE(timeout, at);
  at = to.writeInt32BE(topicData.length, at);
  for (const [t, { topic, partitions }] of topicData.entries()) {
    at = to.writeInt16BE(Buffer.byteLength(topic), at);
    at += to.write(topic, at);
    at = to.writeInt32BE(partitions.length, at);
    for (const [p, { partition, firstSequence, messages }] of partitions.entries()) {
      const { bodies, records } = sizes[t]![p]!;
      at = to.writeInt32BE(partition, at);
      at = to.writeInt32BE(BATCH_HEAD + records, at);
      const batch = at;
      at = writeBatchHead(to, batch, request, now, { firstSequence, records, count: messages.length });
      for (const [nth, message] of messages.entries()) at = writeRecord(to, at, message, nth, bodies[nth]!);
      to.writeUInt32BE(crc32c(to.subarray(batch + BEFORE_CHECKSUMMED, at)), batch + BEFORE_CHECKSUMMED - 4);
    }
  }
  return to;
}

/** All but the checksum. */
function writeBatchHead(
  to: Buffer,
  from: number,
  { producerId, producerEpoch }: ProduceRequest,
  now: number,
  batch: { readonly firstSequence: number; readonly records: number; readonly count: number },
): number {
  let at = to.writeBigInt64BE(0n, from);
  at = to.writeInt32BE(BATCH_HEAD - BEFORE_LENGTH + batch.records, at);
  at = to.writeInt32BE(0, at);
  at = to.writeInt8(MAGIC, at);
  at = to.writeInt16BE(0, at + 4);
  at = to.writeInt32BE(batch.count - 1, at);
  at = to.writeBigInt64BE(BigInt(now), at);
  at = to.writeBigInt64BE(BigInt(now), at);
  at = to.writeBigInt64BE(BigInt(producerId.toString()), at);
  at = to.writeInt16BE(producerEpoch, at);
  at = to.writeInt32BE(batch.firstSequence, at);
  return to.writeInt32BE(batch.count, at);
}

/** attributes 0, timestamp delta 0, offset delta, key, value, headers: what its length counts. */
function sizeOfBody({ key, value, headers }: ProduceMessage, nth: number): number {
  let size = 2 + sizeOfVarint(nth) + sizeOfText(key) + sizeOfVarint(value.length) + value.length;
  let count = 0;
  for (const name in headers) {
    size += sizeOfText(name) + sizeOfText(headers[name]!);
    count++;
  }
  return size + sizeOfVarint(count);
}

function writeRecord(
  to: Buffer,
  from: number,
  { key, value, headers }: ProduceMessage,
  nth: number,
  body: number,
): number {
  let at = writeVarint(to, body, from);
  to[at++] = 0;
  to[at++] = 0;
  at = writeVarint(to, nth, at);
  at = writeText(to, key, at);
  at = writeVarint(to, value.length, at);
  at += value.copy(to, at);
  const names = Object.keys(headers);
  at = writeVarint(to, names.length, at);
  for (const name of names) {
    at = writeText(to, name, at);
    at = writeText(to, headers[name]!, at);
  }
  return at;
}

function sizeOfText(text: string): number {
  const length = Buffer.byteLength(text);
  return sizeOfVarint(length) + length;
}

function writeText(to: Buffer, text: string, from: number): number {
  const at = writeVarint(to, Buffer.byteLength(text), from);
  return at + to.write(text, at);
}

/** Of what is not negative, in zigzag: twice the value, seven bits a byte. */
function sizeOfVarint(value: number): number {
  let bytes = 1;
  for (let rest = value * 2; rest > 0x7f; rest >>>= 7) bytes++;
  return bytes;
}

function writeVarint(to: Buffer, value: number, from: number): number {
  let at = from;
  let rest = value * 2;
  for (; rest > 0x7f; rest >>>= 7) to[at++] = (rest & 0x7f) | 0x80;
  to[at++] = rest;
  return at;
}
