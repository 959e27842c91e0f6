import { TimeoutError } from '@platformatic/kafka';
import { afterEach, describe, expect, inject, it } from 'vitest';
import { askCluster } from '../../../src/kafka/ask-cluster.ts';
import { checkKafkaHealth } from '../../../src/kafka/check-health.ts';
import { createKafkaAdmin } from '../../../src/kafka/create-kafka-admin.ts';
import { createTopicInspector } from '../../../src/kafka/create-topic-inspector.ts';
import { freePort } from '../../support/free-port.ts';
import { freshProviderId } from '../../support/fresh-provider.ts';
import { createTopics, kafkaClient, platformaticAdmin, withKafkaAdmin } from '../../support/kafka-admin.ts';
import { waitFor } from '../../support/wait-for.ts';

const closes: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closes.splice(0)) await close();
});

function setup(overrides: { brokers?: string[]; password?: string } = {}) {
  const { username, password } = inject('kafkaAdmin');
  const admin = createKafkaAdmin({
    brokers: overrides.brokers ?? inject('kafkaBrokers'),
    sasl: { mechanism: 'scram-sha-256', username, password: overrides.password ?? password },
    ssl: false,
    clientId: 'test-inspector',
  });
  closes.push(() => admin.close());
  return {
    admin,
    inspector: createTopicInspector(admin),
    health: checkKafkaHealth(admin),
    topic: freshProviderId(),
  };
}

describe('a topic inspector', () => {
  it('gives a topic that was deleted and created again another identity', async () => {
    const { inspector, topic } = setup();
    await createTopics([topic]);
    const before = (await inspector.topicIds([topic])).get(topic);
    await withKafkaAdmin((admin) => admin.deleteTopics({ topics: [topic] }));
    await waitFor('the topic is gone', async () => !(await inspector.topicIds([topic])).has(topic));
    await createTopics([topic]);
    const after = (await inspector.topicIds([topic])).get(topic);
    expect(before).toMatch(/^[0-9a-f-]{36}$/);
    expect(after).toMatch(/^[0-9a-f-]{36}$/);
    expect(after).not.toBe(before);
  });

  it('knows the topics that exist among others that do not', async () => {
    const { inspector, topic } = setup();
    await createTopics([topic]);
    const ids = await inspector.topicIds([`${topic}-none`, topic]);
    expect([...ids.keys()]).toEqual([topic]);
    expect((await inspector.topicIds([])).size).toBe(0);
  });

  it('follows the oldest offset when records are removed', async () => {
    const { inspector, topic } = setup();
    await createTopics([topic]);
    expect(await inspector.earliestOffset(topic, 0)).toBe(0n);
    const producer = kafkaClient().producer();
    await producer.connect();
    await producer.send({ topic, messages: [{ value: 'a' }, { value: 'b' }, { value: 'c' }] });
    await producer.disconnect();
    const admin = platformaticAdmin();
    await admin.deleteRecords({ topics: [{ name: topic, partitions: [{ partition: 0, offset: 2n }] }] });
    await admin.close();
    expect(await inspector.earliestOffset(topic, 0)).toBe(2n);
  });

  it('tells where each partition ends, and leaves out a topic that it can not ask about', async () => {
    const { inspector, topic } = setup();
    await createTopics([topic], { partitions: 2 });
    const producer = kafkaClient().producer();
    await producer.connect();
    await producer.send({ topic, messages: [{ value: 'a', partition: 1 }] });
    await producer.disconnect();
    expect(await inspector.endOffsets([topic, `${topic}-none`])).toEqual(
      new Map([
        [
          topic,
          new Map([
            [0, 0n],
            [1, 1n],
          ]),
        ],
      ]),
    );
    await expect(inspector.endOffsets([`${topic}-none`])).rejects.toMatchObject({ code: 'TOPIC_MISSING' });
  });

  it('knows nobody in a group that does not exist', async () => {
    const { inspector, topic } = setup();
    expect(await inspector.groupMembers(`eassurance-${topic}`)).toEqual(new Set());
  });

  it('leaves a connection that owes an answer and asks the next question on another', async () => {
    const { inspector, admin, topic } = setup();
    await createTopics([topic]);
    await inspector.topicIds([topic]);
    const sockets = () => [...admin.connections].map(([, { socket }]) => socket);
    const silent = sockets();
    expect(silent.length).toBeGreaterThan(0);
    const timeout = () => Promise.reject(new TimeoutError('Request timed out'));
    await expect(askCluster(admin, 'asking', timeout)).rejects.toMatchObject({ code: 'KAFKA_UNAVAILABLE' });
    expect(silent.every((socket) => socket.destroyed)).toBe(true);
    await waitFor('an answer', async () => (await inspector.topicIds([topic])).has(topic));
    expect(sockets().some((socket) => silent.includes(socket))).toBe(false);
  });

  it('throws a TransientError for a topic that is gone', async () => {
    const { inspector, topic } = setup();
    await expect(inspector.earliestOffset(topic, 0)).rejects.toMatchObject({
      name: 'TransientError',
      code: 'TOPIC_MISSING',
    });
  });
});

describe('the health of Kafka', () => {
  it('is up when a broker answers', async () => {
    expect(await setup().health()).toEqual({
      name: 'kafka',
      status: 'up',
      detail: '1 broker in the cluster',
    });
  });

  it('is down, with the reason, when nobody listens', async () => {
    const { health } = setup({ brokers: [`127.0.0.1:${await freePort()}`] });
    expect(await health()).toMatchObject({
      status: 'down',
      detail: expect.stringContaining('KAFKA_UNAVAILABLE') as string,
    });
  });

  it('is down, without the password, when the login is refused', async () => {
    const status = await setup({ password: 'not-the-one' }).health();
    expect(status).toMatchObject({
      status: 'down',
      detail: expect.stringContaining('KAFKA_UNAUTHENTICATED') as string,
    });
    expect(status.detail).not.toContain('not-the-one');
  });
});
