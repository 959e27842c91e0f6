import path from 'node:path';
import { UsageError } from '../domain/errors.ts';
import { choosePorts } from './choose-ports.ts';
import { ensureDatabase } from './ensure-database.ts';
import { defaultJarsDir, fetchJars } from './fetch-jars.ts';
import { findJava } from './find-java.ts';
import { tryLock } from './hold-lock.ts';
import { emptyStateDir, loadSecrets, openStateDir, recallPorts, rememberPorts } from './keep-state.ts';
import type { Ports, Secrets } from './keep-state.ts';
import { startKafka } from './start-kafka.ts';
import { startPostgres } from './start-postgres.ts';
import { startRegistry } from './start-registry.ts';

export interface ServicesOptions {
  /** Holds everything that these services keep; made when absent. */
  readonly stateDir: string;
  /** Begin with an empty state. */
  readonly fresh?: boolean;
  /** Whose Kafka users get a password. */
  readonly providerIds: readonly string[];
  /** Ports that must be these; the others are those of the last run, or free ones. */
  readonly ports?: Partial<Ports>;
  /** `memory` starts faster, and the registry forgets its schemas at the end. Default: `postgres`. */
  readonly registryStorage?: 'postgres' | 'memory';
  /** For JAVA_HOME, PATH and BRIDGE_JARS_DIR. */
  readonly env: NodeJS.ProcessEnv;
  readonly onProgress: (line: string) => void;
  /** Aborting it while the services start stops those that run already; `startServices` then rejects. */
  readonly signal?: AbortSignal;
}

export interface Services {
  /** What the bridge needs (as its own Kafka user). */
  readonly env: Readonly<Record<string, string>>;
  /** What `bridge topics apply` needs (as Kafka's administrator, with the passwords of the users it creates). */
  readonly adminEnv: Readonly<Record<string, string>>;
  readonly kafka: {
    readonly brokers: readonly string[];
    readonly admin: { readonly username: string; readonly password: string };
    /** Provider id → password of its Kafka user. */
    readonly providerPasswords: Readonly<Record<string, string>>;
  };
  /** URL with which PostgreSQL's superuser logs in; the bridge itself never does. */
  readonly superuserUrl: string;
  /** URL of a database on the embedded server, made when it is absent, for a role that owns it and no other. */
  readonly ensureDatabase: (name: string) => Promise<string>;
  /** Resolves with a sentence when a service ended that nobody stopped. */
  readonly failed: Promise<string>;
  /** Ends all services and gives the state folder free. Idempotent. */
  readonly stop: () => Promise<void>;
}

const adminUser = 'admin';
const bridgeUser = 'bridge';

/** Starts PostgreSQL, Kafka and the schema registry, each real, on 127.0.0.1, side by side. When it resolves, each has
 *  answered a client. State, users, passwords and (while they are free) ports of an earlier run in the folder are kept.
 *  When it rejects, or this process ends by whatever means, none of them is left running. */
export async function startServices(options: ServicesOptions): Promise<Services> {
  const { stateDir, env, onProgress } = options;
  const java = await findJava(env);
  const jars = await fetchJars({ jarsDir: defaultJarsDir(env), env, onProgress });
  openStateDir(stateDir);
  const lock = tryLock(path.join(stateDir, 'lock'));
  if (!lock.held) {
    throw new UsageError(
      `${stateDir} is in use by process ${lock.holder.pid}: stop it, or name another folder for the state.`,
    );
  }

  const starting = new AbortController();
  const abort = () => starting.abort(options.signal?.reason);
  options.signal?.addEventListener('abort', abort);
  const stops: (() => Promise<void>)[] = [];
  const stopAll = async () => {
    for (const stop of stops.splice(0).reverse()) await stop();
    lock.release();
  };
  try {
    options.signal?.throwIfAborted();
    if (options.fresh) emptyStateDir(stateDir);
    const secrets = loadSecrets(stateDir, options.providerIds);
    const ports = await allotPorts(options);

    const postgresAndRegistry = async () => {
      const postgres = await startPostgres({
        dataDir: path.join(stateDir, 'postgres'),
        port: ports.postgres,
        password: secrets.postgresPassword,
      });
      stops.unshift(() => postgres.stop());
      onProgress(`PostgreSQL is ready on port ${ports.postgres}.`);
      const databaseUrl = await ensureDatabase(postgres.url, 'eassurance');
      const registry = await startRegistry({
        java,
        env,
        jar: jars.registryJar,
        dir: path.join(stateDir, 'registry'),
        port: ports.registry,
        storage:
          options.registryStorage === 'memory'
            ? 'memory'
            : { databaseUrl: await ensureDatabase(postgres.url, 'registry') },
        signal: starting.signal,
      });
      stops.push(registry.stop);
      onProgress(`The schema registry is ready on port ${ports.registry}.`);
      return { postgres, databaseUrl, registry };
    };
    const kafkaAlone = async () => {
      const kafka = await startKafka({
        java,
        env,
        classpath: jars.kafkaClasspath,
        dir: path.join(stateDir, 'kafka'),
        clientPort: ports.kafka,
        controllerPort: ports.kafkaController,
        admin: { username: adminUser, password: secrets.kafkaAdminPassword },
        signal: starting.signal,
      });
      stops.push(kafka.stop);
      onProgress(`Kafka is ready on port ${ports.kafka}.`);
      return kafka;
    };
    const [{ postgres, databaseUrl, registry }, kafka] = await bothOrNone(
      postgresAndRegistry(),
      kafkaAlone(),
      starting,
    );
    rememberPorts(stateDir, ports);

    let stopping: Promise<void> | undefined;
    return {
      ...environments(secrets, databaseUrl, kafka.brokers, registry.url),
      kafka: {
        brokers: [kafka.brokers],
        admin: { username: adminUser, password: secrets.kafkaAdminPassword },
        providerPasswords: secrets.providerKafkaPasswords,
      },
      superuserUrl: postgres.url,
      ensureDatabase: (name) => ensureDatabase(postgres.url, name),
      failed: new Promise((resolve) => {
        const tell = (name: string) => (how: string) => {
          if (stopping === undefined)
            resolve(`${name} ended unexpectedly (${how}); its log is in ${stateDir}.`);
        };
        void kafka.exited.then(tell('Kafka'));
        void registry.exited.then(tell('The schema registry'));
      }),
      stop: () => (stopping ??= stopAll()),
    };
  } catch (error) {
    await stopAll();
    throw error;
  } finally {
    options.signal?.removeEventListener('abort', abort);
  }
}

/** Waits until both have settled; the failure of one ends the start of the other. Rejects with what came first, a failure
 *  or the caller's own abort. */
async function bothOrNone<A, B>(
  one: Promise<A>,
  other: Promise<B>,
  starting: AbortController,
): Promise<[A, B]> {
  for (const start of [one, other]) start.catch((error: unknown) => starting.abort(error));
  const [first, second] = await Promise.allSettled([one, other]);
  starting.signal.throwIfAborted();
  if (first.status === 'rejected') throw first.reason;
  if (second.status === 'rejected') throw second.reason;
  return [first.value, second.value];
}

async function allotPorts({ stateDir, ports: asked = {} }: ServicesOptions): Promise<Ports> {
  const last = recallPorts(stateDir);
  const [postgres, kafka, kafkaController, registry] = await choosePorts([
    { name: 'PostgreSQL', asked: asked.postgres, remembered: last.postgres },
    { name: 'Kafka', asked: asked.kafka, remembered: last.kafka },
    { name: "Kafka's controller", asked: asked.kafkaController, remembered: last.kafkaController },
    { name: 'the schema registry', asked: asked.registry, remembered: last.registry },
  ]);
  return { postgres, kafka, kafkaController, registry } as Ports;
}

function environments(secrets: Secrets, databaseUrl: string, brokers: string, registryUrl: string) {
  const login = (username: string, password: string) => ({
    KAFKA_BROKERS: brokers,
    KAFKA_SASL_MECHANISM: 'scram-sha-256',
    KAFKA_SASL_USERNAME: username,
    KAFKA_SASL_PASSWORD: password,
    SCHEMA_REGISTRY_URL: registryUrl,
  });
  const providers = Object.entries(secrets.providerKafkaPasswords).map(([id, password]) => [
    `PROVIDER_${id.toUpperCase()}_KAFKA_PASSWORD`,
    password,
  ]);
  return {
    env: {
      DATABASE_URL: databaseUrl,
      ...login(bridgeUser, secrets.bridgeKafkaPassword),
      EVENT_SIGNING_KEY: secrets.eventSigningKey,
    },
    adminEnv: {
      ...login(adminUser, secrets.kafkaAdminPassword),
      BRIDGE_KAFKA_USERNAME: bridgeUser,
      BRIDGE_KAFKA_PASSWORD: secrets.bridgeKafkaPassword,
      ...Object.fromEntries(providers),
    } as Record<string, string>,
  };
}
