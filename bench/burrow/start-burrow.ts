import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { choosePorts } from '../../src/embedded/choose-ports.ts';
import { defaultJarsDir } from '../../src/embedded/fetch-jars.ts';
import { findJava, jvmEnvironment } from '../../src/embedded/find-java.ts';
import { kafkaProperties, type KafkaAdmin } from '../../src/embedded/kafka-properties.ts';
import { startChild, untilDone, untilReady } from '../../src/embedded/start-child.ts';
import { createKafkaAdmin } from '../../src/kafka/create-kafka-admin.ts';
import type { CleanupStack } from '../../src/runtime/cleanup-stack.ts';

export interface BurrowBed {
  /** Where the bridge logs in. */
  readonly broker: string;
  readonly admin: KafkaAdmin;
  /** Starts Burrow on this cluster, where the group must have committed before; resolves once Burrow knows the group. */
  startBurrow(group: string): Promise<{ readonly askLag: () => Promise<BurrowLag> }>;
}

/** What `/v3/kafka/<cluster>/consumer/<group>/lag` says. */
export interface BurrowLag {
  readonly status: string;
  readonly totallag: number;
  readonly partitions: readonly {
    readonly topic: string;
    readonly status: string;
    readonly current_lag: number;
  }[];
}

/** An older Kafka with a second listener that asks for no login, since Burrow 1.2.1 has no SCRAM, and a ZooKeeper. */
export async function openBurrowBed(
  burrow: string,
  folder: string,
  cleanup: CleanupStack,
): Promise<BurrowBed> {
  const java = await findJava(process.env);
  const jars = path.join(defaultJarsDir(process.env), 'burrow');
  execFileSync('mvn', [
    ...['-q', '-B', '-f', path.join(import.meta.dirname, 'pom.xml')],
    'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies',
    ...[`-DoutputDirectory=${jars}`, '-DincludeScope=runtime'],
  ]);
  const [client, controller, plain, zookeeper, http] = (await choosePorts(
    ['clients', 'the controller', 'Burrow', 'ZooKeeper', "Burrow's answers"].map((name) => ({ name })),
  )) as [number, number, number, number, number];
  const run = async (name: string, command: string, args: readonly string[]) => {
    const child = await startChild({
      ...{ name, command, args, env: jvmEnvironment(process.env), dir: folder, file: name.toLowerCase() },
    });
    cleanup.defer(name, child.stop);
    return child;
  };
  const runJava = (name: string, args: readonly string[]) =>
    run(name, java, ['-Xmx512m', '-XX:+UseSerialGC', '-cp', `${jars}/*`, ...args]);

  const admin = { username: 'admin', password: 'admin-secret' };
  const node = {
    ...{ nodeId: 1, clientPort: client, controllerPort: controller },
    dataDir: path.join(folder, 'data'),
  };
  const ours = kafkaProperties(node, [node], admin);
  const withPlain = (setting: string, listener: string) =>
    `${new RegExp(`^${setting}=.*$`, 'm').exec(ours)![0]},${listener}\n`;
  const config = path.join(folder, 'server.properties');
  writeFileSync(
    config,
    [
      ours,
      withPlain('listeners', `PLAIN://127.0.0.1:${plain}`),
      withPlain('advertised.listeners', `PLAIN://127.0.0.1:${plain}`),
      withPlain('listener.security.protocol.map', 'PLAIN:PLAINTEXT'),
    ].join(''),
  );
  const scram = `SCRAM-SHA-256=[name=${admin.username},password=${admin.password}]`;
  const format = ['kafka.tools.StorageTool', 'format', '--cluster-id=burrow-beside-bridge0', '-c', config];
  await untilDone(await runJava('Format', [...format, '--add-scram', scram]));
  const kafka = await runJava('Kafka', ['kafka.Kafka', config]);
  await untilReady(kafka, () => isReady(`127.0.0.1:${client}`, admin));
  await runJava('ZooKeeper', [
    '-Dzookeeper.admin.enableServer=false',
    'org.apache.zookeeper.server.ZooKeeperServerMain',
    ...[String(zookeeper), path.join(folder, 'zookeeper')],
  ]);

  return {
    broker: `127.0.0.1:${client}`,
    admin,
    async startBurrow(group) {
      const dir = path.join(folder, 'config');
      mkdirSync(dir);
      const servers = `servers=["127.0.0.1:${plain}"]`;
      const source = `class-name="kafka"\n${servers}\nclient-profile="bench"`;
      writeFileSync(
        path.join(dir, 'burrow.toml'),
        `[general]
pidfile="${dir}/burrow.pid"
[zookeeper]
servers=["127.0.0.1:${zookeeper}"]
[client-profile.bench]
client-id="burrow"
kafka-version="2.1.0"
[cluster.local]
${source}
topic-refresh=2
offset-refresh=1
[consumer.local]
${source}
cluster="local"
start-latest=false
[evaluator.default]
class-name="caching"
expire-cache=1
[httpserver.default]
address="127.0.0.1:${http}"
[storage.default]
class-name="inmemory"
intervals=${INTERVALS}
min-distance=0
`,
      );
      const child = await run('Burrow', burrow, ['-config-dir', dir]);
      const consumers = `http://127.0.0.1:${http}/v3/kafka/local/consumer`;
      await untilReady(child, async () => {
        const answer = await fetch(consumers).catch(() => null);
        return answer?.ok === true && (await answer.text()).includes(`"${group}"`);
      });
      return {
        askLag: async () => {
          const answer = await fetch(`${consumers}/${group}/lag`);
          return ((await answer.json()) as { readonly status: BurrowLag }).status;
        },
      };
    },
  };
}

async function isReady(broker: string, login: KafkaAdmin): Promise<boolean> {
  const client = createKafkaAdmin({
    ...{ brokers: [broker], ssl: false, clientId: 'bench' },
    sasl: { mechanism: 'scram-sha-256', ...login },
  });
  try {
    return (await client.metadata({ topics: [] })).brokers.size > 0;
  } catch {
    return false;
  } finally {
    await client.close();
  }
}

/** Commits of a partition that Burrow judges by, as few as it takes. */
export const INTERVALS = 5;
