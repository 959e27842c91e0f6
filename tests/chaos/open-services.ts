import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { choosePorts } from '../../src/embedded/choose-ports.ts';
import { defaultJarsDir, fetchJars } from '../../src/embedded/fetch-jars.ts';
import { findJava } from '../../src/embedded/find-java.ts';
import { startKafka } from '../../src/embedded/start-kafka.ts';
import { startPostgres } from '../../src/embedded/start-postgres.ts';
import { startRegistry } from '../../src/embedded/start-registry.ts';
import type { CleanupStack } from '../../src/runtime/cleanup-stack.ts';
import type { TestServices } from '../support/start-test-services.ts';

/** Services of this run's own, to be taken away and given back. The insurers keep their own PostgreSQL, which stays. */
export interface BrittleServices extends TestServices {
  readonly insurersDatabaseUrl: string;
  /** Stops PostgreSQL, politely or as a crash does, and starts it again on the same data after `downMs`. */
  restartPostgres(how: 'fast' | 'immediate', downMs: number): Promise<void>;
  restartKafka(how: 'stopped' | 'killed', downMs: number): Promise<void>;
}

const PASSWORD = 'chaos';
const kafkaAdmin = { username: 'admin', password: PASSWORD };

export async function openServices(cleanup: CleanupStack, signal: AbortSignal): Promise<BrittleServices> {
  const env = process.env;
  const java = await findJava(env);
  const jars = await fetchJars({ jarsDir: defaultJarsDir(env), env, onProgress: () => {} });
  const dir = await mkdtemp(path.join(tmpdir(), 'chaos-'));
  // For root, PostgreSQL runs as another user, who has to get through to its data.
  await chmod(dir, 0o755);
  cleanup.defer('the services’ folder', () => rm(dir, { recursive: true, force: true }));
  const [port, clientPort, controllerPort, registryPort] = (await choosePorts(
    ['PostgreSQL', 'Kafka', "Kafka's controller", 'the registry'].map((name) => ({ name })),
  )) as [number, number, number, number];

  const startHub = () => startPostgres({ dataDir: path.join(dir, 'hub'), port, password: PASSWORD });
  const startBroker = () =>
    startKafka({
      ...{ java, env, clientPort, controllerPort, signal, admin: kafkaAdmin },
      classpath: jars.kafkaClasspath,
      dir: path.join(dir, 'kafka'),
    });
  let hub = await startHub();
  cleanup.defer('PostgreSQL', () => hub.stop());
  const insurers = await startPostgres({ dataDir: path.join(dir, 'insurers'), password: PASSWORD });
  cleanup.defer("the insurers' PostgreSQL", () => insurers.stop());
  let broker = await startBroker();
  cleanup.defer('Kafka', () => broker.stop());
  const registry = await startRegistry({
    ...{ java, env, signal, jar: jars.registryJar },
    dir: path.join(dir, 'registry'),
    port: registryPort,
    storage: 'memory',
  });
  cleanup.defer('the registry', registry.stop);

  return {
    databaseUrl: hub.url,
    insurersDatabaseUrl: insurers.url,
    kafkaBrokers: [broker.brokers],
    kafkaAdmin,
    registryUrl: registry.url,
    stop: async () => {},
    async restartPostgres(how, downMs) {
      await (how === 'fast' ? hub.stop() : hub.crash());
      await new Promise((resolve) => setTimeout(resolve, downMs));
      hub = await startHub();
    },
    async restartKafka(how, downMs) {
      await (how === 'stopped' ? broker.stop() : broker.kill());
      await new Promise((resolve) => setTimeout(resolve, downMs));
      broker = await startBroker();
    },
  };
}
