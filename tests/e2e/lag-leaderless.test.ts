import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { LagDocument } from '../../src/api/read-lag.ts';
import { choosePorts } from '../../src/embedded/choose-ports.ts';
import { defaultJarsDir, fetchJars } from '../../src/embedded/fetch-jars.ts';
import { findJava } from '../../src/embedded/find-java.ts';
import { startKafka } from '../../src/embedded/start-kafka.ts';
import { kafkaClient, type KafkaLogin } from '../support/kafka-admin.ts';
import { waitFor } from '../support/wait-for.ts';
import { settledTo } from './actions.ts';
import { composeEvent, openedConstat } from './compose-event.ts';
import { setup, type Bed, type Insurer } from './setup.ts';

/** Two brokers, of which one is no controller and can be lost. No partition has a copy: half of them go with it. */
const KEPT = 1;
const LOST = 2;
const admin: KafkaLogin = { username: 'admin', password: randomUUID() };
let bed: Bed;
let insurer: Insurer;
let brokers: string[];
let lose: () => Promise<void>;
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
  const running = await Promise.all(
    nodes.map(async ({ nodeId, ...ports }) => {
      const cluster = { id, nodeId, nodes };
      const dir = path.join(folder, String(nodeId));
      const broker = await startKafka({
        java,
        env,
        classpath: kafkaClasspath,
        dir,
        ...ports,
        cluster,
        admin,
      });
      cleanups.push(() => broker.stop());
      return broker;
    }),
  );
  brokers = running.map((broker) => broker.brokers);
  lose = () => running[1]!.kill();
  bed = await setup({
    kafka: { brokers, admin },
    partitions: 2,
    settings: { LAG_SAMPLE_SECONDS: '1', LAG_PATIENCE_SECONDS: '1' },
  });
  cleanups.push(() => bed.close());
  insurer = bed.insurers[0]!;
});
afterAll(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup();
});

/** Which partition of the topic the broker leads. */
async function ledBy(broker: number, topic: string): Promise<number> {
  const client = kafkaClient(admin, { brokers }).admin();
  await client.connect();
  const { topics } = await client.fetchTopicMetadata({ topics: [topic] });
  await client.disconnect();
  return topics[0]!.partitions.find(({ leader }) => leader === broker)!.partitionId;
}

it('LEADERLESS says the partition whose broker is gone, alone; the other one has its numbers', async () => {
  const topic = `${insurer.id}-constat.created`;
  const [kept, lost] = [await ledBy(KEPT, topic), await ledBy(LOST, topic)];
  const operator = await bed.apiAs('operator');
  const event = async () =>
    composeEvent(topic, openedConstat(insurer), { providerId: insurer.id, revision: { [insurer.id]: 1 } });
  for (const partition of [kept, lost])
    await settledTo(bed, await bed.publish({ ...(await event()), partition }));

  await lose();
  const rows = await waitFor(
    'LEADERLESS',
    async () =>
      (await operator.get<LagDocument>('/v1/lag')).data.rows.filter(
        (row) => row.topic === topic && row.direction === 'in',
      ),
    (found) => found.some(({ verdict }) => verdict === 'LEADERLESS'),
    20_000,
  );
  expect(rows).toMatchObject([
    { verdict: 'LEADERLESS', partitions: [lost] },
    { verdict: 'OK', partitions: [kept], behindSeconds: 0, messages: 0 },
  ]);
});
