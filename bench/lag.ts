import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import { randomUUID } from 'node:crypto';
import kafkajs from 'kafkajs';
import { startServices } from '../src/embedded/start-services.ts';
import { LAG_THRESHOLDS } from '../src/domain/lag/thresholds.ts';
import { createKafkaAdmin } from '../src/kafka/create-kafka-admin.ts';
import { createLogReader } from '../src/kafka/create-log-reader.ts';
import { mendRequestQueue } from '../src/kafka/mend-request-queue.ts';
import { createConsumerNotes } from '../src/lag/consumer-notes.ts';
import { createLagBoard } from '../src/lag/lag-board.ts';
import { newSamplerMemory, takeSnapshot } from '../src/lag/take-snapshot.ts';
import { sleep } from '../src/runtime/sleep.ts';
import type { Provider, Topology, TopicRoute } from '../src/ports.ts';
import { createLagLedger } from '../src/postgres/create-lag-ledger.ts';
import { createPool } from '../src/postgres/create-pool.ts';
import { applyMigrations } from '../src/postgres/migrate.ts';
import { createMetrics } from '../src/telemetry/metrics.ts';
import type { BenchOptions, Figure, Report } from './figures.ts';

const PROVIDERS = 50;
const TOPICS_EACH = 10;
const PARTITIONS = 6;
/** One sample every 10 s may take 2 s, and 5 % of a core; a scrape 50 ms. */
const GOALS = { sampleMs: { atMost: 2_000 }, cpuMs: { atMost: 500 }, scrapeMs: { atMost: 50 } };
const ROUNDS = 10;

/** Sampling, judging and scraping 500 topics × 6 partitions on a real broker and a real PostgreSQL: at rest, and with
 *  records waiting in every partition whose position has moved since the last sample (nothing is remembered then). */
export async function benchLag({ signal }: BenchOptions): Promise<Report> {
  const stateDir = mkdtempSync(path.join(tmpdir(), 'bench-lag-'));
  const services = await startServices({
    stateDir,
    providerIds: [],
    registryStorage: 'memory',
    env: process.env,
    onProgress: () => {},
  });
  const pool = createPool({ databaseUrl: await services.ensureDatabase('bench_lag'), onError: () => {} });
  const connection = {
    brokers: services.kafka.brokers,
    sasl: { mechanism: 'scram-sha-256', ...services.kafka.admin } as const,
    ssl: false,
    clientId: 'bench-lag',
  };
  const admin = createKafkaAdmin(connection);
  try {
    await applyMigrations(pool, [path.resolve(import.meta.dirname, '../prisma/migrations')]);
    const topology = makeTopology();
    const topics = [...topology.routes.keys()];
    await writeRecords(connection, topics, signal);

    const notes = createConsumerNotes(Date.now);
    const deps = {
      ...{ topology, notes, clock: Date.now, ledgerWithinMs: 5_000 },
      logs: createLogReader(admin),
      ledger: createLagLedger({ pool }),
      groupOf: (provider: string) => `eassurance-${provider}`,
    };
    const metrics = createMetrics();
    const board = createLagBoard({ ...deps, apiOf: () => null, thresholds: LAG_THRESHOLDS });
    const memory = newSamplerMemory();
    const settle = (next: number) =>
      pool.query(
        `insert into applied_offset (topic, partition, topic_id, next_offset)
         select topic, partition, '', $3 from unnest($1::text[]) topic, generate_series(0, $2) partition
         on conflict (topic, partition) do update set next_offset = excluded.next_offset`,
        [topics, PARTITIONS - 1, next],
      );
    const sample = async () => {
      signal.throwIfAborted();
      metrics.lag(board.judge(await takeSnapshot(memory, deps)), 0);
    };

    await settle(RECORDS);
    const atRest = await measure('at rest', async () => {}, sample);
    let next = 0;
    const moving = async () => void (await settle(next++ % (RECORDS - 1)));
    const everywhere = await measure('waiting and moving everywhere', moving, sample);
    const scrapes: number[] = [];
    for (let round = -1; round < ROUNDS; round++) {
      const started = performance.now();
      await metrics.text();
      if (round >= 0) scrapes.push(performance.now() - started);
    }
    return {
      title: `Measuring lag on ${PROVIDERS * TOPICS_EACH} topics × ${PARTITIONS} partitions`,
      figures: [
        ...[...atRest, ...everywhere],
        { name: 'scrape', unit: 'ms', values: scrapes, goal: GOALS.scrapeMs },
      ],
    };
  } finally {
    await admin.close();
    await pool.end();
    await services.stop();
    rmSync(stateDir, { recursive: true, force: true });
  }
}

/** Batches of one record, as an insurer's edits come. */
const RECORDS = 12;

async function measure(
  name: string,
  before: () => Promise<void>,
  sample: () => Promise<void>,
): Promise<readonly Figure[]> {
  await sample();
  const took: number[] = [];
  const cpuMs: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    await before();
    const cpu = process.cpuUsage();
    const started = performance.now();
    await sample();
    took.push(performance.now() - started);
    const { user, system } = process.cpuUsage(cpu);
    cpuMs.push((user + system) / 1_000);
  }
  return [
    { name: `sample ${name}`, unit: 'ms', values: took, goal: GOALS.sampleMs },
    { name: `CPU of a sample ${name}`, unit: 'ms', values: cpuMs, goal: GOALS.cpuMs },
  ];
}

function makeTopology(): Topology {
  const ids = Array.from({ length: PROVIDERS }, (_, nth) => `p${nth}`);
  const provider = (id: string): Provider => ({
    ...{ id, name: id, user: id, writerIds: [id], shareVerifications: false },
    pull: { intervalMs: 60_000, collections: [] },
  });
  const route = (providerId: string, nth: number): TopicRoute => ({
    ...{ topic: `${providerId}-kind${nth}.created`, providerId, kind: `kind${nth}`, action: 'created' },
    ...{ record: 'none', writers: [providerId], partitions: PARTITIONS, replicationFactor: 1 },
    ...{ minInsyncReplicas: 1, retentionMs: 1, maxMessageBytes: 1 },
  });
  const routes = ids.flatMap((id) => Array.from({ length: TOPICS_EACH }, (_, nth) => route(id, nth)));
  return {
    providers: new Map(ids.map((id) => [id, provider(id)])),
    routes: new Map(routes.map((each) => [each.topic, each])),
    kinds: new Map(),
  };
}

async function writeRecords(
  { brokers, sasl }: { readonly brokers: readonly string[]; readonly sasl: kafkajs.SASLOptions },
  topics: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  mendRequestQueue();
  const kafka = new kafkajs.Kafka({ brokers: [...brokers], sasl, logLevel: kafkajs.logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  for (let i = 0; i < topics.length; i += 50) {
    signal.throwIfAborted();
    await admin.createTopics({
      waitForLeaders: false,
      topics: topics.slice(i, i + 50).map((topic) => ({
        topic,
        numPartitions: PARTITIONS,
        configEntries: [{ name: 'message.timestamp.type', value: 'LogAppendTime' }],
      })),
    });
  }
  await waitForLeaders(admin, topics, signal);
  await admin.disconnect();
  const producer = kafka.producer({ allowAutoTopicCreation: false });
  await producer.connect();
  const partitions = Array.from({ length: PARTITIONS }, (_, partition) => partition);
  for (let record = 0; record < RECORDS; record++) {
    signal.throwIfAborted();
    await producer.sendBatch({
      topicMessages: topics.map((topic) => ({
        topic,
        messages: partitions.map((partition) => ({ partition, value: Buffer.alloc(600), key: randomUUID() })),
      })),
    });
  }
  await producer.disconnect();
}

/** kafkajs' own wait gives up on a broker that has not heard of a topic yet. */
async function waitForLeaders(
  admin: kafkajs.Admin,
  topics: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await admin.fetchTopicMetadata({ topics: [...topics] });
      return;
    } catch (error) {
      if (attempt === 60) throw error;
      await sleep(500, signal);
    }
  }
}
