import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import axios, { type AxiosInstance } from 'axios';
import pg from 'pg';
import { pino } from 'pino';
import { inject } from 'vitest';
import { stringify } from 'yaml';
import { buildApp } from '../../src/app.ts';
import { loadContracts } from '../../src/avro/load-contracts.ts';
import { parseSettings } from '../../src/config/env.ts';
import { loadTopology } from '../../src/config/load-topology.ts';
import { createClusterAdmin } from '../../src/kafka/create-cluster-admin.ts';
import type { Scope, Topology } from '../../src/ports.ts';
import { createApiKeyTable } from '../../src/postgres/create-api-key-table.ts';
import { createPrisma } from '../../src/postgres/create-prisma.ts';
import { desiredCluster } from '../../src/provision/desired-cluster.ts';
import { provisionTopics } from '../../src/provision/provision-topics.ts';
import { newId } from '../../src/runtime/new-id.ts';
import { createPlatform, type Platform } from '../../src/simulator/create-platform.ts';
import { createSampleData, type SampleData } from '../../src/simulator/sample-data.ts';
import { freePort } from '../support/free-port.ts';
import { freshProviderId } from '../support/fresh-provider.ts';
import { kafkaClient, type KafkaLogin } from '../support/kafka-admin.ts';
import { createTestDatabase } from '../support/test-database.ts';

const root = path.resolve(import.meta.dirname, '../..');

export interface BedOptions {
  /** How many insurers. */
  readonly providers?: number;
  readonly shareVerifications?: boolean;
  /** More of each, beside the project's own. */
  readonly kindsDirs?: readonly string[];
  readonly schemasDirs?: readonly string[];
  readonly migrationsDirs?: readonly string[];
  /** More entities for topics.yaml. */
  readonly entities?: Readonly<Record<string, unknown>>;
  /** How often the GET APIs are walked; never when left out, so that an event has one way in. */
  readonly pullIntervalSeconds?: number;
  /** Of every topic; 3 when left out. */
  readonly partitions?: number;
  /** Heartbeats of every insurer; none when left out. */
  readonly canaryIntervalSeconds?: number;
  /** Of every topic. */
  readonly maxMessageBytes?: number;
  /** Atoms, by kind, whose true clashes E-assurance wins. */
  readonly ownedByEassurance?: Readonly<Record<string, readonly string[]>>;
  /** The server of the bridge's own database (superuser's URL), where that must not be the one all tests share. */
  readonly databaseServer?: string;
  /** The cluster for all, where that must not be the one that all tests share. */
  readonly kafka?: { readonly brokers: string[]; readonly admin: KafkaLogin };
  /** What is different in the bridge's environment: other ways to its services, other limits. */
  readonly bridgeEnv?: (env: Readonly<Record<string, string>>) => Promise<Readonly<Record<string, string>>>;
  /** How long an edit of ours may be on its way before it counts as lost. */
  readonly republishGraceSeconds?: number;
  /** More of the bridge's environment. */
  readonly settings?: Readonly<Record<string, string>>;
}

export interface Insurer {
  readonly id: string;
  readonly platform: Platform;
  readonly sample: SampleData;
  readonly login: { readonly username: string; readonly password: string };
  /** It neither reads nor sends any more; its API goes on. */
  stopSyncing(): Promise<void>;
}

export interface RawRecord {
  readonly topic: string;
  readonly partition?: number;
  readonly key: string | null;
  readonly value: Buffer | null;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Position {
  readonly topic: string;
  readonly partition: number;
  readonly offset: string;
}

/** The whole world on real services: fresh insurers with their own topics, Kafka users and databases, and one bridge in
 *  this process on a database of its own. */
export interface Bed {
  readonly topology: Topology;
  readonly insurers: readonly Insurer[];
  /** The bridge's API as staff. Answers of any status resolve. */
  readonly staff: AxiosInstance;
  /** The API with a key of that scope. */
  apiAs(scope: Scope, provider?: string, owner?: string): Promise<AxiosInstance>;
  /** The bridge's own database. */
  readonly db: pg.Pool;
  /** The environment of `bridge run` for this bed, in place of the bridge in this process. */
  readonly env: Readonly<Record<string, string>>;
  /** Produces raw bytes as the cluster's super user, to the partition that the key has when none is named. */
  publish(record: RawRecord): Promise<Position>;
  /** Where the bridge in this process listens. */
  url(): string;
  startBridge(): Promise<void>;
  /** Rejects when a service of the bridge failed. */
  stopBridge(): Promise<void>;
  close(): Promise<void>;
}

type Cleanups = (() => Promise<unknown>)[];

/** What could not be made leaves nothing behind. */
export async function setup(options: BedOptions = {}): Promise<Bed> {
  const cleanups: Cleanups = [];
  try {
    return await makeBed(options, cleanups);
  } catch (error) {
    await unwind(cleanups);
    throw error;
  }
}

/** The last first, each whatever became of the others; returns what failed. */
async function unwind(cleanups: Cleanups): Promise<readonly unknown[]> {
  const failures: unknown[] = [];
  for (const cleanup of cleanups.splice(0).reverse()) {
    await cleanup().catch((error: unknown) => failures.push(error));
  }
  return failures;
}

async function makeBed(options: BedOptions, cleanups: Cleanups): Promise<Bed> {
  const kafka = options.kafka ?? { brokers: inject('kafkaBrokers'), admin: inject('kafkaAdmin') };
  const folder = await mkdtemp(path.join(tmpdir(), 'bridge-e2e-'));
  cleanups.push(() => rm(folder, { recursive: true }));
  const ids = Array.from({ length: options.providers ?? 1 }, freshProviderId);
  const topicsFile = path.join(folder, 'topics.yaml');
  await writeFile(topicsFile, stringify(topicsOf(ids, options)));

  const databaseServer = options.databaseServer ?? inject('databaseUrl');
  const database = await createTestDatabase(databaseServer, options.migrationsDirs ?? []);
  cleanups.push(() => database.drop());
  const bridgeUser = `bridge-${ids[0]}`;
  const bridgePassword = randomUUID();
  const logins = new Map(ids.map((id) => [id, { username: id, password: randomUUID() }]));
  const apiKeys = new Map(ids.map((id) => [id, randomUUID()]));
  const platforms = await Promise.all(
    ids.map(async (id) => {
      const platformDatabase = new URL(inject('databaseUrl'));
      platformDatabase.pathname = `/platform_${id}`;
      const platform = await createPlatform({
        providerId: id,
        databaseUrl: platformDatabase.href,
        brokers: kafka.brokers,
        sasl: { mechanism: 'scram-sha-256', ...logins.get(id)! },
        registryUrl: inject('registryUrl'),
        schemasDir: path.join(root, 'schemas'),
        apiKeys: [apiKeys.get(id)!],
        agentKey: 'agent',
        port: 0,
        log: pino({ level: 'silent' }),
      });
      cleanups.push(async () => {
        await platform.stop();
        await dropDatabase(platformDatabase.pathname.slice(1));
      });
      return { id, platform };
    }),
  );
  const delimited = (name: string, more: readonly string[] = []) =>
    [path.join(root, name), ...more].join(path.delimiter);
  const plainEnv = {
    DATABASE_URL: database.url,
    KAFKA_BROKERS: kafka.brokers.join(','),
    KAFKA_SASL_USERNAME: bridgeUser,
    KAFKA_SASL_PASSWORD: bridgePassword,
    SCHEMA_REGISTRY_URL: inject('registryUrl'),
    EVENT_SIGNING_KEY: randomBytes(32).toString('hex'),
    HTTP_PORT: String(await freePort()),
    TOPICS_FILE: topicsFile,
    LOG_LEVEL: process.env['E2E_LOG_LEVEL'] ?? 'silent',
    KINDS_DIRS: delimited('src/domain', options.kindsDirs),
    SCHEMAS_DIRS: delimited('schemas', options.schemasDirs),
    MIGRATIONS_DIRS: delimited('prisma/migrations', options.migrationsDirs),
    REPUBLISH_GRACE_SECONDS: String(options.republishGraceSeconds ?? 60),
    ...options.settings,
    ...Object.fromEntries(
      platforms.flatMap(({ id, platform }) => [
        [`PROVIDER_${id.toUpperCase()}_API_URL`, platform.url],
        [`PROVIDER_${id.toUpperCase()}_API_KEY`, apiKeys.get(id)!],
      ]),
    ),
  };
  const env = { ...plainEnv, ...(await options.bridgeEnv?.(plainEnv)) };
  const settings = parseSettings(env, ['database', 'kafka', 'registry', 'http', 'signing', 'providers']);
  const topology = await loadTopology({ ...settings, shapeOf: loadContracts(settings.schemasDirs).shapeOf });
  await provision(topology, kafka, { bridgeUser, bridgePassword, logins });

  /** Where a bridge in a process of its own would listen; the one in this process takes any port. */
  const elsewhere = `http://127.0.0.1:${env.HTTP_PORT}`;
  let bridge: { stop: AbortController; running: Promise<void>; url: string } | null = null;
  const startBridge = async (): Promise<void> => {
    const log = pino({ level: settings.logLevel }, pino.destination({ dest: 2, sync: true }));
    const listening = Promise.withResolvers<string>();
    const app = await buildApp(
      { ...settings, httpPort: 0 },
      { log, version: 'test', onListening: listening.resolve },
    );
    const stop = new AbortController();
    const running = app.run(stop.signal);
    running.catch(listening.reject);
    bridge = { stop, running, url: await listening.promise };
  };
  const stopBridge = async (): Promise<void> => {
    const stopping = bridge;
    bridge = null;
    stopping?.stop.abort();
    await stopping?.running;
  };

  const db = new pg.Pool({ connectionString: database.url, max: 4 });
  db.on('error', () => {
    // A server that a test stops takes idle connections with it.
  });
  cleanups.push(() => db.end());
  const producer = kafkaClient(kafka.admin, { brokers: kafka.brokers }).producer({
    allowAutoTopicCreation: false,
  });
  await producer.connect();
  cleanups.push(() => producer.disconnect());

  // The bridge registers the contracts, which the insurers only read: it comes first.
  await startBridge();
  cleanups.push(stopBridge);
  const insurers = await Promise.all(
    platforms.map(async ({ id, platform }) => {
      const stop = new AbortController();
      const running = platform.run(stop.signal);
      const stopSyncing = async () => {
        stop.abort();
        await running;
      };
      cleanups.push(stopSyncing);
      await Promise.race([platform.ready, running]);
      const today = new Date().toISOString().slice(0, 10);
      const sample = createSampleData({ seed: 7, providerId: id, today });
      return { id, platform, login: logins.get(id)!, sample, stopSyncing };
    }),
  );

  const keys = createApiKeyTable({ pool: db, prisma: createPrisma(db), newId });
  const apiAs: Bed['apiAs'] = async (scope, provider, owner = `Test ${scope}`) => {
    const secret = `eak_${randomBytes(32).toString('base64url')}`;
    const secretHash = createHash('sha256').update(secret).digest('hex');
    await keys.create({ owner, scope, provider: provider ?? null, secretHash, by: 'test' });
    const api = axios.create({ headers: { 'X-API-Key': secret }, validateStatus: () => true });
    api.interceptors.request.use((request) => ({ ...request, baseURL: bridge?.url ?? elsewhere }));
    return api;
  };

  return {
    topology,
    insurers,
    staff: await apiAs('staff'),
    apiAs,
    db,
    env,
    async publish({ topic, partition, key, value, headers = {} }) {
      const message = { key, value, headers, ...(partition === undefined ? {} : { partition }) };
      const [sent] = await producer.send({ topic, acks: -1, messages: [message] });
      return { topic, partition: sent!.partition, offset: sent!.baseOffset! };
    },
    url: () => bridge?.url ?? elsewhere,
    startBridge,
    stopBridge,
    async close() {
      const failures = await unwind(cleanups);
      if (failures.length > 0) throw new AggregateError(failures, 'cleaning up failed');
    },
  };
}

function topicsOf(ids: readonly string[], options: BedOptions) {
  const both = { writers: ['eassurance', 'provider'] };
  return {
    version: 1,
    defaults: {
      partitions: options.partitions ?? 3,
      replicationFactor: 1,
      minInsyncReplicas: 1,
      retentionDays: 1,
      maxMessageBytes: options.maxMessageBytes ?? 1_048_576,
    },
    entities: {
      constat: { created: both, updated: both },
      vehicle: { verified: both },
      claim: { created: both, processed: both },
      policy: { updated: { writers: ['provider'] } },
      ...options.entities,
    },
    shared: { vehicle: { verified: {} } },
    providers: Object.fromEntries(
      ids.map((id) => [
        id,
        {
          name: `Insurer ${id}`,
          user: id,
          writerIds: [id],
          shareVerifications: options.shareVerifications ?? false,
          ownedByEassurance: options.ownedByEassurance ?? {},
          pull: {
            intervalSeconds: options.pullIntervalSeconds ?? 60,
            collections: options.pullIntervalSeconds === undefined ? [] : ['constats'],
          },
          ...(options.canaryIntervalSeconds && {
            canary: { intervalSeconds: options.canaryIntervalSeconds },
          }),
        },
      ]),
    ),
  };
}

async function provision(
  topology: Topology,
  kafka: NonNullable<BedOptions['kafka']>,
  users: {
    readonly bridgeUser: string;
    readonly bridgePassword: string;
    readonly logins: ReadonlyMap<string, { readonly password: string }>;
  },
): Promise<void> {
  const admin = createClusterAdmin({
    brokers: kafka.brokers,
    sasl: { mechanism: 'scram-sha-256', ...kafka.admin },
    ssl: false,
    clientId: 'tests',
  });
  try {
    const desired = desiredCluster(topology, {
      bridgeUser: users.bridgeUser,
      bridgePassword: users.bridgePassword,
      providerPasswords: new Map([...users.logins].map(([id, { password }]) => [id, password])),
    });
    await provisionTopics(desired, { admin, consents: new Set(), onDone: () => {} });
  } finally {
    await admin.close();
  }
}

async function dropDatabase(name: string): Promise<void> {
  const client = new pg.Client({ connectionString: inject('databaseUrl') });
  await client.connect();
  await client.query(`drop database if exists ${pg.escapeIdentifier(name)} with (force)`);
  await client.end();
}
