import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { crc32c } from '../../../src/kafka/crc32c.ts';
import { loadKafkajs } from '../../../src/kafka/kafkajs-internals.ts';
import { mendProduce } from '../../../src/kafka/mend-produce.ts';

type Encode = (request: unknown) => Promise<{ readonly buffer: Buffer }>;
const kafkajsEncode: Encode = (request) =>
  (
    loadKafkajs('protocol/requests/produce/v3/request.js') as (of: unknown) => {
      encode: () => ReturnType<Encode>;
    }
  )(request).encode();

/** What a mended kafkajs encodes, with any version that brokers ask for. */
const encode = (version: number): Encode => {
  mendProduce();
  const { protocol } = loadKafkajs('protocol/requests/produce/index.js') as {
    protocol: (options: {
      version: number;
    }) => (request: unknown) => { request: { encode: () => ReturnType<Encode> } };
  };
  return (request) => protocol({ version })(request).request.encode();
};

const text = fc.string({ unit: 'binary', maxLength: 200 }).map((s) => s.toWellFormed());
const message = fc.record({
  key: text,
  value: fc.uint8Array({ maxLength: 3_000 }).map((bytes) => Buffer.from(bytes)),
  headers: fc.dictionary(text, text, { maxKeys: 6 }),
});
const partition = fc.record({
  partition: fc.nat(),
  firstSequence: fc.nat(),
  messages: fc.array(message, { minLength: 1, maxLength: 150 }),
});
const request = fc.record({
  acks: fc.constantFrom(-1, 1),
  timeout: fc.nat(),
  producerId: fc.bigInt({ min: -1n, max: 2n ** 62n }).map(String),
  producerEpoch: fc.integer({ min: 0, max: 32_767 }),
  topicData: fc.array(
    fc.record({ topic: text, partitions: fc.array(partition, { minLength: 1, maxLength: 3 }) }),
    { minLength: 1, maxLength: 3 },
  ),
});

describe('a produce request', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'], now: 1_778_414_400_000 }));
  afterEach(() => void vi.useRealTimers());

  it('has the very bytes that kafkajs makes of it', async () => {
    await fc.assert(
      fc.asyncProperty(request, fc.integer({ min: 3, max: 7 }), async (asked, version) => {
        const ours = await encode(version)(asked);
        expect(ours.buffer.equals((await kafkajsEncode(asked)).buffer)).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  it('is large without becoming another', async () => {
    const messages = Array.from({ length: 2_000 }, (_, i) => ({
      ...{ key: `key ${i}`, value: randomBytes(1_500) },
      headers: { ce_id: `${i}`, 'content-type': 'application/avro' },
    }));
    const topicData = [
      { topic: 'saa-constat.updated', partitions: [{ partition: 3, firstSequence: 9, messages }] },
    ];
    const asked = { acks: -1, timeout: 30_000, producerId: '7', producerEpoch: 1, topicData };
    expect((await encode(7)(asked)).buffer.equals((await kafkajsEncode(asked)).buffer)).toBe(true);
  });

  it.each([
    ['no key', { key: null, value: Buffer.from('a'), headers: {} }],
    ['no value', { key: 'a', value: null, headers: {} }],
    ['no headers', { key: 'a', value: Buffer.from('a') }],
    ['a header of bytes', { key: 'a', value: Buffer.from('a'), headers: { a: Buffer.from('b') } }],
    ['a header twice', { key: 'a', value: Buffer.from('a'), headers: { a: ['b', 'c'] } }],
    ['a time of its own', { key: 'a', value: Buffer.from('a'), headers: {}, timestamp: '1778414300000' }],
  ])('with a record that has %s is as it always was', async (_name, odd) => {
    const messages = [odd, { key: 'b', value: Buffer.from('b'), headers: {} }];
    const topicData = [{ topic: 'a', partitions: [{ partition: 0, firstSequence: 0, messages }] }];
    const asked = { acks: -1, timeout: 1, producerId: '-1', producerEpoch: 0, topicData };
    expect((await encode(7)(asked)).buffer.equals((await kafkajsEncode(asked)).buffer)).toBe(true);
  });

  it('of an older version is as it always was', async () => {
    const messages = [{ key: 'a', value: Buffer.from('a'), headers: {} }];
    const topicData = [{ topic: 'a', partitions: [{ partition: 0, firstSequence: 0, messages }] }];
    const asked = { acks: -1, timeout: 1, producerId: '-1', producerEpoch: 0, topicData };
    expect((await encode(2)(asked)).buffer.equals((await kafkajsEncode(asked)).buffer)).toBe(false);
  });
});

describe('the checksum of a record batch', () => {
  it('is CRC-32C', () => {
    expect(crc32c(Buffer.from('123456789')).toString(16)).toBe('e3069283');
    expect(crc32c(Buffer.alloc(32)).toString(16)).toBe('8a9136aa');
    expect(crc32c(Buffer.alloc(0))).toBe(0);
  });
});
