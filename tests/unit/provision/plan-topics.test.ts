import { describe, expect, it } from 'vitest';
import type {
  AclRule,
  KafkaUserState,
  Provider,
  TopicRoute,
  TopicState,
  Topology,
} from '../../../src/ports.ts';
import { desiredCluster } from '../../../src/provision/desired-cluster.ts';
import type { DesiredCluster } from '../../../src/provision/desired-cluster.ts';
import { planTopics, stepsToApply } from '../../../src/provision/plan-topics.ts';
import type { CurrentCluster } from '../../../src/provision/plan-topics.ts';

const route = (topic: string, providerId: string, writers: readonly string[]): TopicRoute => ({
  topic,
  providerId,
  kind: 'constat',
  action: 'created',
  record: 'r',
  writers,
  partitions: 3,
  replicationFactor: 1,
  minInsyncReplicas: 1,
  retentionMs: 1_209_600_000,
  maxMessageBytes: 1_048_576,
});
const provider = (id: string): Provider => ({
  id,
  name: id,
  user: `${id}-user`,
  writerIds: [id],
  shareVerifications: false,
  pull: { intervalMs: 1, collections: [] },
});
const topology: Topology = {
  providers: new Map(['saa', 'trust'].map((id) => [id, provider(id)])),
  routes: new Map(
    [
      route('saa-constat.created', 'saa', ['eassurance', 'saa']),
      route('trust-constat.created', 'trust', ['eassurance', 'trust']),
      route('trust-policy.updated', 'trust', ['trust']),
      route('shared-vehicle.verified', 'shared', ['eassurance']),
    ].map((each) => [each.topic, each]),
  ),
  kinds: new Map(),
};
const desired = desiredCluster(topology, {
  bridgeUser: 'bridge',
  bridgePassword: 'b',
  providerPasswords: new Map([['saa', 's']]),
});

/** A cluster on which everything is as desired. */
const settled = (wanted: DesiredCluster = desired): CurrentCluster => ({
  topics: new Map(wanted.topics.map((topic) => [topic.topic, topic])),
  acls: wanted.acls,
  users: new Map(wanted.users.map(({ user }) => [user, 'current'])),
});
const withTopic = (change: Partial<TopicState>): CurrentCluster => {
  const topics = new Map(settled().topics);
  topics.set('saa-constat.created', { ...topics.get('saa-constat.created')!, ...change });
  return { ...settled(), topics };
};
const withUser = (user: string, state: KafkaUserState): CurrentCluster => ({
  ...settled(),
  users: new Map([...settled().users, [user, state]]),
});
const withAcl = (acl: Partial<AclRule>): CurrentCluster => ({
  ...settled(),
  acls: [...settled().acls, { ...desired.acls[0]!, ...acl }],
});
const lines = (current: CurrentCluster) =>
  planTopics(current, desired).steps.map(
    ({ subject, sentence, needs }) => `${needs ?? 'plain'} | ${subject} | ${sentence}`,
  );
const notes = (current: CurrentCluster) => planTopics(current, desired).notes;

describe('desiredCluster', () => {
  const rights = (user: string) =>
    desired.acls
      .filter(({ principal }) => principal === `User:${user}`)
      .map(({ operation, resource, name, pattern }) => `${operation} ${resource} ${name} ${pattern}`);

  it('gives a provider its own topics and the shared ones, and its own groups', () => {
    expect(rights('trust-user')).toEqual([
      'Read topic trust-constat.created literal',
      'Write topic trust-constat.created literal',
      'Describe topic trust-constat.created literal',
      'Read topic trust-policy.updated literal',
      'Write topic trust-policy.updated literal',
      'Describe topic trust-policy.updated literal',
      'Read topic shared-vehicle.verified literal',
      'Describe topic shared-vehicle.verified literal',
      'Read group trust- prefixed',
      'Describe group trust- prefixed',
    ]);
  });

  it('lets the bridge write every topic of topics.yaml, since it publishes every merge', () => {
    expect(rights('bridge').filter((right) => right.startsWith('Write'))).toEqual([
      'Write topic saa-constat.created literal',
      'Write topic trust-constat.created literal',
      'Write topic trust-policy.updated literal',
      'Write topic shared-vehicle.verified literal',
    ]);
    expect(rights('bridge')).toContain('Read topic trust-policy.updated literal');
    expect(rights('bridge')).toContain('Read group eassurance- prefixed');
    expect(rights('bridge').filter((right) => right.includes('group trust-'))).toEqual([
      'Describe group trust- prefixed',
    ]);
  });

  it('allows nobody to create, alter or delete', () => {
    expect(new Set(desired.acls.map(({ operation }) => operation))).toEqual(
      new Set(['Read', 'Write', 'Describe']),
    );
    expect(desired.acls.every(({ permission }) => permission === 'allow')).toBe(true);
  });

  it('refuses one Kafka user for two parties', () => {
    const credentials = {
      bridgeUser: 'saa-user',
      bridgePassword: 'b',
      providerPasswords: new Map<string, string>(),
    };
    expect(() => desiredCluster(topology, credentials)).toThrow(/saa-user belongs to two parties/);
  });
});

describe('planTopics', () => {
  it('has nothing to do on a settled cluster', () => {
    expect(lines(settled())).toEqual([]);
  });

  it('creates everything on an empty cluster', () => {
    const plan = planTopics({ topics: new Map(), acls: [], users: new Map() }, desired);
    expect(plan.steps.filter(({ change }) => change.do === 'create topic')).toHaveLength(4);
    expect(plan.steps.every(({ needs }) => needs === null)).toBe(true);
    const created = plan.steps.flatMap(({ change }) => (change.do === 'create ACLs' ? change.acls : []));
    expect(created).toHaveLength(desired.acls.length);
    expect(plan.steps[0]!.sentence).toBe(
      'create with 3 partitions, 1 replica, cleanup.policy=delete, retention.ms=1209600000, max.message.bytes=1048576, min.insync.replicas=1, message.timestamp.type=LogAppendTime',
    );
  });

  it('shows a changed setting as old → new, and sets only that', () => {
    const config = { ...desired.topics[0]!.config, 'retention.ms': '604800000' };
    expect(lines(withTopic({ config }))).toEqual([
      'plain | saa-constat.created | change retention.ms 604800000 → 1209600000',
    ]);
    expect(planTopics(withTopic({ config }), desired).steps[0]!.change).toEqual({
      do: 'configure topic',
      topic: 'saa-constat.created',
      config: { 'retention.ms': '1209600000' },
    });
  });

  it('raises partitions only with consent, and says what that breaks', () => {
    const plan = planTopics(withTopic({ partitions: 1 }), desired);
    expect(plan.steps.map(({ sentence }) => sentence)).toEqual([
      expect.stringContaining('keys move to other partitions'),
    ]);
    expect(stepsToApply(plan, new Set())).toEqual([]);
    expect(stepsToApply(plan, new Set(['add-partitions']))).toHaveLength(1);
  });

  it('never lowers partitions', () => {
    expect(lines(withTopic({ partitions: 6 }))).toEqual([]);
    expect(notes(withTopic({ partitions: 6 }))).toContainEqual(
      expect.stringContaining("Kafka can't lower it"),
    );
  });

  it('leaves replicas to the people who can move them', () => {
    expect(lines(withTopic({ replicationFactor: 3 }))).toEqual([]);
    expect(notes(withTopic({ replicationFactor: 3 }))).toContainEqual(
      expect.stringContaining('kafka-reassign-partitions'),
    );
  });

  it('creates an absent user and replaces another password', () => {
    expect(lines(withUser('saa-user', 'absent'))).toEqual([
      'plain | User:saa-user | create the SCRAM-SHA-256 user',
    ]);
    expect(lines(withUser('saa-user', 'other password'))).toEqual([
      expect.stringContaining('replace the password'),
    ]);
  });

  it('leaves a user without a given password alone, and says so', () => {
    expect(lines(withUser('trust-user', 'absent'))).toEqual([]);
    expect(notes(withUser('trust-user', 'absent'))).toContain(
      'User:trust-user is left alone, for no password is given; it does not exist',
    );
  });

  it('restores a missing ACL', () => {
    const current = { ...settled(), acls: desired.acls.slice(1) };
    expect(lines(current)).toEqual(['plain | User:bridge | allow Read on topic saa-constat.created']);
  });

  it.each([
    ['of a stranger on one of our topics', { principal: 'User:mallory' }],
    ['of one of our users on a foreign topic', { name: 'payroll' }],
    ['that allows more than Write', { operation: 'Alter' }],
    ['from one host', { host: '10.0.0.1' }],
    ['on a group under our prefix', { principal: 'User:mallory', resource: 'group', name: 'eassurance-saa' }],
  ] as const)('shows a rule %s as extra and removes it only when told to prune', (_story, acl) => {
    const plan = planTopics(withAcl(acl), desired);
    expect(plan.steps).toMatchObject([
      { needs: 'prune', sentence: expect.stringContaining('extra: remove') as string },
    ]);
    expect(stepsToApply(plan, new Set())).toEqual([]);
    expect(stepsToApply(plan, new Set(['prune'])).map(({ change }) => change)).toEqual([
      { do: 'delete ACLs', acls: [{ ...desired.acls[0]!, ...acl }] },
    ]);
  });

  it('leaves the ACLs of others alone', () => {
    expect(lines(withAcl({ principal: 'User:mallory', name: 'payroll' }))).toEqual([]);
  });

  it.each([
    ['every topic', { name: '*' }],
    ['a prefix that is shorter than ours', { name: 's', pattern: 'prefixed' }],
  ] as const)('says that a stranger reaches our topics through %s', (_story, acl) => {
    const current = withAcl({ principal: 'User:monitoring', ...acl });
    expect(lines(current)).toEqual([]);
    expect(notes(current)).toContainEqual(expect.stringMatching(/User:monitoring.*reaches our names too/));
  });
});
