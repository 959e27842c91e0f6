import { randomUUID } from 'node:crypto';
import { Connection, joinGroupV9 } from '@platformatic/kafka';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { kafkaClient, type KafkaLogin } from '../support/kafka-admin.ts';
import { setup, type Bed, type Insurer } from './setup.ts';

const NO_RETRIES = { retry: { retries: 0 } };

/** What Kafka's refusal is called, or `null` when it let the work happen. */
async function refusalOf(work: () => Promise<unknown>): Promise<string | null> {
  try {
    await work();
    return null;
  } catch (error) {
    return typeOf(error);
  }
}

function typeOf(error: unknown): string {
  const { type, apiId, cause, errors } = error as {
    type?: string;
    apiId?: string;
    cause?: unknown;
    errors?: unknown[];
  };
  if (type ?? apiId) return (type ?? apiId)!;
  const inner = errors?.[0] ?? cause;
  return inner === undefined ? String(error) : typeOf(inner);
}

async function write(login: KafkaLogin, topic: string): Promise<void> {
  const producer = kafkaClient(login, NO_RETRIES).producer({ allowAutoTopicCreation: false });
  try {
    await producer.connect();
    await producer.send({ topic, acks: -1, messages: [{ key: 'access', value: null }] });
  } finally {
    await producer.disconnect();
  }
}

/** Resolves once the group's member has fetched from the topic. */
async function read(login: KafkaLogin, groupId: string, topic: string): Promise<void> {
  const retry = { restartOnFailure: async () => false };
  const consumer = kafkaClient(login, NO_RETRIES).consumer({ groupId, retry });
  const fetched = new Promise<void>((resolve, reject) => {
    consumer.on('consumer.crash', ({ payload }) => reject(payload.error));
    consumer.on('consumer.fetch', () => resolve());
  });
  try {
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    await consumer.run({ autoCommit: false, eachMessage: async () => {} });
    await fetched;
  } finally {
    fetched.catch(() => {});
    await consumer.disconnect();
  }
}

/** Asks the broker, which coordinates every group, to join; it names a newcomer first, which is as good as joined. */
async function join(login: KafkaLogin, groupId: string): Promise<string | null> {
  const [host, port] = inject('kafkaBrokers')[0]!.split(':');
  const broker = new Connection('tests', { sasl: { mechanism: 'SCRAM-SHA-256', ...login } });
  await broker.connect(host!, Number(port));
  const protocols = [{ name: 'range' }];
  const answer = await refusalOf(() =>
    joinGroupV9.api.async(broker, groupId, 6_000, 6_000, '', null, 'consumer', protocols),
  );
  await broker.close();
  return answer === 'MEMBER_ID_REQUIRED' ? null : answer;
}

describe('the rights that provisioning gave', () => {
  let bed: Bed;
  let saa: Insurer;
  let trust: Insurer;
  let bridge: KafkaLogin;
  beforeAll(async () => {
    bed = await setup({ providers: 2 });
    [saa, trust] = bed.insurers as [Insurer, Insurer];
    bridge = { username: bed.env['KAFKA_SASL_USERNAME']!, password: bed.env['KAFKA_SASL_PASSWORD']! };
  });
  afterAll(() => bed.close());

  const topicsOf = (owner: string) =>
    [...bed.topology.routes.values()]
      .filter(({ providerId }) => providerId === owner)
      .map(({ topic }) => topic);
  const group = () => `${saa.id}-${randomUUID()}`;

  it('let an insurer write and read every topic of its own', async () => {
    const own = topicsOf(saa.id);
    expect(own).toHaveLength(6);
    for (const topic of own) {
      expect([topic, await refusalOf(() => write(saa.login, topic))]).toEqual([topic, null]);
    }
    expect(await refusalOf(() => read(saa.login, group(), own[0]!))).toBeNull();
  });

  it('let it neither write nor read any topic of another', async () => {
    const theirs = topicsOf(trust.id);
    expect(theirs).toHaveLength(6);
    for (const topic of theirs) {
      const refusals = [
        await refusalOf(() => write(saa.login, topic)),
        await refusalOf(() => read(saa.login, group(), topic)),
      ];
      expect([topic, ...refusals]).toEqual([
        topic,
        'TOPIC_AUTHORIZATION_FAILED',
        'TOPIC_AUTHORIZATION_FAILED',
      ]);
    }
  });

  it('let it read what is shared, and not write it', async () => {
    for (const topic of topicsOf('shared')) {
      expect(await refusalOf(() => read(saa.login, group(), topic))).toBeNull();
      expect(await refusalOf(() => write(saa.login, topic))).toBe('TOPIC_AUTHORIZATION_FAILED');
    }
  });

  it.each([
    ['of the bridge for it', () => `eassurance-${saa.id}`],
    ['of the bridge for another', () => `eassurance-${trust.id}`],
    ['of another insurer', () => `${trust.id}-platform`],
    ['of nobody', () => 'somebody-else'],
  ])('keep it out of a group %s', async (_whose, groupId) => {
    expect(await join(saa.login, groupId())).toBe('GROUP_AUTHORIZATION_FAILED');
  });

  it('let it into a group of its own', async () => {
    expect(await join(saa.login, `${saa.id}-anything`)).toBeNull();
  });

  it('let the bridge write every topic, and use no group of an insurer', async () => {
    for (const { topic } of bed.topology.routes.values()) {
      expect([topic, await refusalOf(() => write(bridge, topic))]).toEqual([topic, null]);
    }
    expect(await join(bridge, 'eassurance-anything')).toBeNull();
    expect(await join(bridge, `${saa.id}-platform`)).toBe('GROUP_AUTHORIZATION_FAILED');
  });

  it('let nobody make a topic', async () => {
    for (const login of [bridge, saa.login, trust.login]) {
      const admin = kafkaClient(login, NO_RETRIES).admin();
      await admin.connect();
      const topic = `${login.username}-new.topic`;
      expect(await refusalOf(() => admin.createTopics({ topics: [{ topic, numPartitions: 1 }] }))).toMatch(
        /_AUTHORIZATION_FAILED$/,
      );
      await admin.disconnect();
    }
  });

  it('let nobody in with a wrong password', async () => {
    const wrong = { username: saa.id, password: 'guessed' };
    expect(await refusalOf(() => write(wrong, topicsOf(saa.id)[0]!))).toMatch(/SASL/);
  });
});
