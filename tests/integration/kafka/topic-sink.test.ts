import { randomBytes, randomUUID } from 'node:crypto';
import { connect } from 'node:net';
import pino from 'pino';
import { afterEach, describe, expect, inject, it } from 'vitest';
import { createKafka } from '../../../src/kafka/create-kafka.ts';
import { createTopicSink } from '../../../src/kafka/create-topic-sink.ts';
import type { OutgoingRecord } from '../../../src/ports.ts';
import { freshProviderId } from '../../support/fresh-provider.ts';
import { allowPrefix, createTopics, createUser, kafkaClient, readTopic } from '../../support/kafka-admin.ts';
import type { KafkaLogin } from '../../support/kafka-admin.ts';

const closes: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closes.splice(0)) await close();
});

const record = (topic: string, key: string, value: string | Buffer): OutgoingRecord => ({
  topic,
  key,
  value: Buffer.from(value),
  headers: { ce_id: key },
});

async function setup(options: { login?: KafkaLogin; partitions?: number; maxMessageBytes?: number } = {}) {
  const provider = freshProviderId();
  const topics = [`${provider}-constat.created`, `${provider}-constat.updated`] as const;
  const config: Record<string, string> = options.maxMessageBytes
    ? { 'max.message.bytes': String(options.maxMessageBytes) }
    : {};
  await createTopics(topics, { partitions: options.partitions ?? 3, config });
  const open = (login: KafkaLogin = inject('kafkaAdmin')) => {
    const connection = {
      brokers: inject('kafkaBrokers'),
      sasl: { mechanism: 'scram-sha-256', ...login },
      ssl: false,
      clientId: `test-${randomUUID()}`,
    } as const;
    const log = pino({ level: 'silent' });
    const sink = createTopicSink({ kafka: createKafka(connection, log), log });
    closes.push(() => sink.close());
    return sink;
  };
  return { provider, topics, open };
}

describe('a topic sink', () => {
  it('tells for each record where it stands', async () => {
    const { topics, open } = await setup();
    const sink = open();
    const records = Array.from({ length: 40 }, (_, i) =>
      record(topics[i % 2]!, `key-${i % 7}`, `value-${i}`),
    );
    const results = [...(await sink.send(records.slice(0, 25))), ...(await sink.send(records.slice(25)))];

    for (const topic of topics) {
      const stored = await readTopic(topic);
      const claimed = results.flatMap((result, i) => {
        if (records[i]!.topic !== topic || result.status !== 'acknowledged') return [];
        return [`${result.partition}/${result.offset} ${records[i]!.key} ${records[i]!.value.toString()}`];
      });
      const standing = stored.map(
        ({ partition, offset, key, value }) => `${partition}/${offset} ${key} ${value?.toString()}`,
      );
      expect(claimed.toSorted()).toEqual(standing.toSorted());
      expect(claimed).toHaveLength(20);
    }
  });

  it('keeps the order of each key, also over calls that were not awaited', async () => {
    const { topics, open } = await setup();
    const sink = open();
    const batch = (from: number) =>
      Array.from({ length: 30 }, (_, i) => record(topics[0], `key-${i % 5}`, String(from + i)));
    await Promise.all([0, 30, 60, 90].map((from) => sink.send(batch(from))));

    const stored = await readTopic(topics[0]);
    for (const key of ['key-0', 'key-1', 'key-2', 'key-3', 'key-4']) {
      const numbers = stored.filter((each) => each.key === key).map(({ value }) => Number(value));
      expect(numbers).toHaveLength(24);
      expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
    }
  });

  it('refuses a record that is too large and sends the others, in their order', async () => {
    const { topics, open } = await setup({ partitions: 1, maxMessageBytes: 10_000 });
    const sink = open();
    const large = randomBytes(20_000);
    const results = await sink.send([
      record(topics[0], 'a', '1'),
      record(topics[0], 'b', '2'),
      record(topics[0], 'c', large),
      record(topics[0], 'd', '4'),
      record(topics[1], 'e', '5'),
    ]);
    expect(results.map((result) => (result.status === 'refused' ? result.code : result.status))).toEqual([
      'acknowledged',
      'acknowledged',
      'MESSAGE_TOO_LARGE',
      'acknowledged',
      'acknowledged',
    ]);
    expect((await readTopic(topics[0])).map(({ key }) => key)).toEqual(['a', 'b', 'd']);
  });

  it('sends small records whose sum is larger than the limit of the topic', async () => {
    const { topics, open } = await setup({ partitions: 1, maxMessageBytes: 10_000 });
    const records = Array.from({ length: 12 }, (_, i) => record(topics[0], `k${i}`, randomBytes(3_000)));
    const results = await open().send(records);
    expect(results).toEqual(
      records.map((_, i) => ({ status: 'acknowledged', partition: 0, offset: BigInt(i) })),
    );
    expect((await readTopic(topics[0])).map(({ key }) => key)).toEqual(records.map(({ key }) => key));
  });

  it('loses nothing that follows a refused record under a reused sequence number', async () => {
    const { topics, open } = await setup({ partitions: 2, maxMessageBytes: 10_000 });
    const sink = open();
    for (let round = 0; round < 5; round += 1) {
      const results = await sink.send([
        ...Array.from({ length: 4 }, (_, i) => record(topics[0], `k${i}`, `${round}-${i}`)),
        record(topics[0], 'large', randomBytes(20_000)),
      ]);
      expect(results.map(({ status }) => status)).toEqual([
        ...Array<string>(4).fill('acknowledged'),
        'refused',
      ]);
    }
    const texts = (await readTopic(topics[0])).map(({ value }) => value!.toString());
    const expected = [0, 1, 2, 3, 4].flatMap((round) => [0, 1, 2, 3].map((i) => `${round}-${i}`));
    expect(texts.toSorted()).toEqual(expected);
  });

  it('refuses what this user may not write and what does not exist, and sends the rest', async () => {
    const { provider, topics, open } = await setup();
    const login = { username: `${provider}-user`, password: 'secret' };
    await createUser(login);
    await allowPrefix(login.username, 'topic', topics[0], ['WRITE', 'DESCRIBE']);
    await allowPrefix(login.username, 'topic', topics[1], ['DESCRIBE']);
    const sink = open(login);
    const send = () =>
      sink.send([
        record(topics[1], 'a', '1'),
        record(topics[0], 'b', '2'),
        record(`${provider}-none`, 'c', '3'),
        record(topics[0], 'd', '4'),
      ]);
    for (let round = 0; round < 2; round += 1) {
      expect(await send()).toMatchObject([
        { status: 'refused', code: 'TOPIC_AUTHORIZATION_FAILED' },
        { status: 'acknowledged' },
        { status: 'refused', code: 'TOPIC_AUTHORIZATION_FAILED' },
        { status: 'acknowledged' },
      ]);
    }
    expect(await open().send([record(`${provider}-none`, 'a', '1')])).toMatchObject([
      { status: 'refused', code: 'UNKNOWN_TOPIC_OR_PARTITION' },
    ]);
    expect(await readTopic(topics[1])).toEqual([]);
    expect(await readTopic(topics[0])).toHaveLength(4);
  });

  it('says that nothing is known when Kafka refuses the password', async () => {
    const { topics, open } = await setup();
    const sink = open({ username: 'admin', password: 'wrong' });
    await expect(sink.connect()).rejects.toMatchObject({
      name: 'TransientError',
      code: 'KAFKA_UNAUTHENTICATED',
    });
    expect(await sink.send([record(topics[0], 'a', '1')])).toMatchObject([
      { status: 'unknown', error: { name: 'TransientError', code: 'KAFKA_UNAUTHENTICATED' } },
    ]);
  });

  it('does not know what became of one topic, and what the others took stays known', async () => {
    const { topics } = await setup({ partitions: 1 });
    let away = false;
    const kafka = kafkaClient(inject('kafkaAdmin'), {
      retry: { retries: 1 },
      // Whoever connects from now on finds nobody there.
      socketFactory: ({ host, port, onConnect }) => connect({ host, port: away ? 1 : port }, onConnect),
    });
    const sink = createTopicSink({ kafka, log: pino({ level: 'silent' }) });
    closes.push(() => sink.close());
    await sink.send([record(topics[0], 'a', '1')]);
    away = true;
    const records = [record(topics[0], 'a', '2'), record(topics[1], 'a', '1'), record(topics[0], 'b', '3')];
    // A producer for each topic: that of the first is connected, that of the second is not.
    expect(await sink.send(records)).toMatchObject([
      { status: 'acknowledged', offset: 1n },
      { status: 'unknown', error: { name: 'TransientError', code: 'KAFKA_UNAVAILABLE' } },
      { status: 'acknowledged', offset: 2n },
    ]);
    away = false;
    expect(await sink.send([records[1]!])).toMatchObject([{ status: 'acknowledged', offset: 0n }]);
    expect(await readTopic(topics[0])).toHaveLength(3);
  });
});
