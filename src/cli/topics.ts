import Table from 'cli-table3';
import { Command } from 'commander';
import { loadContracts } from '../avro/load-contracts.ts';
import { parseSettings } from '../config/env.ts';
import { loadTopology } from '../config/load-topology.ts';
import { BridgeError, UsageError } from '../domain/errors.ts';
import { createClusterAdmin } from '../kafka/create-cluster-admin.ts';
import type { ClusterAdmin } from '../ports.ts';
import { desiredCluster } from '../provision/desired-cluster.ts';
import type { DesiredCluster } from '../provision/desired-cluster.ts';
import { describeCluster } from '../provision/describe-cluster.ts';
import { planTopics, stepsToApply } from '../provision/plan-topics.ts';
import type { Consent, Plan } from '../provision/plan-topics.ts';
import { provisionTopics } from '../provision/provision-topics.ts';

interface ApplyOptions {
  readonly addPartitions?: boolean;
  readonly prune?: boolean;
}

/** `bridge topics plan|apply`: what topics.yaml says, against the cluster. Both connect as the user of KAFKA_SASL_*, which
 *  needs the cluster's administrative rights. */
export function topicsCommand(): Command {
  const topics = new Command('topics').description(
    'compare topics.yaml with the Kafka cluster, or carry it out',
  );

  topics
    .command('plan')
    .description('print what apply would change (topics, configuration, users, ACLs); changes nothing')
    .option('--exit-code', 'exit with 2 when a plain apply would change something')
    .action(async ({ exitCode }: { readonly exitCode?: boolean }) => {
      const plan = await withCluster(async (desired, admin) =>
        planTopics(await describeCluster(desired, admin), desired),
      );
      printPlan(plan);
      if (exitCode && stepsToApply(plan, new Set()).length > 0) process.exitCode = 2;
    });

  topics
    .command('apply')
    .description('carry the plan out; never deletes a topic and never lowers a number')
    .option('--add-partitions', 'raise partition counts too: keys move to other partitions')
    .option('--prune', 'remove ACLs of ours that topics.yaml does not ask for')
    .action(async (options: ApplyOptions) => {
      let done = 0;
      const consents = toConsents(options);
      const plan = await withCluster((desired, admin) =>
        provisionTopics(desired, {
          admin,
          consents,
          onDone: ({ subject, sentence }) => {
            done += 1;
            console.log(`✓ ${subject}: ${sentence}`);
          },
        }),
      );
      const left = plan.steps.filter(({ needs }) => needs !== null && !consents.has(needs));
      for (const { subject, sentence, needs } of left)
        console.log(`- ${subject}: ${sentence} (only with --${needs})`);
      printNotes(plan);
      console.log(done === 0 ? nothingToDo({ steps: left }) : `${done} step${done === 1 ? '' : 's'} done.`);
    });

  return topics;
}

async function withCluster<T>(
  work: (desired: DesiredCluster, admin: ClusterAdmin) => Promise<T>,
): Promise<T> {
  const settings = parseSettings(process.env, ['kafka', 'provisioning']);
  const topology = await loadTopology({
    topicsFile: settings.topicsFile,
    kindsDirs: settings.kindsDirs,
    shapeOf: loadContracts(settings.schemasDirs).shapeOf,
  });
  const desired = desiredCluster(topology, {
    bridgeUser: settings.bridgeKafkaUsername,
    bridgePassword: settings.bridgeKafkaPassword,
    providerPasswords: settings.providerKafkaPasswords,
  });
  const admin = createClusterAdmin({
    brokers: settings.kafkaBrokers,
    sasl: settings.kafkaSasl,
    ssl: settings.kafkaSsl,
    clientId: 'eassurance-topics',
  });
  try {
    return await work(desired, admin);
  } catch (error) {
    throw toUsageError(error, settings.kafkaBrokers);
  } finally {
    await admin.close();
  }
}

/** At a command line every answer of the cluster is for the person to act on. */
function toUsageError(error: unknown, brokers: readonly string[]): unknown {
  if (!(error instanceof BridgeError)) return error;
  switch (error.code) {
    case 'KAFKA_UNAVAILABLE':
      return new UsageError(
        `Kafka at ${brokers.join(', ')} does not answer (${error.message}): check KAFKA_BROKERS`,
        { cause: error },
      );
    case 'KAFKA_UNAUTHENTICATED':
      return new UsageError(
        `Kafka refuses the user or its password: check KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD`,
        { cause: error },
      );
    case 'KAFKA_UNAUTHORISED':
      return new UsageError(`${error.message}: run this as a Kafka administrator (KAFKA_SASL_USERNAME)`, {
        cause: error,
      });
    case 'KAFKA_REFUSED':
      return new UsageError(`Kafka refuses it: ${error.message}`, { cause: error });
    default:
      return error;
  }
}

function toConsents({ addPartitions, prune }: ApplyOptions): ReadonlySet<Consent> {
  return new Set<Consent>([
    ...(addPartitions ? (['add-partitions'] as const) : []),
    ...(prune ? (['prune'] as const) : []),
  ]);
}

function printPlan(plan: Plan): void {
  if (plan.steps.length > 0) {
    const table = new Table({
      head: ['what', 'step', 'only with'],
      style: { head: [], border: [] },
      colWidths: [30, 80, 18],
      wordWrap: true,
    });
    for (const { subject, sentence, needs } of plan.steps)
      table.push([subject, sentence, needs === null ? '' : `--${needs}`]);
    console.log(table.toString());
  }
  printNotes(plan);
  const plain = stepsToApply(plan, new Set()).length;
  console.log(
    plain === 0 ? nothingToDo(plan) : `${plain} step${plain === 1 ? '' : 's'} to do: bridge topics apply`,
  );
}

function nothingToDo({ steps }: Pick<Plan, 'steps'>): string {
  const flags = [...new Set(steps.flatMap(({ needs }) => (needs === null ? [] : [`--${needs}`])))];
  return flags.length === 0 ? 'Nothing to do.' : `Nothing to do without ${flags.join(' or ')}.`;
}

function printNotes(plan: Plan): void {
  for (const note of plan.notes) console.log(`! ${note}`);
}
