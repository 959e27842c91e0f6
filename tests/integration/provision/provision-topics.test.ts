import { joinGroupV9 } from '@platformatic/kafka';
import pino from 'pino';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import { createClusterAdmin } from '../../../src/kafka/create-cluster-admin.ts';
import { anyBroker } from '../../../src/kafka/create-kafka-admin.ts';
import { createKafka } from '../../../src/kafka/create-kafka.ts';
import { createTopicSink } from '../../../src/kafka/create-topic-sink.ts';
import type { AclRule, ClusterAdmin, Provider, TopicRoute, Topology } from '../../../src/ports.ts';
import { desiredCluster } from '../../../src/provision/desired-cluster.ts';
import type { DesiredCluster } from '../../../src/provision/desired-cluster.ts';
import { describeCluster } from '../../../src/provision/describe-cluster.ts';
import { planTopics } from '../../../src/provision/plan-topics.ts';
import type { Consent } from '../../../src/provision/plan-topics.ts';
import { provisionTopics } from '../../../src/provision/provision-topics.ts';
import { freshProviderId } from '../../support/fresh-provider.ts';
import { allowPrefix, kafkaClient, platformaticAdmin, withKafkaAdmin } from '../../support/kafka-admin.ts';

const closes: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closes.splice(0)) await close();
});

function openAdmin(): ClusterAdmin {
  const admin = createClusterAdmin({
    brokers: inject('kafkaBrokers'),
    sasl: { mechanism: 'scram-sha-256', ...inject('kafkaAdmin') },
    ssl: false,
    clientId: 'test-provision',
  });
  closes.push(() => admin.close());
  return admin;
}

/** Two providers of this test alone; `upkeep` changes every topic. */
function topologyOf(saa: string, trust: string, upkeep: Partial<TopicRoute> = {}): Topology {
  const route = (
    providerId: string,
    kind: string,
    action: string,
    writers: readonly string[],
  ): TopicRoute => ({
    topic: `${providerId}-${kind}.${action}`,
    providerId,
    kind,
    action,
    record: 'r',
    writers,
    partitions: 2,
    replicationFactor: 1,
    minInsyncReplicas: 1,
    retentionMs: 86_400_000,
    maxMessageBytes: 1_048_576,
    ...upkeep,
  });
  const provider = (id: string): Provider => ({
    id,
    name: id,
    user: `${id}-user`,
    writerIds: [id],
    shareVerifications: false,
    pull: { intervalMs: 1, collections: [] },
  });
  const routes = [
    ...[saa, trust].flatMap((id) => [
      route(id, 'constat', 'created', ['eassurance', id]),
      route(id, 'policy', 'updated', [id]),
    ]),
    { ...route('shared', 'vehicle', 'verified', ['eassurance']), topic: `shared-${saa}.verified` },
  ];
  return {
    providers: new Map([saa, trust].map((id) => [id, provider(id)])),
    routes: new Map(routes.map((each) => [each.topic, each])),
    kinds: new Map(),
  };
}

function desiredOf(
  saa: string,
  trust: string,
  upkeep: Partial<TopicRoute> = {},
  bridgePassword = 'bridge-secret',
) {
  const desired = desiredCluster(topologyOf(saa, trust, upkeep), {
    bridgeUser: `${saa}-bridge`,
    bridgePassword,
    providerPasswords: new Map([saa, trust].map((id) => [id, `${id}-secret`])),
  });
  // The cluster is shared with other tests, whose topics and groups under these two prefixes are not this test's.
  return {
    ...desired,
    prefixes: desired.prefixes.filter((prefix) => prefix.startsWith(saa) || prefix.startsWith(trust)),
  };
}

const granted: AclRule[] = [];
/** Other tests plan on this cluster too. */
afterAll(async () => {
  await openAdmin().deleteAcls(granted);
  for (const close of closes.splice(0)) await close();
});

async function provision(desired: DesiredCluster, consents: readonly Consent[] = []) {
  const admin = openAdmin();
  granted.push(...desired.acls);
  const done: string[] = [];
  await provisionTopics(desired, {
    admin,
    consents: new Set(consents),
    onDone: ({ subject, sentence }) => done.push(`${subject}: ${sentence}`),
  });
  return done;
}

const planned = async (desired: DesiredCluster) =>
  planTopics(await describeCluster(desired, openAdmin()), desired).steps.map(
    ({ subject, sentence }) => `${subject}: ${sentence}`,
  );

describe('provisioning', () => {
  it('has nothing to do the second time', async () => {
    const desired = desiredOf(freshProviderId(), freshProviderId());
    expect((await provision(desired)).length).toBeGreaterThan(5);
    expect(await provision(desired)).toEqual([]);
    expect(await planned(desired)).toEqual([]);
  });

  it('sets what topics.yaml says on the topics', async () => {
    const saa = freshProviderId();
    const desired = desiredOf(saa, freshProviderId());
    await provision(desired);
    const name = `${saa}-constat.created`;
    const found = await openAdmin().describeTopics(
      [name],
      ['cleanup.policy', 'retention.ms', 'message.timestamp.type'],
    );
    expect(found.get(name)).toEqual({
      topic: name,
      partitions: 2,
      replicationFactor: 1,
      config: {
        'cleanup.policy': 'delete',
        'retention.ms': '86400000',
        'message.timestamp.type': 'LogAppendTime',
      },
    });
  });

  it('changes a setting and leaves the others, also those that are not ours', async () => {
    const [saa, trust] = [freshProviderId(), freshProviderId()];
    const name = `${saa}-constat.created`;
    await provision(desiredOf(saa, trust));
    await openAdmin().alterTopicConfig(name, { 'segment.ms': '3600000' });
    const done = await provision(desiredOf(saa, trust, { retentionMs: 172_800_000 }));
    expect(done).toHaveLength(5);
    expect(done).toContain(`${name}: change retention.ms 86400000 → 172800000`);
    const found = await openAdmin().describeTopics([name], ['segment.ms', 'retention.ms']);
    expect(found.get(name)!.config).toEqual({ 'segment.ms': '3600000', 'retention.ms': '172800000' });
  });

  it('raises partitions only when told to', async () => {
    const [saa, trust] = [freshProviderId(), freshProviderId()];
    await provision(desiredOf(saa, trust));
    const more = desiredOf(saa, trust, { partitions: 3 });
    expect(await provision(more)).toEqual([]);
    expect(await provision(more, ['add-partitions'])).toHaveLength(5);
    expect(await planned(more)).toEqual([]);
  });

  it('removes a rule that nobody asked for only when told to prune', async () => {
    const saa = freshProviderId();
    const desired = desiredOf(saa, freshProviderId());
    await provision(desired);
    await allowPrefix('mallory', 'topic', `${saa}-constat`, ['READ']);
    const extra = `User:mallory: extra: remove "allow Read on topics that begin with ${saa}-constat"`;
    expect(await planned(desired)).toEqual([extra]);
    expect(await provision(desired)).toEqual([]);
    expect(await provision(desired, ['prune'])).toEqual([extra]);
    expect(await planned(desired)).toEqual([]);
  });

  it('notices another password and replaces it', async () => {
    const [saa, trust] = [freshProviderId(), freshProviderId()];
    await provision(desiredOf(saa, trust));
    const changed = desiredOf(saa, trust, {}, 'another-secret');
    expect(await provision(changed)).toEqual([expect.stringMatching(/-bridge: replace the password/)]);
    expect(await planned(changed)).toEqual([]);
  });
});

describe('the rights of each user', () => {
  const [saa, trust] = [freshProviderId(), freshProviderId()];
  const bridge = `${saa}-bridge`;
  const users: Readonly<Record<string, string>> = {
    [`${saa}-user`]: `${saa}-secret`,
    [`${trust}-user`]: `${trust}-secret`,
    [bridge]: 'bridge-secret',
  };
  const shared = `shared-${saa}.verified`;
  const topics = [saa, trust]
    .flatMap((id) => [`${id}-constat.created`, `${id}-policy.updated`])
    .concat(shared);

  beforeAll(async () => {
    await provision(desiredOf(saa, trust));
  });

  const log = pino({ level: 'silent' });
  const connect = (username: string, password = users[username]!) =>
    createKafka(
      {
        brokers: inject('kafkaBrokers'),
        sasl: { mechanism: 'scram-sha-256', username, password },
        ssl: false,
        clientId: 'test-rights',
      },
      log,
    );

  /** Topics that take a record from this user. */
  async function writable(user: string): Promise<readonly string[]> {
    const sink = createTopicSink({ kafka: connect(user), log });
    closes.push(() => sink.close());
    const results = await sink.send(
      topics.map((topic) => ({ topic, key: 'k', value: Buffer.from('v'), headers: {} })),
    );
    const refusals = results.flatMap((result) => (result.status === 'refused' ? [result.code] : []));
    expect(refusals.filter((code) => code !== 'TOPIC_AUTHORIZATION_FAILED')).toEqual([]);
    return topics.filter((_, index) => results[index]!.status === 'acknowledged');
  }

  /** Whether this user can consume the topic as a member of the group: the refusal, or what it was let to do. */
  async function consume(user: string, groupId: string, topic: string): Promise<string> {
    const consumer = connect(user).consumer({ groupId, retry: { restartOnFailure: async () => false } });
    const outcome = Promise.withResolvers<string>();
    consumer.on('consumer.crash', ({ payload }) => outcome.resolve(codeOf(payload.error)));
    consumer.on('consumer.fetch', () => outcome.resolve('fetched'));
    try {
      await consumer.connect();
      await consumer.subscribe({ topic, fromBeginning: true });
      await consumer.run({ autoCommit: false, eachMessage: async () => {} });
      return await outcome.promise;
    } catch (error) {
      return codeOf(error);
    } finally {
      await consumer.disconnect();
    }
  }

  /** What the broker, which is the coordinator of every group, answers to this user's wish to join. */
  async function join(user: string, groupId: string): Promise<string> {
    const admin = platformaticAdmin({ username: user, password: users[user]! });
    closes.push(() => admin.close());
    const broker = await anyBroker(admin);
    const joining = joinGroupV9.api.async(broker, groupId, 6_000, 6_000, '', null, 'consumer', [
      { name: 'x' },
    ]);
    return joining.then(
      () => 'joined',
      (error: { errors?: { apiId?: string }[] }) => error.errors?.[0]?.apiId ?? 'another error',
    );
  }
  const codeOf = (error: unknown): string => {
    const { type, cause } = error as { type?: string; cause?: unknown };
    return type ?? (cause === undefined ? String(error) : codeOf(cause));
  };

  it('lets an insurer write its own topics, not those of another, nor the shared ones', async () => {
    expect(await writable(`${saa}-user`)).toEqual([`${saa}-constat.created`, `${saa}-policy.updated`]);
    expect(await writable(`${trust}-user`)).toEqual([`${trust}-constat.created`, `${trust}-policy.updated`]);
  });

  it('lets the bridge write all of its topics, since it publishes every merge', async () => {
    expect(await writable(bridge)).toEqual(topics);
  });

  it.each([
    ['its own topics', `${saa}-constat.created`, 'fetched'],
    ['the shared topics', shared, 'fetched'],
    ["not another insurer's topics", `${trust}-constat.created`, 'TOPIC_AUTHORIZATION_FAILED'],
    ["not another insurer's policies", `${trust}-policy.updated`, 'TOPIC_AUTHORIZATION_FAILED'],
  ])('lets an insurer read %s', async (_which, topic, expected) => {
    expect(await consume(`${saa}-user`, `${saa}-platform`, topic)).toBe(expected);
  });

  it.each([
    ['another insurer', `${trust}-platform`],
    ['the bridge', `eassurance-${saa}`],
    ['nobody', 'some-group'],
  ])('keeps an insurer out of a group of %s', async (_whose, groupId) => {
    expect(await join(`${saa}-user`, groupId)).toBe('GROUP_AUTHORIZATION_FAILED');
  });

  it('lets an insurer into its own group', async () => {
    expect(await join(`${saa}-user`, `${saa}-platform`)).toBe('MEMBER_ID_REQUIRED');
  });

  it('lets the bridge read every topic in its own groups, and in no group of an insurer', async () => {
    for (const topic of topics) expect(await consume(bridge, `eassurance-${saa}`, topic)).toBe('fetched');
    expect(await join(bridge, `${saa}-platform`)).toBe('GROUP_AUTHORIZATION_FAILED');
  });

  it.each(Object.keys(users))('lets %s create, change or delete nothing', async (user) => {
    const admin = connect(user).admin();
    await admin.connect();
    closes.push(() => admin.disconnect());
    const mine = `${saa}-constat.created`;
    await expect(admin.createTopics({ topics: [{ topic: `${saa}-more.created` }] })).rejects.toThrow();
    await expect(admin.createPartitions({ topicPartitions: [{ topic: mine, count: 9 }] })).rejects.toThrow(
      /authorized/i,
    );
    await expect(admin.deleteTopics({ topics: [mine] })).rejects.toThrow(/authoriz/i);
    await expect(
      admin.createAcls({
        acl: [
          {
            principal: `User:${user}`,
            host: '*',
            operation: 2,
            permissionType: 3,
            resourceType: 2,
            resourceName: trust,
            resourcePatternType: 4,
          },
        ],
      }),
    ).rejects.toThrow(/authoriz/i);
    const after = await withKafkaAdmin((root) => root.fetchTopicMetadata({ topics: [mine] }));
    expect(after.topics[0]!.partitions).toHaveLength(2);
  });

  it('lets nobody in with a wrong password', async () => {
    const admin = kafkaClient(
      { username: `${saa}-user`, password: 'wrong' },
      { retry: { retries: 0 } },
    ).admin();
    await expect(admin.connect()).rejects.toThrow(/SASL SCRAM SHA256 authentication failed/);
    await admin.disconnect();
    const right = kafkaClient({ username: `${saa}-user`, password: `${saa}-secret` }).admin();
    await right.connect();
    await right.disconnect();
  });
});
