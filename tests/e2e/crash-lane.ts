import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parse, stringify } from 'yaml';
import { CRASH_POINTS, type CrashPoint } from '../../src/runtime/crash-points.ts';
import { kafkaClient, platformaticAdmin, withKafkaAdmin } from '../support/kafka-admin.ts';
import { waitFor } from '../support/wait-for.ts';
import { runBridge, type ChildRun } from './run-child.ts';
import { setup, type Bed, type Insurer } from './setup.ts';
import { atRest, sharedConstat } from './sides.ts';

export type Signal = 'SIGKILL' | 'SIGTERM';

/** How a process ended at its point. */
export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** One world in which one bridge after the other is ended by `signal`, each at a point of its own. */
export interface Lane {
  readonly bed: Bed;
  readonly insurer: Insurer;
  readonly signal: Signal;
  /** A constat with so many and so old states that some may be pruned. */
  readonly agedId: string;
  /** A constat of E-assurance's that both sides hold. */
  readonly ownId: string;
  /** The running process: it is there until it reaches its point. */
  start(point: CrashPoint | null, options?: StartOptions): Promise<void>;
  /** Resolves when the API answers; false when the process ended before. */
  ready(): Promise<boolean>;
  isRunning(): boolean;
  send(signal: Signal): void;
  /** Resolves when the process has ended at its point, of which it tells, and rejects when it ended before. Kafka has then forgotten it. */
  ended(): Promise<Ending>;
  /** Like `ended`, while a second member joins the bridge's group; it goes afterwards. */
  rebalance(): Promise<Ending>;
  close(): Promise<void>;
}

export interface StartOptions {
  readonly passage?: number;
  /** Walk the GET API every second. */
  readonly pull?: boolean;
  /** Prune what is older than a day; else nothing is. */
  readonly prune?: boolean;
  /** As after a restore. */
  readonly recover?: boolean;
}

export async function openLane(signal: Signal): Promise<Lane> {
  const bed = await setup({ republishGraceSeconds: 1 });
  const insurer = bed.insurers[0]!;
  const { id: ownId } = await sharedConstat(bed, insurer);
  const agedId = await agedConstat(bed, insurer);
  await bed.stopBridge();
  const group = `eassurance-${insurer.id}`;
  const pullingTopics = await writePullingTopics(bed.env['TOPICS_FILE']!);
  let child: ChildRun;
  let armedAt: CrashPoint | null = null;
  const hasEnded = () => child.process.exitCode !== null || child.process.signalCode !== null;

  const endsWithin = async (ms: number): Promise<number | null> => {
    await waitFor(`the process ends at ${armedAt}`, hasEnded, Boolean, ms);
    return child.exited;
  };
  const ended = async (): Promise<Ending> => {
    const code = await endsWithin(120_000);
    if (code !== 0) await forgetMembers(group);
    if (!child.stderr().includes(`reached ${armedAt}: `))
      throw new Error(`the process ended before it reached ${armedAt}: ${child.stderr()}`);
    return { code, signal: child.process.signalCode };
  };

  return {
    bed,
    insurer,
    signal,
    agedId,
    ownId,
    async start(point, { passage = 1, pull = false, prune = false, recover = false } = {}) {
      armedAt = point;
      child = runBridge(recover ? ['run', '--recover'] : ['run'], {
        ...bed.env,
        NODE_COMPILE_CACHE: path.join(path.dirname(bed.env['TOPICS_FILE']!), 'compiled'),
        ...(prune && { PRUNE_AFTER_DAYS: '1' }),
        ...(pull && { TOPICS_FILE: pullingTopics }),
        ...(point !== null && { CRASH_AT: `${signal} ${point} ${passage}` }),
      });
      await once(child.process, 'spawn');
    },
    ready: () =>
      waitFor(
        'the bridge is ready or has ended',
        async () => (hasEnded() ? 'ended' : (await bed.staff.get('/health/ready')).status === 200 && 'ready'),
        Boolean,
        120_000,
      ).then((state) => state === 'ready'),
    isRunning: () => !hasEnded(),
    send: (sent) => void child.process.kill(sent),
    ended,
    async rebalance() {
      await withKafkaAdmin((admin) =>
        waitFor('the process is the member of its group', async () => {
          const [described] = (await admin.describeGroups([group])).groups;
          return described!.state === 'Stable' && described!.members.length === 1;
        }),
      );
      const consumer = kafkaClient().consumer({ groupId: group });
      await consumer.connect();
      await consumer.subscribe({ topics: [`${insurer.id}-constat.updated`] });
      // It joins only when the process has joined again, or is forgotten.
      const joined = consumer.run({ autoCommit: false, eachMessage: async () => {} });
      const ending = await ended();
      await joined;
      await consumer.disconnect();
      return ending;
    },
    async close() {
      if (child && !hasEnded()) child.process.kill('SIGKILL');
      await child?.exited;
      await bed.close();
    },
  };
}

async function agedConstat(bed: Bed, insurer: Insurer): Promise<string> {
  const { id } = await insurer.platform.create('constat', insurer.sample.constat());
  for (let edit = 1; edit <= 12; edit++)
    await insurer.platform.edit('constat', id, { providerReference: `S-${edit}` });
  await atRest(bed, insurer);
  // The ledger keeps its facts: only its clock is turned, past its own guard.
  const client = await bed.db.connect();
  await client.query(`set session_replication_role = replica`);
  await client.query(`update event set recorded_at = now() - interval '30 days'`);
  await client.query(`reset session_replication_role`);
  client.release();
  return id;
}

/** topics.yaml of the bed, but for the GET APIs that are walked every second. */
async function writePullingTopics(file: string): Promise<string> {
  const topics = parse(await readFile(file, 'utf8')) as {
    providers: Record<string, { pull: { intervalSeconds: number; collections: string[] } }>;
  };
  for (const provider of Object.values(topics.providers))
    provider.pull = { intervalSeconds: 1, collections: ['constats'] };
  const pulling = file.replace('.yaml', '-pulling.yaml');
  await writeFile(pulling, stringify(topics));
  return pulling;
}

/** Kafka keeps a member that was killed until its session has timed out, and only then gives its partitions to another:
 *  this is that moment, without the wait. */
export async function forgetMembers(groupId: string): Promise<void> {
  const admin = platformaticAdmin();
  try {
    await admin.removeMembersFromConsumerGroup({ groupId, members: null });
  } finally {
    await admin.close();
  }
}

/** The points in an order in which a process rarely has to recover from the point before its own: one of each part of the
 *  program after the other. */
export function shuffledPoints(): readonly CrashPoint[] {
  const parts = [...Map.groupBy(CRASH_POINTS, (point) => point.split(':')[0]!).values()].map((points) => [
    ...points,
  ]);
  const order: CrashPoint[] = [];
  while (parts.some((points) => points.length > 0))
    for (const points of parts) order.push(...points.splice(0, 1));
  return order;
}
