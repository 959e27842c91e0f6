import { ConfigResourceTypes, IncrementalAlterConfigOperationTypes } from '@platformatic/kafka';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { Producer } from 'kafkajs';
import { createKafkaAdmin } from '../../../src/kafka/create-kafka-admin.ts';
import { createLogReader } from '../../../src/kafka/create-log-reader.ts';
import type { LogReader } from '../../../src/ports.ts';
import { freshProviderId } from '../../support/fresh-provider.ts';
import {
  allowPrefix,
  createTopics,
  createUser,
  kafkaClient,
  platformaticAdmin,
  withKafkaAdmin,
} from '../../support/kafka-admin.ts';
import { waitFor } from '../../support/wait-for.ts';

const APPEND_TIME = { 'message.timestamp.type': 'LogAppendTime' };
const client = kafkaClient();
let producer: Producer;
const closes: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  producer = client.producer({ allowAutoTopicCreation: false });
  await producer.connect();
  closes.push(() => producer.disconnect());
});
afterAll(async () => {
  for (const close of closes.splice(0).reverse()) await close();
});

function openReader(login = inject('kafkaAdmin')): LogReader {
  const admin = createKafkaAdmin({
    brokers: inject('kafkaBrokers'),
    sasl: { mechanism: 'scram-sha-256', ...login },
    ssl: false,
    clientId: 'test-log-reader',
  });
  closes.push(() => admin.close());
  return createLogReader(admin);
}

async function freshTopic(options: Parameters<typeof createTopics>[1] = { config: APPEND_TIME }) {
  const topic = freshProviderId();
  await createTopics([topic], options);
  return topic;
}

const send = (topic: string, values: readonly (string | Buffer)[], partition = 0) =>
  producer.send({ topic, messages: values.map((value) => ({ key: 'k', value, partition })) });

/** The oldest record from `from` on, in one partition. */
async function oldest(reader: LogReader, topic: string, from: bigint, partition = 0) {
  const { topicId, partitions } = (await reader.ranges([topic])).get(topic)!;
  const { end } = partitions.get(partition)!;
  return (await reader.oldest([{ topic, topicId, partition, from, end }])).get(`${topic}/${partition}`);
}

async function deleteBefore(topic: string, offset: bigint): Promise<void> {
  const admin = platformaticAdmin();
  await admin.deleteRecords({ topics: [{ name: topic, partitions: [{ partition: 0, offset }] }] });
  await admin.close();
}

describe('the ranges of logs', () => {
  it('are empty where nothing was written, and hide nothing because a topic is missing', async () => {
    const topic = await freshTopic({ partitions: 2, config: APPEND_TIME });
    const ranges = await openReader().ranges([`${topic}-none`, topic]);
    expect([...ranges.keys()]).toEqual([topic]);
    expect([...ranges.get(topic)!.partitions]).toEqual([
      [0, { start: 0n, end: 0n }],
      [1, { start: 0n, end: 0n }],
    ]);
  });

  it('follow what is written, what is deleted and a partition that is added', async () => {
    const reader = openReader();
    const topic = await freshTopic();
    await send(topic, ['a', 'b', 'c']);
    await deleteBefore(topic, 2n);
    await withKafkaAdmin((admin) =>
      admin.createPartitions({ topicPartitions: [{ topic, count: 2 }] }).then(() => undefined),
    );
    await waitFor(
      'both partitions are led',
      async () => [...(await reader.ranges([topic])).get(topic)!.partitions],
      (partitions) =>
        partitions.length === 2 && partitions[0]![1]?.start === 2n && partitions[1]![1]?.end === 0n,
    );
    expect((await reader.ranges([topic])).get(topic)!.partitions.get(0)).toEqual({ start: 2n, end: 3n });
  });
});

describe('the oldest record from an offset on', () => {
  it("has the broker's time where the topic keeps append times", async () => {
    const topic = await freshTopic();
    const before = Date.now();
    await producer.send({ topic, messages: [{ value: 'old', partition: 0, timestamp: '1000' }] });
    const found = await oldest(openReader(), topic, 0n);
    expect(found).toMatchObject({ openTransaction: false, record: { offset: 0n } });
    expect(found!.record!.atMs).toBeGreaterThanOrEqual(before - 1_000);
  });

  it('has its own time, within a batch too, where the topic keeps those of the producers', async () => {
    const topic = await freshTopic({ config: { 'message.timestamp.type': 'CreateTime' } });
    const written = [3_000, 2_000, 1_000].map((ago) => Date.now() - ago);
    const messages = written.map((ms) => ({ value: 'x', partition: 0, timestamp: String(ms) }));
    await producer.send({ topic, messages });
    const reader = openReader();
    const times = [];
    for (const from of [0n, 1n, 2n]) times.push((await oldest(reader, topic, from))!.record!.atMs);
    expect(times).toEqual(written);
  });

  it('is none when everything is settled', async () => {
    const topic = await freshTopic();
    await send(topic, ['a']);
    expect(await oldest(openReader(), topic, 1n)).toEqual({ record: null, openTransaction: false });
  });

  it('is neither a marker nor a record of an aborted transaction', async () => {
    const topic = await freshTopic();
    const reader = openReader();
    const transactional = client.producer({
      transactionalId: `tx-${topic}`,
      maxInFlightRequests: 1,
      idempotent: true,
    });
    await transactional.connect();
    closes.push(() => transactional.disconnect());
    const write = async (value: string) => {
      const transaction = await transactional.transaction();
      await transaction.send({ topic, messages: [{ value, partition: 0 }] });
      return transaction;
    };
    // The broker says that a transaction has ended before its marker stands in the log.
    const ended = (from: bigint) =>
      waitFor(
        'the marker of the transaction',
        () => oldest(reader, topic, from),
        (found) => found?.openTransaction === false,
      );
    await (await write('committed')).commit(); // 0, and a marker at 1
    expect(await ended(1n)).toEqual({ record: null, openTransaction: false });
    await (await write('aborted')).abort(); // 2, and a marker at 3
    expect(await ended(1n)).toEqual({ record: null, openTransaction: false });
    await (await write('committed too')).commit(); // 4
    expect(await ended(1n)).toMatchObject({ record: { offset: 4n } });

    const open = await write('open'); // 6
    expect(await oldest(reader, topic, 5n)).toMatchObject({ record: { offset: 6n }, openTransaction: true });
    await open.abort();
    expect(await ended(5n)).toEqual({ record: null, openTransaction: false });
  });

  it('is the first that compaction left', async () => {
    const topic = await freshTopic({
      config: {
        'cleanup.policy': 'compact',
        'segment.ms': '50',
        'min.cleanable.dirty.ratio': '0.001',
        'message.timestamp.type': 'LogAppendTime',
      },
    });
    const broker = await withKafkaAdmin(async (each) => (await each.describeCluster()).brokers[0]!);
    const admin = platformaticAdmin();
    const cleanEvery = async (ms: string) =>
      admin.incrementalAlterConfigs({
        resources: [
          {
            resourceType: ConfigResourceTypes.BROKER,
            resourceName: String(broker.nodeId),
            configs: [
              {
                name: 'log.cleaner.backoff.ms',
                configOperation: IncrementalAlterConfigOperationTypes.SET,
                value: ms,
              },
            ],
          },
        ],
      });
    await cleanEvery('200');
    try {
      for (let i = 0; i < 5; i++) await send(topic, [`same key ${i}`]);
      const reader = openReader();
      await waitFor(
        'the log is compacted',
        async () => {
          await send(topic, ['again']);
          // A reader of its own: a record that was seen is believed to stay.
          return (await oldest(openReader(), topic, 0n))!.record!.offset;
        },
        (offset) => offset >= 4n,
        30_000,
      );
      const found = await oldest(reader, topic, 1n);
      expect(found!.record!.offset).toBeGreaterThanOrEqual(4n);
    } finally {
      await cleanEvery('15000');
      await admin.close();
    }
  });

  it('is found in every partition, though a broker gives only one of them a large batch', async () => {
    const topic = await freshTopic({ partitions: 6, config: APPEND_TIME });
    const partitions = [0, 1, 2, 3, 4, 5];
    for (const partition of partitions) {
      const size = [10, 5_000, 100_000, 500_000, 10, 900_000][partition]!;
      await send(topic, [Buffer.alloc(size)], partition);
    }
    const reader = openReader();
    const { topicId } = (await reader.ranges([topic])).get(topic)!;
    const found = await reader.oldest(
      partitions.map((partition) => ({ topic, topicId, partition, from: 0n, end: 1n })),
    );
    expect(partitions.map((partition) => found.get(`${topic}/${partition}`)?.record?.offset)).toEqual(
      partitions.map(() => 0n),
    );
  });
});

describe('groups', () => {
  it('have members or none, and the offsets that they committed', async () => {
    const topic = await freshTopic();
    await send(topic, ['a', 'b']);
    const groupId = `${topic}-readers`;
    const consumer = client.consumer({ groupId });
    await consumer.connect();
    const reader = openReader();
    await reader.ranges([topic]);
    try {
      await consumer.subscribe({ topic, fromBeginning: true });
      await consumer.run({ eachMessage: async () => {} });
      await waitFor('the group has a member', async () => (await reader.groups())?.get(groupId), Boolean);
      await waitFor(
        'the group has read both',
        async () => {
          await consumer.commitOffsets([{ topic, partition: 0, offset: '2' }]);
          return (await reader.committed([groupId]))[0]?.offsets.get(`${topic}/0`);
        },
        (offset) => offset === 2n,
      );
    } finally {
      await consumer.disconnect();
    }
    await waitFor(
      'the group is empty',
      async () => (await reader.groups())?.get(groupId),
      (members) => members === false,
    );
    expect((await reader.groups())?.has(`${topic}-nobody`)).toBe(false);
  });

  it('are seen as far as the user may', async () => {
    const user = { username: freshProviderId(), password: 'some-password' };
    await createUser(user);
    await allowPrefix(user.username, 'group', 'eassurance-', ['DESCRIBE']);
    const reader = openReader(user);
    expect(await reader.mayDescribeGroup('eassurance-x')).toBe(true);
    expect(await reader.mayDescribeGroup('saa-x')).toBe(false);
  });
});
