import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import kafkajs from 'kafkajs';
import { stringify } from 'yaml';
import { createRegistryClient } from '../src/avro/create-registry-client.ts';
import { loadContracts, type Contracts } from '../src/avro/load-contracts.ts';
import { registerSchemas } from '../src/avro/register-schemas.ts';
import { parseSettings } from '../src/config/env.ts';
import { loadTopology } from '../src/config/load-topology.ts';
import { mendRequestQueue } from '../src/kafka/mend-request-queue.ts';
import type { Topology } from '../src/ports.ts';
import type { CleanupStack } from '../src/runtime/cleanup-stack.ts';
import { makeLogins, provision, topicsOf } from '../tests/soak/prepare-world.ts';
import { freshProviderId } from '../tests/support/fresh-provider.ts';
import { startTestServices, type TestServices } from '../tests/support/start-test-services.ts';

/** Real services with the topics of fresh insurers on them, schemas registered, and no bridge yet. */
export interface Bed {
  readonly services: TestServices;
  readonly providerIds: readonly string[];
  readonly topology: Topology;
  readonly contracts: Contracts;
  /** Topic → id of its schema in the registry. */
  readonly topicSchemaIds: ReadonlyMap<string, number>;
  /** The environment of `bridge run`, but for its database and its HTTP port. */
  readonly env: Readonly<Record<string, string>>;
  /** Password of each insurer's Kafka user, which has the insurer's id for a name. */
  readonly passwords: ReadonlyMap<string, string>;
  /** As the cluster's super user. */
  readonly kafka: kafkajs.Kafka;
  readonly folder: string;
  /** Ends what runs on it. */
  readonly signal: AbortSignal;
}

export interface BedOptions {
  readonly providers: number;
  readonly partitions: number;
  /** Kinds whose topics there are; all when left out. */
  readonly kinds?: readonly string[];
  /** The caller's to stop; started here when left out. */
  readonly services?: TestServices;
  readonly signal: AbortSignal;
}

export async function openBed(options: BedOptions, cleanup: CleanupStack): Promise<Bed> {
  const { providers, partitions, signal } = options;
  mendRequestQueue();
  const services = options.services ?? (await startTestServices(process.env));
  if (options.services === undefined) cleanup.defer('the services', services.stop);
  signal.throwIfAborted();
  const folder = await mkdtemp(path.join(tmpdir(), 'bridge-bench-'));
  cleanup.defer('the folder', () => rm(folder, { recursive: true }));
  const providerIds = Array.from({ length: providers }, freshProviderId);
  const topicsFile = path.join(folder, 'topics.yaml');
  const topics = topicsOf(providerIds, partitions);
  const entities = Object.entries(topics.entities).filter(([kind]) => options.kinds?.includes(kind) ?? true);
  await writeFile(topicsFile, stringify({ ...topics, entities: Object.fromEntries(entities) }));
  const { logins, bridgeLogin } = makeLogins(providerIds);
  const env = {
    KAFKA_BROKERS: services.kafkaBrokers.join(','),
    KAFKA_SASL_USERNAME: bridgeLogin.username,
    KAFKA_SASL_PASSWORD: bridgeLogin.password,
    SCHEMA_REGISTRY_URL: services.registryUrl,
    EVENT_SIGNING_KEY: randomBytes(32).toString('hex'),
    TOPICS_FILE: topicsFile,
    LOG_LEVEL: 'warn',
  };
  const settings = parseSettings({ ...env, DATABASE_URL: services.databaseUrl }, ['database', 'registry']);
  const contracts = loadContracts(settings.schemasDirs);
  const topology = await loadTopology({ ...settings, shapeOf: contracts.shapeOf });
  await provision(topology, services, bridgeLogin, logins);
  const registry = createRegistryClient({
    url: services.registryUrl,
    username: undefined,
    password: undefined,
  });
  const topicSchemaIds = await registerSchemas({ contracts, routes: topology.routes.values(), registry });
  const kafka = new kafkajs.Kafka({
    brokers: services.kafkaBrokers,
    sasl: { mechanism: 'scram-sha-256', ...services.kafkaAdmin },
    logLevel: kafkajs.logLevel.NOTHING,
  });
  const passwords = new Map([...logins].map(([id, { password }]) => [id, password]));
  return {
    ...{ services, providerIds, topology, contracts, topicSchemaIds, env, passwords, kafka, folder, signal },
  };
}
