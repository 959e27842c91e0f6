import { HUB } from '../domain/event.ts';
import { UsageError } from '../domain/errors.ts';
import type { AclRule, TopicState, TopicUpkeep, Topology } from '../ports.ts';

export interface DesiredUser {
  readonly user: string;
  /** Undefined: the user is left alone. */
  readonly password: string | undefined;
}

/** What the cluster should hold for this topology. */
export interface DesiredCluster {
  readonly topics: readonly TopicState[];
  readonly acls: readonly AclRule[];
  readonly users: readonly DesiredUser[];
  /** Everything whose name begins with one of these is ours to grant: `eassurance-`, `shared-`, `saa-` … */
  readonly prefixes: readonly string[];
}

export interface KafkaCredentials {
  readonly bridgeUser: string;
  readonly bridgePassword: string | undefined;
  /** Provider id → password. */
  readonly providerPasswords: ReadonlyMap<string, string>;
}

/** The topic settings that we keep; all others are the cluster's. */
export const TOPIC_CONFIG_KEYS = [
  'cleanup.policy',
  'retention.ms',
  'max.message.bytes',
  'min.insync.replicas',
  'message.timestamp.type',
] as const;

/** The shared topics' owner in `TopicRoute.providerId`. */
const SHARED = 'shared';

/** Least privilege: the bridge reads and writes the topics of topics.yaml, also those on which E-assurance makes no edits,
 *  since the hub alone merges and every merge is published (SYNC.md), and it alone has the canary topics; a provider's user reads its own topics and the shared
 *  ones and writes those of its own that it may; each joins only groups of its own prefix. Nobody may create,
 *  alter or delete anything. Throws UsageError when two parties share a Kafka user. */
export function desiredCluster(topology: Topology, credentials: KafkaCredentials): DesiredCluster {
  const routes = [...topology.routes.values()];
  const providers = [...topology.providers.values()];
  refuseSharedUsers([credentials.bridgeUser, ...providers.map(({ user }) => user)]);

  const canaries = providers.flatMap(({ canary }) => canary ?? []);
  const acls = [
    ...[...routes, ...canaries].flatMap(({ topic }) => topicAcls(credentials.bridgeUser, topic, true)),
    ...groupAcls(credentials.bridgeUser, HUB),
    ...providers.flatMap(({ id, user }) => [
      ...routes
        .filter(({ providerId }) => providerId === id || providerId === SHARED)
        .flatMap((route) => topicAcls(user, route.topic, route.writers.includes(id))),
      ...groupAcls(user, id),
      // How far a provider has read us is what support is asked most.
      allow(credentials.bridgeUser, 'group', `${id}-`, 'prefixed', 'Describe'),
    ]),
  ];
  return {
    topics: [...routes, ...canaries].map(toTopicState),
    acls,
    users: [
      { user: credentials.bridgeUser, password: credentials.bridgePassword },
      ...providers.map(({ id, user }) => ({ user, password: credentials.providerPasswords.get(id) })),
    ],
    prefixes: [HUB, SHARED, ...topology.providers.keys()].map((owner) => `${owner}-`),
  };
}

function toTopicState(route: TopicUpkeep): TopicState {
  return {
    topic: route.topic,
    partitions: route.partitions,
    replicationFactor: route.replicationFactor,
    config: {
      'cleanup.policy': 'delete',
      'retention.ms': String(route.retentionMs),
      'max.message.bytes': String(route.maxMessageBytes),
      'min.insync.replicas': String(route.minInsyncReplicas),
      // Otherwise lag and retention would follow the clock of whoever produces.
      'message.timestamp.type': 'LogAppendTime',
    } satisfies Record<(typeof TOPIC_CONFIG_KEYS)[number], string>,
  };
}

function topicAcls(user: string, topic: string, writes: boolean): AclRule[] {
  const operations = writes ? ['Read', 'Write', 'Describe'] : ['Read', 'Describe'];
  return operations.map((operation) => allow(user, 'topic', topic, 'literal', operation));
}

function groupAcls(user: string, owner: string): AclRule[] {
  return ['Read', 'Describe'].map((operation) => allow(user, 'group', `${owner}-`, 'prefixed', operation));
}

function allow(
  user: string,
  resource: 'topic' | 'group',
  name: string,
  pattern: 'literal' | 'prefixed',
  operation: string,
): AclRule {
  return { principal: `User:${user}`, resource, name, pattern, operation, permission: 'allow', host: '*' };
}

function refuseSharedUsers(users: readonly string[]): void {
  const twice = users.find((user, index) => users.indexOf(user) !== index);
  if (twice !== undefined) {
    throw new UsageError(
      `the Kafka user ${twice} belongs to two parties, so each could act as the other: give each its own in topics.yaml or BRIDGE_KAFKA_USERNAME`,
    );
  }
}
