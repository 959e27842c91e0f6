import { randomUUID } from 'node:crypto';
import { inject, describe, expect, it } from 'vitest';
import { freshProviderId } from '../../support/fresh-provider.ts';
import {
  allowPrefix,
  createTopics,
  createUser,
  kafkaClient,
  readTopic,
  withKafkaAdmin,
} from '../../support/kafka-admin.ts';
import type { KafkaLogin } from '../../support/kafka-admin.ts';

/** A provider with its Kafka user, which may use what begins with `<id>-`, and one topic. */
async function setup() {
  const provider = freshProviderId();
  const login: KafkaLogin = { username: provider, password: randomUUID() };
  const topic = `${provider}-constat.created`;
  await createTopics([topic]);
  await createUser(login);
  await allowPrefix(provider, 'topic', `${provider}-`, ['READ', 'WRITE', 'DESCRIBE']);
  await allowPrefix(provider, 'group', `${provider}-`, ['READ']);
  return { provider, login, topic };
}

async function produce(login: KafkaLogin, topic: string, value: string): Promise<void> {
  const producer = kafkaClient(login, { retry: { retries: 1 } }).producer({ allowAutoTopicCreation: false });
  await producer.connect();
  try {
    await producer.send({ topic, acks: -1, messages: [{ key: 'k', value }] });
  } finally {
    await producer.disconnect();
  }
}

/** The first value of the topic, read as a member of the group. */
async function consumeOne(login: KafkaLogin, topic: string, groupId: string): Promise<string | undefined> {
  const consumer = kafkaClient(login).consumer({ groupId });
  await consumer.connect();
  try {
    await consumer.subscribe({ topic, fromBeginning: true });
    return await new Promise((resolve, reject) => {
      // kafkajs starts again by itself after what it can retry, such as a coordinator that still loads.
      consumer.on('consumer.crash', ({ payload }) => payload.restart || reject(payload.error));
      consumer.run({ eachMessage: async ({ message }) => resolve(message.value?.toString()) }).catch(reject);
    });
  } finally {
    await consumer.disconnect();
  }
}

describe('the cluster of the tests', () => {
  it('refuses a login with a wrong password', async () => {
    const { login } = await setup();
    const admin = kafkaClient({ ...login, password: 'wrong' }, { retry: { retries: 0 } }).admin();
    await expect(admin.connect()).rejects.toMatchObject({ name: 'KafkaJSSASLAuthenticationError' });
    await admin.disconnect();
  });

  it('lets a user write below its own prefix and refuses it on another', async () => {
    const saa = await setup();
    const trust = await setup();
    await produce(saa.login, saa.topic, 'mine');
    await expect(produce(saa.login, trust.topic, 'not mine')).rejects.toThrow(
      'Not authorized to access topics',
    );
    expect((await readTopic(saa.topic)).map(({ value }) => value?.toString())).toEqual(['mine']);
    expect(await readTopic(trust.topic)).toEqual([]);
  });

  it('lets a user join a group below its prefix and refuses it in another', async () => {
    const { provider, login, topic } = await setup();
    await produce(login, topic, 'mine');
    expect(await consumeOne(login, topic, `${provider}-reader`)).toBe('mine');
    // kafkajs does not tell why the coordinator was not told to it; the group's name is the only difference.
    await expect(consumeOne(login, topic, freshProviderId())).rejects.toThrow(
      'Failed to find group coordinator',
    );
  });

  it('makes no topic that nobody asked for', async () => {
    const name = `${freshProviderId()}-constat.created`;
    await expect(produce(inject('kafkaAdmin'), name, 'x')).rejects.toThrow(
      'This server does not host this topic-partition',
    );
    expect(await withKafkaAdmin((admin) => admin.listTopics())).not.toContain(name);
  });

  it('stamps records with the time of the broker, also on a topic made without any configuration', async () => {
    const { login, topic } = await setup();
    await produce(login, topic, 'x');
    const { resources } = await withKafkaAdmin((admin) =>
      admin.describeConfigs({ includeSynonyms: false, resources: [{ type: 2, name: topic }] }),
    );
    const entry = resources[0]?.configEntries.find(
      ({ configName }) => configName === 'message.timestamp.type',
    );
    expect(entry?.configValue).toBe('LogAppendTime');
  });

  it('has a registry that speaks the Confluent API and a PostgreSQL that takes connections', async () => {
    const response = await fetch(`${inject('registryUrl')}/subjects`);
    expect(response.status).toBe(200);
    expect(Array.isArray(await response.json())).toBe(true);
    expect(inject('databaseUrl')).toMatch(/^postgres(ql)?:\/\//);
  });
});
