import type { Admin } from '@platformatic/kafka';
import type { SettingsOf } from '../../config/env.ts';
import { consumerGroup } from '../../consume/consume-provider.ts';
import { BridgeError, TransientError, UsageError } from '../../domain/errors.ts';
import { createClusterAdmin } from '../../kafka/create-cluster-admin.ts';
import { createKafkaAdmin } from '../../kafka/create-kafka-admin.ts';
import { inspectTopics, mayJoinGroup, type TopicAccess } from '../../kafka/inspect-access.ts';
import type { Topology } from '../../ports.ts';
import { desiredCluster } from '../../provision/desired-cluster.ts';
import { describeCluster } from '../../provision/describe-cluster.ts';
import { planTopics } from '../../provision/plan-topics.ts';
import { fail, pass, warn, type Check, type Finding } from './finding.ts';

const APPLY = 'as a Kafka administrator: bridge topics apply';
const NEEDED = ['Read', 'Write', 'Describe'];

/** Kafka as the bridge's own user sees it: reachable, the topics of topics.yaml, and rights enough. What only an
 *  administrator may read is compared when this user is one. */
export function checkKafka(settings: SettingsOf<'kafka'>, topology: Topology): Check {
  const { kafkaBrokers: brokers, kafkaSasl: sasl, kafkaSsl: ssl } = settings;
  const connection = { brokers, sasl, ssl, clientId: 'eassurance-doctor' };
  return {
    name: 'kafka',
    run: async () => {
      const admin = createKafkaAdmin(connection);
      try {
        const topics = await inspectTopics(admin, [...topology.routes.keys()]);
        return [
          pass(
            'kafka',
            `Kafka at ${brokers.join(', ')} answers${sasl ? ` to the user ${sasl.username}` : ''}.`,
          ),
          ...judgeTopics(topics, topology),
          ...judgeRights(topics),
          await checkGroups(admin, topology),
          await comparePlan(connection, topology),
        ];
      } catch (error) {
        return [unreachable(error, brokers)];
      } finally {
        await admin.close();
      }
    },
  };
}

function judgeTopics(topics: readonly TopicAccess[], topology: Topology): Finding[] {
  const findings = topics.flatMap((found) => {
    const { topic, state, partitions, replicationFactor, leaderless } = found;
    const wanted = topology.routes.get(topic)!;
    if (state === 'missing') return [fail('kafka-topics', `The topic ${topic} is missing.`, APPLY)];
    if (state === 'hidden') return [];
    return [
      ...(partitions === wanted.partitions
        ? []
        : [
            warn(
              'kafka-topics',
              `${topic} has ${partitions} partitions and topics.yaml says ${wanted.partitions}.`,
              'bridge topics plan shows what it takes',
            ),
          ]),
      ...(replicationFactor === wanted.replicationFactor
        ? []
        : [
            warn(
              'kafka-topics',
              `${topic} is kept ${replicationFactor} times and topics.yaml says ${wanted.replicationFactor}.`,
              'move its partitions with kafka-reassign-partitions',
            ),
          ]),
      ...(leaderless.length === 0
        ? []
        : [
            fail(
              'kafka-topics',
              `${topic} has partitions without a leader: ${leaderless.join(', ')}.`,
              'bring the brokers back that hold them',
            ),
          ]),
    ];
  });
  const there = topics.filter(({ state }) => state === 'there').length;
  return findings.length > 0
    ? findings
    : [pass('kafka-topics', `${there} of ${topics.length} are there and led.`)];
}

function judgeRights(topics: readonly TopicAccess[]): Finding[] {
  const lacking = topics.flatMap(({ topic, state, operations }) => {
    if (state === 'missing') return [];
    const missing = NEEDED.filter((operation) => !operations.has(operation));
    if (missing.length === 0) return [];
    return [
      fail('kafka-acls', `The bridge's user may not ${missing.join(', ')} on the topic ${topic}.`, APPLY),
    ];
  });
  return lacking.length > 0
    ? lacking
    : [pass('kafka-acls', 'The user may read and write every topic that is there.')];
}

async function checkGroups(admin: Admin, topology: Topology): Promise<Finding> {
  const groups = [...topology.providers.keys()].map(consumerGroup);
  const allowed = await Promise.all(groups.map((group) => mayJoinGroup(admin, group)));
  const refused = groups.filter((_, i) => !allowed[i]);
  return refused.length > 0
    ? fail('kafka-groups', `The bridge's user may not read in the groups ${refused.join(', ')}.`, APPLY)
    : pass('kafka-groups', `The user may join ${groups.join(', ')}.`);
}

async function comparePlan(
  connection: Parameters<typeof createClusterAdmin>[0],
  topology: Topology,
): Promise<Finding> {
  const name = 'kafka-plan';
  const cluster = createClusterAdmin(connection);
  const bridgeUser = connection.sasl?.username ?? 'bridge';
  try {
    const desired = desiredCluster(topology, {
      bridgeUser,
      bridgePassword: undefined,
      providerPasswords: new Map(),
    });
    const { steps } = planTopics(await describeCluster(desired, cluster), desired);
    return steps.length === 0
      ? pass(name, 'The cluster is as topics.yaml says.')
      : warn(
          name,
          `${steps.length} things differ from topics.yaml, first ${steps[0]!.subject}: ${steps[0]!.sentence}.`,
          'bridge topics plan',
        );
  } catch (error) {
    if (error instanceof UsageError) return fail(name, `${error.message}.`, 'correct KAFKA_SASL_USERNAME');
    if (!(error instanceof BridgeError)) throw error;
    return pass(
      name,
      "Settings and others' rights are for an administrator to compare (bridge topics plan --exit-code); this user is none, as it should be.",
    );
  } finally {
    await cluster.close();
  }
}

function unreachable(error: unknown, brokers: readonly string[]): Finding {
  const code = error instanceof TransientError ? error.code : null;
  if (code === 'KAFKA_UNAUTHENTICATED')
    return fail(
      'kafka',
      'Kafka refuses the user or its password.',
      'correct KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD',
    );
  if (code === null) throw error;
  return fail(
    'kafka',
    `Kafka at ${brokers.join(', ')} does not answer (${code}).`,
    'start it, or correct KAFKA_BROKERS',
  );
}
