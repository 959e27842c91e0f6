import { createHash, randomBytes } from 'node:crypto';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadContracts } from '../../avro/load-contracts.ts';
import { parseSettings } from '../../config/env.ts';
import { loadTopology } from '../../config/load-topology.ts';
import { choosePorts } from '../../embedded/choose-ports.ts';
import { startChild, untilReady, type Child } from '../../embedded/start-child.ts';
import { startServices, type Services } from '../../embedded/start-services.ts';
import { createClusterAdmin } from '../../kafka/create-cluster-admin.ts';
import type { Topology } from '../../ports.ts';
import { createApiKeyTable } from '../../postgres/create-api-key-table.ts';
import { createPool } from '../../postgres/create-pool.ts';
import { createPrisma } from '../../postgres/create-prisma.ts';
import { applyMigrations } from '../../postgres/migrate.ts';
import { desiredCluster } from '../../provision/desired-cluster.ts';
import { provisionTopics } from '../../provision/provision-topics.ts';
import type { CleanupStack } from '../../runtime/cleanup-stack.ts';
import { newId } from '../../runtime/new-id.ts';
import { createAgentClient, createStaffClient, type AgentClient, type StaffClient } from './http-clients.ts';

export interface Demo {
  readonly topology: Topology;
  readonly bridgeUrl: string;
  readonly staffKey: string;
  readonly staff: StaffClient;
  /** The insurers' own people, by provider. */
  readonly agents: ReadonlyMap<string, AgentClient>;
  /** When the command was started, milliseconds. */
  readonly startedAtMs: number;
  /** Resolves with a sentence when a process ended that nobody stopped. */
  readonly failed: Promise<string>;
}

const main = fileURLToPath(new URL('../../main.ts', import.meta.url));
const OWNER = 'Demo staff';

/** Starts the services, brings database and cluster to this build, then the two insurers and the bridge. When it
 *  resolves, each has answered. Everything that was started is on the cleanup stack. */
export async function startDemo(
  options: { readonly stateDir: string; readonly fresh?: boolean },
  cleanup: CleanupStack,
  signal: AbortSignal,
): Promise<Demo> {
  const startedAtMs = Date.now();
  const stateDir = path.resolve(options.stateDir);
  const say = (line: string): void => console.error(line);
  const settings = parseSettings(process.env, []);
  const topology = await loadTopology({ ...settings, shapeOf: loadContracts(settings.schemasDirs).shapeOf });
  const providerIds = [...topology.providers.keys()];

  say('Starting PostgreSQL, Kafka and the schema registry …');
  const services = await startServices({
    stateDir,
    fresh: options.fresh ?? false,
    providerIds,
    env: process.env,
    onProgress: say,
    signal,
  });
  cleanup.defer('the services', services.stop);

  const [staffKey] = await Promise.all([
    prepareDatabase(services.env['DATABASE_URL']!, settings.migrationsDirs),
    prepareCluster(services, topology),
  ]);
  say('Database and topics are ready; starting the insurers and the bridge …');

  const [bridgePort, ...agentPorts] = await choosePorts([
    {
      name: 'the bridge (HTTP_PORT)',
      asked: process.env['HTTP_PORT'] ? Number(process.env['HTTP_PORT']) : undefined,
    },
    ...providerIds.map((id) => ({ name: id })),
  ]);
  const bridgeUrl = `http://127.0.0.1:${bridgePort}`;
  const insurers = providerIds.map((id, i) => ({
    id,
    port: agentPorts[i]!,
    apiKey: randomBytes(24).toString('base64url'),
    agentKey: randomBytes(24).toString('base64url'),
  }));
  const start = async (name: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<Child> => {
    const child = await startChild({
      name,
      command: process.execPath,
      // A small young generation: three processes of Node share the machine with two JVMs.
      args: ['--max-semi-space-size=4', main, ...args],
      env: {
        PATH: process.env['PATH'],
        LOG_LEVEL: process.env['LOG_LEVEL'] ?? 'info',
        NODE_ENV: 'production',
        // Compiled once, started faster and smaller from then on.
        NODE_COMPILE_CACHE: path.join(stateDir, 'compile-cache'),
        ...env,
      },
      dir: path.join(stateDir, 'processes'),
      file: name.toLowerCase().replaceAll(' ', '-'),
      signal,
    });
    cleanup.defer(name, child.stop);
    return child;
  };
  const children = await Promise.all([
    ...insurers.map(async ({ id, port, apiKey, agentKey }) => {
      const child = await start(`Insurer ${id}`, ['simulate', id], {
        SIMULATOR_DATABASE_URL: await services.ensureDatabase(`${id}_platform`),
        KAFKA_BROKERS: services.kafka.brokers.join(','),
        KAFKA_SASL_USERNAME: topology.providers.get(id)!.user,
        KAFKA_SASL_PASSWORD: services.kafka.providerPasswords[id],
        SCHEMA_REGISTRY_URL: services.env['SCHEMA_REGISTRY_URL'],
        SIMULATOR_HTTP_PORT: String(port),
        SIMULATOR_AGENT_KEY: agentKey,
        [`PROVIDER_${id.toUpperCase()}_API_KEY`]: apiKey,
      });
      await untilReady(child, () => answers(`http://127.0.0.1:${port}/v1/health`, { 'X-API-Key': apiKey }));
      return child;
    }),
    (async () => {
      const apis = insurers.flatMap(({ id, port, apiKey }) => [
        [`PROVIDER_${id.toUpperCase()}_API_URL`, `http://127.0.0.1:${port}`] as const,
        [`PROVIDER_${id.toUpperCase()}_API_KEY`, apiKey] as const,
      ]);
      const bridge = await start('Bridge', ['run'], {
        ...services.env,
        ...Object.fromEntries(apis),
        HTTP_PORT: String(bridgePort),
        TOPICS_FILE: settings.topicsFile,
      });
      await untilReady(bridge, () => answers(`${bridgeUrl}/health/ready`));
      return bridge;
    })(),
  ]);

  return {
    topology,
    bridgeUrl,
    staffKey,
    staff: createStaffClient(bridgeUrl, staffKey),
    agents: new Map(
      insurers.map(({ id, port, agentKey }) => [id, createAgentClient(`http://127.0.0.1:${port}`, agentKey)]),
    ),
    startedAtMs,
    failed: Promise.race([
      services.failed,
      ...children.map((child) =>
        child.exited.then((how) => `${child.name} ended (${how}); its log is ${child.logFile}`),
      ),
    ]),
  };
}

/** Brings the database to this build and makes a key for the demo's staff; those of earlier runs are revoked, since
 *  nobody knows them any more. */
async function prepareDatabase(databaseUrl: string, migrationsDirs: readonly string[]): Promise<string> {
  const pool = createPool({ databaseUrl, max: 2, onError: () => {} });
  try {
    await applyMigrations(pool, migrationsDirs);
    const keys = createApiKeyTable({ pool, prisma: createPrisma(pool), newId });
    for (const key of await keys.list()) {
      if (key.owner === OWNER && key.revokedAtMs === null) await keys.revoke(key.id, OWNER);
    }
    const secret = `eak_${randomBytes(32).toString('base64url')}`;
    const secretHash = createHash('sha256').update(secret).digest('hex');
    await keys.create({ owner: OWNER, scope: 'staff', provider: null, secretHash, by: OWNER });
    return secret;
  } finally {
    await pool.end();
  }
}

async function prepareCluster(services: Services, topology: Topology): Promise<void> {
  const settings = parseSettings(services.adminEnv, ['kafka', 'provisioning']);
  const admin = createClusterAdmin({
    brokers: settings.kafkaBrokers,
    sasl: settings.kafkaSasl,
    ssl: settings.kafkaSsl,
    clientId: 'eassurance-demo',
  });
  try {
    const desired = desiredCluster(topology, {
      bridgeUser: settings.bridgeKafkaUsername,
      bridgePassword: settings.bridgeKafkaPassword,
      providerPasswords: settings.providerKafkaPasswords,
    });
    await provisionTopics(desired, { admin, consents: new Set(), onDone: () => {} });
  } finally {
    await admin.close();
  }
}

async function answers(url: string, headers: Record<string, string> = {}): Promise<boolean> {
  try {
    return (await fetch(url, { headers })).ok;
  } catch {
    return false;
  }
}
