import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import axios, { type AxiosInstance } from 'axios';
import kafkajs from 'kafkajs';
import pg from 'pg';
import { stringify } from 'yaml';
import { loadContracts } from '../../src/avro/load-contracts.ts';
import { parseSettings } from '../../src/config/env.ts';
import { loadTopology } from '../../src/config/load-topology.ts';
import { startChild, untilReady, type Child } from '../../src/embedded/start-child.ts';
import { createClusterAdmin } from '../../src/kafka/create-cluster-admin.ts';
import { mendRequestQueue } from '../../src/kafka/mend-request-queue.ts';
import type { Topology } from '../../src/ports.ts';
import { createApiKeyTable } from '../../src/postgres/create-api-key-table.ts';
import { createPrisma } from '../../src/postgres/create-prisma.ts';
import { desiredCluster } from '../../src/provision/desired-cluster.ts';
import { provisionTopics } from '../../src/provision/provision-topics.ts';
import type { CleanupStack } from '../../src/runtime/cleanup-stack.ts';
import { newId } from '../../src/runtime/new-id.ts';
import { freePort } from '../support/free-port.ts';
import { freshProviderId } from '../support/fresh-provider.ts';
import { startTestServices, type TestServices } from '../support/start-test-services.ts';
import { createTestDatabase } from '../support/test-database.ts';
import { openInsurers, runInsurers, type Login, type OpenInsurer } from './open-insurers.ts';

export interface World {
  readonly topology: Topology;
  readonly insurers: readonly (OpenInsurer & { readonly topics: readonly string[] })[];
  /** The bridge's database. */
  readonly db: pg.Pool;
  readonly admin: kafkajs.Admin;
  /** Clients of the APIs of both bridges, with a key of this person. */
  staffMember(name: string): Promise<readonly AxiosInstance[]>;
  /** Rejects with a sentence when a bridge or an insurer ended that nobody stopped. */
  readonly failed: Promise<never>;
}

const root = path.resolve(import.meta.dirname, '../..');
const BRIDGES = 2;
const INSURERS = 2;

/** Two bridges, each a process of its own on one database and in one group, and two simulated insurers in this process, on
 *  real services: those of the environment, else embedded ones. Everything that was started is on the stack. */
export async function openWorld(seed: number, cleanup: CleanupStack, signal: AbortSignal): Promise<World> {
  mendRequestQueue();
  const services = await startTestServices(process.env);
  cleanup.defer('the services', services.stop);
  signal.throwIfAborted();
  const folder = await mkdtemp(path.join(tmpdir(), 'bridge-soak-'));
  cleanup.defer('the folder', () => rm(folder, { recursive: true }));
  const database = await createTestDatabase(services.databaseUrl);
  cleanup.defer('the database', database.drop);
  const ids = Array.from({ length: INSURERS }, freshProviderId);
  const topicsFile = path.join(folder, 'topics.yaml');
  await writeFile(topicsFile, stringify(topicsOf(ids)));
  const { logins, bridgeLogin } = makeLogins(ids);
  const insurers = await openInsurers(ids, logins, services, seed, cleanup);

  const env = {
    DATABASE_URL: database.url,
    KAFKA_BROKERS: services.kafkaBrokers.join(','),
    KAFKA_SASL_USERNAME: bridgeLogin.username,
    KAFKA_SASL_PASSWORD: bridgeLogin.password,
    SCHEMA_REGISTRY_URL: services.registryUrl,
    EVENT_SIGNING_KEY: randomBytes(32).toString('hex'),
    TOPICS_FILE: topicsFile,
    LOG_LEVEL: 'warn',
    ...Object.fromEntries(
      insurers.flatMap(({ platform }) => [
        [`PROVIDER_${platform.providerId.toUpperCase()}_API_URL`, platform.url],
        [`PROVIDER_${platform.providerId.toUpperCase()}_API_KEY`, 'soak'],
      ]),
    ),
  };
  const settings = parseSettings(env, ['database', 'kafka', 'registry', 'signing', 'providers']);
  const topology = await loadTopology({ ...settings, shapeOf: loadContracts(settings.schemasDirs).shapeOf });
  await provision(topology, services, bridgeLogin, logins);

  const children: Child[] = [];
  const urls: string[] = [];
  for (let i = 1; i <= BRIDGES; i++) {
    const port = await freePort();
    const child = await startChild({
      name: `Bridge ${i}`,
      command: process.execPath,
      args: [path.join(root, 'src/main.ts'), 'run'],
      env: {
        PATH: process.env['PATH'],
        KAFKAJS_NO_PARTITIONER_WARNING: '1',
        ...env,
        HTTP_PORT: String(port),
      },
      dir: folder,
      file: `bridge-${i}`,
      signal,
    });
    cleanup.defer(child.name, child.stop);
    urls.push(`http://127.0.0.1:${port}`);
    await untilReady(child, () => answers(`${urls.at(-1)}/health/ready`));
    children.push(child);
  }
  const { ended } = await runInsurers(insurers, cleanup);

  const db = new pg.Pool({ connectionString: database.url, max: 2 });
  cleanup.defer('the reader of the database', () => db.end());
  const keys = createApiKeyTable({ prisma: createPrisma(db), newId });
  const kafka = new kafkajs.Kafka({
    brokers: services.kafkaBrokers,
    sasl: { mechanism: 'scram-sha-256', ...services.kafkaAdmin },
    logLevel: kafkajs.logLevel.NOTHING,
  });
  const admin = kafka.admin();
  await admin.connect();
  cleanup.defer('the Kafka admin', () => admin.disconnect());
  const failed = Promise.race([
    ended,
    ...children.map(async (child): Promise<never> => {
      throw new Error(`${child.name} ended (${await child.exited}); its log was ${child.logFile}`);
    }),
  ]);
  // At the end everything is stopped, and nobody waits for this any more.
  failed.catch(() => {});
  return {
    topology,
    insurers: insurers.map((insurer) => ({
      ...insurer,
      topics: [...topology.routes.values()]
        .filter((route) => route.providerId === insurer.platform.providerId && route.kind === 'constat')
        .map(({ topic }) => topic),
    })),
    db,
    admin,
    async staffMember(name) {
      const secret = `eak_${randomBytes(32).toString('base64url')}`;
      const secretHash = createHash('sha256').update(secret).digest('hex');
      await keys.create({ owner: name, scope: 'staff', provider: null, secretHash, by: 'soak' });
      return urls.map((baseURL) =>
        axios.create({ baseURL, headers: { 'X-API-Key': secret }, timeout: 35_000 }),
      );
    },
    failed,
  };
}

function makeLogins(ids: readonly string[]) {
  return {
    bridgeLogin: { username: `bridge-${ids[0]}`, password: randomUUID() } satisfies Login,
    logins: new Map(ids.map((id) => [id, { username: id, password: randomUUID() } satisfies Login])),
  };
}

/** The second insurer leaves some atoms to E-assurance. */
function topicsOf(ids: readonly string[]) {
  const both = { writers: ['eassurance', 'provider'] };
  const defaults = { partitions: 3, replicationFactor: 1, minInsyncReplicas: 1, retentionDays: 1 };
  return {
    version: 1,
    defaults: { ...defaults, maxMessageBytes: 1_048_576 },
    entities: {
      constat: { created: both, updated: both },
      vehicle: { verified: both },
      claim: { created: both, processed: both },
      policy: { updated: { writers: ['provider'] } },
    },
    shared: { vehicle: { verified: {} } },
    providers: Object.fromEntries(
      ids.map((id, i) => [
        id,
        {
          name: `Insurer ${id}`,
          user: id,
          writerIds: [id],
          ownedByEassurance: i === 0 ? {} : { constat: ['accident/place', 'witnesses', 'parties/A/remarks'] },
          pull: { intervalSeconds: 20, collections: ['constats'] },
        },
      ]),
    ),
  };
}

async function provision(
  topology: Topology,
  services: TestServices,
  bridge: Login,
  logins: ReadonlyMap<string, Login>,
): Promise<void> {
  const admin = createClusterAdmin({
    brokers: services.kafkaBrokers,
    sasl: { mechanism: 'scram-sha-256', ...services.kafkaAdmin },
    ssl: false,
    clientId: 'soak',
  });
  try {
    const desired = desiredCluster(topology, {
      bridgeUser: bridge.username,
      bridgePassword: bridge.password,
      providerPasswords: new Map([...logins].map(([id, { password }]) => [id, password])),
    });
    await provisionTopics(desired, { admin, consents: new Set(), onDone: () => {} });
  } finally {
    await admin.close();
  }
}

async function answers(url: string): Promise<boolean> {
  return (await fetch(url).catch(() => null))?.ok ?? false;
}
