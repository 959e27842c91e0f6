import fc from 'fast-check';
import kafkajs from 'kafkajs';
import { describe, expect, it } from 'vitest';
import { choosePartition } from '../../../src/kafka/choose-partition.ts';

/** Hashes from `UtilsTest.testMurmur2` of Apache Kafka, the Java client's own test. */
const javaHashes: readonly (readonly [key: string, hash: number])[] = [
  ['21', -973932308],
  ['foobar', -790332482],
  ['a-little-bit-long-string', -985981536],
  ['a-little-bit-longer-string', -1486304829],
  ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
  ['abc', 479470107],
];

describe('choosePartition', () => {
  it.each(javaHashes)('puts %s where the Java client puts it', (key, hash) => {
    for (const partitions of [1, 3, 12, 50]) {
      expect(choosePartition(key, partitions)).toBe((hash & 0x7fffffff) % partitions);
    }
  });

  it('puts every key where kafkajs puts its UTF-8 bytes', () => {
    const kafkajsChooses = kafkajs.Partitioners.DefaultPartitioner();
    const partitionMetadata = Array.from({ length: 1_009 }, (_, partitionId) => ({
      ...{ partitionId, leader: 0, partitionErrorCode: 0, replicas: [], isr: [] },
    }));
    const keys = fc.oneof(fc.string({ unit: 'binary' }), fc.uuid(), fc.constant('عقد-0001'));
    fc.assert(
      fc.property(keys, (text) => {
        const message = { key: Buffer.from(text, 'utf8'), value: null };
        expect(choosePartition(text, 1_009)).toBe(kafkajsChooses({ topic: 't', partitionMetadata, message }));
      }),
      { numRuns: 1_000 },
    );
  });
});
