import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Admin } from '@platformatic/kafka';
import { jvmEnvironment } from './find-java.ts';
import { kafkaProperties } from './kafka-properties.ts';
import type { KafkaAdmin, KafkaNode } from './kafka-properties.ts';
import { startChild, untilDone, untilReady } from './start-child.ts';

export interface KafkaOptions {
  readonly java: string;
  readonly env: NodeJS.ProcessEnv;
  /** For `java -cp`. */
  readonly classpath: string;
  /** Holds configuration, data and log; a second start finds the same cluster there. */
  readonly dir: string;
  readonly clientPort: number;
  /** Null: a broker alone, of a `cluster` in which another node is controller. */
  readonly controllerPort: number | null;
  /** Which node this is of several, all with their own `dir` and started side by side; the only one when left out. */
  readonly cluster?: {
    readonly id: string;
    readonly nodeId: number;
    readonly nodes: readonly Omit<KafkaNode, 'dataDir'>[];
  };
  /** The super user, made when the storage is first formatted. */
  readonly admin: KafkaAdmin;
  /** Aborting it stops the program, started or still starting. */
  readonly signal?: AbortSignal | undefined;
}

export interface RunningKafka {
  /** host:port */
  readonly brokers: string;
  /** Resolves with a phrase such as `exit code 1` once the broker is gone, stopped or not. */
  readonly exited: Promise<string>;
  readonly stop: () => Promise<void>;
  /** Ends the broker where it stands, as a crash does; resolves once it is gone. */
  readonly kill: () => Promise<void>;
}

const logConfig = fileURLToPath(new URL('../../embedded/log4j2.yaml', import.meta.url));
/** Both programs live briefly or work lightly: an optimising compiler costs more than it brings. */
const jvmOptions = ['-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Xshare:auto'];

/** Starts one Kafka node (KRaft, SCRAM-SHA-256 and ACLs on). When it resolves, the administrator has logged in, the
 *  cluster has answered, and groups can be joined. Data, cluster id and users of an earlier run in the same folder are kept. */
export async function startKafka(options: KafkaOptions): Promise<RunningKafka> {
  const { clientPort, controllerPort, cluster } = options;
  const node: KafkaNode = {
    nodeId: cluster?.nodeId ?? 1,
    clientPort,
    controllerPort,
    dataDir: path.join(options.dir, 'data'),
  };
  const configFile = path.join(options.dir, 'server.properties');
  mkdirSync(options.dir, { recursive: true });
  writeFileSync(configFile, kafkaProperties(node, cluster?.nodes ?? [node], options.admin), { mode: 0o600 });
  await formatOnce(options, node, configFile);

  const child = await startChild({
    name: 'Kafka',
    command: options.java,
    env: jvmEnvironment(options.env),
    args: [
      '-Xmx512m',
      ...jvmOptions,
      ...['-cp', options.classpath],
      `-Dlog4j2.configurationFile=${logConfig}`,
      ...['kafka.Kafka', configFile],
    ],
    dir: options.dir,
    file: 'kafka',
    signal: options.signal,
  });
  const brokers = `127.0.0.1:${clientPort}`;
  await untilReady(child, () => isReady(brokers, options.admin));
  const kill = async () => {
    child.signal('SIGKILL');
    await child.exited;
  };
  return { brokers, exited: child.exited, stop: () => child.stop(), kill };
}

/** Formats the storage unless that was done before. What a killed run left half-formatted is begun anew: nothing was
 *  ever served from it. */
async function formatOnce(options: KafkaOptions, node: KafkaNode, configFile: string): Promise<void> {
  const clusterIdFile = path.join(options.dir, 'cluster-id');
  if (existsSync(clusterIdFile)) return;
  rmSync(node.dataDir, { recursive: true, force: true });
  const clusterId = options.cluster?.id ?? randomBytes(16).toString('base64url');
  const { username, password } = options.admin;
  const child = await startChild({
    name: 'Kafka',
    command: options.java,
    env: jvmEnvironment(options.env),
    args: [
      ...[...jvmOptions, '-cp', options.classpath, `-Dlog4j2.configurationFile=${logConfig}`],
      // One word: an id may begin with a dash.
      ...['kafka.tools.StorageTool', 'format', `--cluster-id=${clusterId}`, '-c', configFile],
      ...['--add-scram', `SCRAM-SHA-256=[name=${username},password=${password}]`],
    ],
    dir: options.dir,
    file: 'format',
    signal: options.signal,
  });
  await untilDone(child);
  writeFileSync(clusterIdFile, clusterId);
}

async function isReady(broker: string, { username, password }: KafkaAdmin): Promise<boolean> {
  const client = new Admin({
    clientId: 'embedded',
    bootstrapBrokers: [broker],
    sasl: { mechanism: 'SCRAM-SHA-256', username, password },
    retries: 0,
    connectTimeout: 1_000,
  });
  try {
    const { brokers } = await client.metadata({ topics: [] });
    // Asking for any group has the coordinator set up: the first consumer finds it there.
    await client.describeGroups({ groups: ['readiness'] });
    return brokers.size > 0;
  } catch {
    return false;
  } finally {
    await client.close();
  }
}
