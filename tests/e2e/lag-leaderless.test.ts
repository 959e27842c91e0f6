import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Admin } from 'kafkajs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LagDocument } from '../../src/api/read-lag.ts';
import type { LagVerdict } from '../../src/domain/lag/verdict.ts';
import { choosePorts } from '../../src/embedded/choose-ports.ts';
import { defaultJarsDir, fetchJars } from '../../src/embedded/fetch-jars.ts';
import { findJava } from '../../src/embedded/find-java.ts';
import { startKafka, type RunningKafka } from '../../src/embedded/start-kafka.ts';
import { choosePartition } from '../../src/kafka/choose-partition.ts';
import { kafkaClient, type KafkaLogin } from '../support/kafka-admin.ts';
import { waitFor } from '../support/wait-for.ts';
import { recordConstat, settledTo, type ShownEntity } from './actions.ts';
import { composeEvent, openedConstat } from './compose-event.ts';
import { setup, type Bed, type Insurer, type Position } from './setup.ts';

/** Two brokers, of which one is no controller and can be lost. No partition has a copy: half of them go with it. */
const KEPT = 1;
const LOST = 2;
/** How long a record of the other partition may take. */
const SECONDS = 5_000;
const admin: KafkaLogin = { username: 'admin', password: randomUUID() };
let bed: Bed;
let insurer: Insurer;
let brokers: string[];
let topic: string;
let kept: number;
let lost: number;
/** Of the broker that is lost. */
let broker: RunningKafka;
let start: () => Promise<RunningKafka>;
const cleanups: (() => Promise<unknown>)[] = [];
beforeAll(async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'bridge-brokers-'));
  cleanups.push(() => rm(folder, { recursive: true, force: true }));
  const { env } = process;
  const { kafkaClasspath } = await fetchJars({ jarsDir: defaultJarsDir(env), env, onProgress: () => {} });
  const java = await findJava(env);
  const [first, second, controller] = (await choosePorts(
    ['the first broker', 'the second broker', 'the controller'].map((name) => ({ name })),
  )) as [number, number, number];
  const id = randomBytes(16).toString('base64url');
  const nodes = [
    { nodeId: KEPT, clientPort: first, controllerPort: controller },
    { nodeId: LOST, clientPort: second, controllerPort: null },
  ];
  const startNode = ({ nodeId, ...ports }: (typeof nodes)[number]) =>
    startKafka({
      ...{ java, env, ...ports, admin },
      classpath: kafkaClasspath,
      dir: path.join(folder, String(nodeId)),
      cluster: { id, nodeId, nodes },
    });
  start = () => startNode(nodes[1]!);
  const [staying, leaving] = await Promise.all([startNode(nodes[0]!), start()]);
  broker = leaving;
  cleanups.push(
    () => staying.stop(),
    () => broker.stop(),
  );
  brokers = [staying.brokers, leaving.brokers];
  await leadGroupsBy(LOST);
  bed = await setup({
    kafka: { brokers, admin },
    partitions: 2,
    settings: { LAG_SAMPLE_SECONDS: '1', LAG_PATIENCE_SECONDS: '1' },
  });
  cleanups.push(() => bed.close());
  insurer = bed.insurers[0]!;
  // Its platform would come late to its own group after all this; nothing here is about it.
  await insurer.stopSyncing();
  topic = `${insurer.id}-constat.created`;
  const leaders = await leadersOf(topic);
  [kept, lost] = [leaders.indexOf(KEPT), leaders.indexOf(LOST)];
});
afterAll(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup();
});

async function ask<T>(work: (client: Admin) => Promise<T>): Promise<T> {
  const client = kafkaClient(admin, { brokers }).admin();
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.disconnect();
  }
}

const partitionsOf = (name: string) =>
  ask(async (client) => {
    const { topics } = await client.fetchTopicMetadata({ topics: [name] });
    return topics[0]!.partitions.toSorted((a, b) => a.partitionId - b.partitionId);
  });

/** Who leads each partition of the topic; -1 where nobody does. */
const leadersOf = async (name: string) => (await partitionsOf(name)).map(({ leader }) => leader);

/** Has this broker coordinate all groups, and the other one follow: the worse loss. */
async function leadGroupsBy(leader: number): Promise<void> {
  const topic = '__consumer_offsets';
  for (const replicas of [[leader], [leader, KEPT]]) {
    const partitionAssignment = [{ partition: 0, replicas }];
    await ask((client) => client.alterPartitionReassignments({ topics: [{ topic, partitionAssignment }] }));
    await waitFor(
      'the groups have moved',
      async () => (await partitionsOf(topic))[0]!,
      (found) => found.leader === leader && found.isr.length === replicas.length,
    );
  }
}

async function publishTo(partition: number): Promise<Position> {
  const meta = { providerId: insurer.id, revision: { [insurer.id]: 1 } };
  return bed.publish({ ...(await composeEvent(topic, openedConstat(insurer), meta)), partition });
}

/** A constat of ours whose events go to that partition. */
async function recordFor(partition: number): Promise<ShownEntity> {
  for (;;) {
    const constat = await recordConstat(bed, insurer);
    if (choosePartition(constat.id, 2) === partition) return constat;
  }
}

const isSent = async ({ id }: ShownEntity): Promise<boolean> =>
  (await bed.db.query('select from delivery join event using (event_id) where entity_id = $1', [id]))
    .rowCount === 1;

async function rowsUntil(verdict: LagVerdict, fact = `${verdict} of ${topic}`) {
  const operator = await bed.apiAs('operator');
  return waitFor(
    fact,
    async () =>
      (await operator.get<LagDocument>('/v1/lag')).data.rows.filter(
        (row) => row.topic === topic && row.direction === 'in',
      ),
    (found) => found.some((row) => row.verdict === verdict),
  );
}

describe('a partition whose broker is gone', () => {
  it('is LEADERLESS, alone; the other one has its numbers', async () => {
    for (const partition of [kept, lost]) await settledTo(bed, await publishTo(partition));
    await broker.kill();
    expect(await rowsUntil('LEADERLESS')).toMatchObject([
      { verdict: 'LEADERLESS', partitions: [lost] },
      { verdict: 'OK', partitions: [kept], behindSeconds: 0, messages: 0 },
    ]);
  });

  it('holds up nothing that comes in on the other one, before and after the cluster has missed the broker', async () => {
    for (let missed = false; !missed;) {
      missed = (await leadersOf(topic))[lost] === -1;
      await settledTo(bed, await publishTo(kept), SECONDS);
    }
    for (let nth = 0; nth < 5; nth++) await settledTo(bed, await publishTo(kept), SECONDS);
  });

  it('nor what goes out to the other one; what is for it waits', async () => {
    const waiting = await recordFor(lost);
    const sent = await recordFor(kept);
    await waitFor('what can be sent is sent', () => isSent(sent));
    expect(await isSent(waiting)).toBe(false);
    const next = await recordFor(kept);
    await waitFor('what can be sent is sent', () => isSent(next), Boolean, SECONDS);
  });

  it('nor a bridge that starts meanwhile', async () => {
    await bed.stopBridge();
    await bed.startBridge();
    await settledTo(bed, await publishTo(kept));
    await settledTo(bed, await publishTo(kept), SECONDS);
  });

  it('goes on where it was once the broker is back', async () => {
    const waiting = await recordFor(lost);
    broker = await start();
    await settledTo(bed, await publishTo(lost));
    await waitFor('what waited is sent', () => isSent(waiting));
    await waitFor('no partition is without its numbers', async () => (await rowsUntil('OK')).length === 1);
  });
});
