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
import { createClusterAdmin } from '../../src/kafka/create-cluster-admin.ts';
import type { Topology } from '../../src/ports.ts';
import { createApiKeyTable } from '../../src/postgres/create-api-key-table.ts';
import { createPrisma } from '../../src/postgres/create-prisma.ts';
import { desiredCluster } from '../../src/provision/desired-cluster.ts';
import { provisionTopics } from '../../src/provision/provision-topics.ts';
import type { CleanupStack } from '../../src/runtime/cleanup-stack.ts';
import { newId } from '../../src/runtime/new-id.ts';
import { freshProviderId } from '../support/fresh-provider.ts';
import type { TestServices } from '../support/start-test-services.ts';
import { createTestDatabase } from '../support/test-database.ts';
import { openInsurers, type Login, type OpenInsurer } from './open-insurers.ts';

/** Everything but the bridges: fresh insurers (not yet at work), their topics, users and databases, and the bridge's own
 *  database. Everything that was opened is on the stack. */
export interface PreparedWorld {
  readonly topology: Topology;
  readonly insurers: readonly WorldInsurer[];
  /** The environment of `bridge run`, but for its HTTP port. */
  readonly env: Readonly<Record<string, string>>;
  /** For logs and settings; removed at the end. */
  readonly folder: string;
  /** The bridge's database. */
  readonly db: pg.Pool;
  /** As the cluster's super user. */
  readonly kafka: kafkajs.Kafka;
  readonly admin: kafkajs.Admin;
  /** Clients of these addresses of the API, with a key of this person. */
  staffMember(name: string, urls: readonly string[]): Promise<readonly AxiosInstance[]>;
}

export interface WorldInsurer extends OpenInsurer {
  /** Of its constats. */
  readonly topics: readonly string[];
}

export interface WorldOptions {
  readonly seed: number;
  readonly services: TestServices;
  /** Superuser's, to the server of the insurers' databases. */
  readonly insurersDatabaseUrl: string;
  /** The clock of the insurer of this index. */
  readonly clockOf?: (index: number) => () => number;
}

const INSURERS = 2;

export async function prepareWorld(options: WorldOptions, cleanup: CleanupStack): Promise<PreparedWorld> {
  const { services } = options;
  const folder = await mkdtemp(path.join(tmpdir(), 'bridge-world-'));
  cleanup.defer('the folder', () => rm(folder, { recursive: true }));
  const database = await createTestDatabase(services.databaseUrl);
  cleanup.defer('the database', database.drop);
  const ids = Array.from({ length: INSURERS }, freshProviderId);
  const topicsFile = path.join(folder, 'topics.yaml');
  await writeFile(topicsFile, stringify(topicsOf(ids)));
  const { logins, bridgeLogin } = makeLogins(ids);
  const insurers = await openInsurers(ids, logins, options, cleanup);

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

  const db = new pg.Pool({ connectionString: database.url, max: 2 });
  db.on('error', () => {});
  cleanup.defer('the reader of the database', () => db.end());
  const keys = createApiKeyTable({ pool: db, prisma: createPrisma(db), newId });
  const kafka = new kafkajs.Kafka({
    brokers: services.kafkaBrokers,
    sasl: { mechanism: 'scram-sha-256', ...services.kafkaAdmin },
    logLevel: kafkajs.logLevel.NOTHING,
  });
  const admin = kafka.admin();
  await admin.connect();
  cleanup.defer('the Kafka admin', () => admin.disconnect());
  return {
    topology,
    insurers: insurers.map((insurer) => ({
      ...insurer,
      topics: [...topology.routes.values()]
        .filter((route) => route.providerId === insurer.platform.providerId && route.kind === 'constat')
        .map(({ topic }) => topic),
    })),
    env,
    folder,
    db,
    kafka,
    admin,
    async staffMember(name, urls) {
      const secret = `eak_${randomBytes(32).toString('base64url')}`;
      const secretHash = createHash('sha256').update(secret).digest('hex');
      await keys.create({ owner: name, scope: 'staff', provider: null, secretHash, by: 'soak' });
      return urls.map((baseURL) =>
        axios.create({ baseURL, headers: { 'X-API-Key': secret }, timeout: 35_000 }),
      );
    },
  };
}

export function makeLogins(ids: readonly string[]) {
  return {
    bridgeLogin: { username: `bridge-${ids[0]}`, password: randomUUID() } satisfies Login,
    logins: new Map(ids.map((id) => [id, { username: id, password: randomUUID() } satisfies Login])),
  };
}

/** The second insurer leaves some atoms to E-assurance. */
export function topicsOf(ids: readonly string[], partitions = 3) {
  const both = { writers: ['eassurance', 'provider'] };
  const defaults = { partitions, replicationFactor: 1, minInsyncReplicas: 1, retentionDays: 1 };
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

export async function provision(
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
