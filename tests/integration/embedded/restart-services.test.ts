import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { afterEach, describe, expect, it } from 'vitest';
import { startServices } from '../../../src/embedded/start-services.ts';
import type { Services, ServicesOptions } from '../../../src/embedded/start-services.ts';
import { isAlive, parseIdentity } from '../../../src/embedded/process-identity.ts';
import { freePort } from '../../support/free-port.ts';
import { kafkaClient } from '../../support/kafka-admin.ts';
import { waitFor } from '../../support/wait-for.ts';

const holder = fileURLToPath(new URL('../../support/hold-services.ts', import.meta.url));
const releases: (() => unknown)[] = [];
afterEach(async () => {
  for (const release of releases.splice(0).reverse()) await release();
});

function setup() {
  const stateDir = mkdtempSync(path.join(tmpdir(), 'eassurance-restart-'));
  chmodSync(stateDir, 0o755);
  releases.push(() => rmSync(stateDir, { recursive: true, force: true }));
  const start = async (more: Partial<ServicesOptions> = {}): Promise<Services> => {
    const services = await startServices({
      stateDir,
      providerIds: ['saa'],
      env: process.env,
      onProgress: () => {},
      ...more,
    });
    releases.push(services.stop);
    return services;
  };
  return { stateDir, start };
}

type Addresses = Pick<Services, 'env' | 'kafka'>;

/** The services, started by a process that can be killed. */
async function startInAnotherProcess(stateDir: string) {
  const child = spawn(process.execPath, [holder, stateDir], { stdio: ['pipe', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  releases.push(async () => {
    child.stdin.end();
    await exited;
  });
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  const kill = async () => {
    child.kill('SIGKILL');
    await exited;
  };
  return { addresses: JSON.parse(line) as Addresses, kill };
}

function clientOf({ kafka }: Addresses) {
  return kafkaClient(kafka.admin, { brokers: [...kafka.brokers] });
}

async function writeEverywhere(addresses: Addresses): Promise<void> {
  const producer = clientOf(addresses).producer();
  const admin = clientOf(addresses).admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic: 'saa-constat.created' }], waitForLeaders: true });
  await admin.disconnect();
  await producer.connect();
  await producer.send({ topic: 'saa-constat.created', acks: -1, messages: [{ key: 'k', value: 'kept' }] });
  await producer.disconnect();
  const registered = await fetch(`${addresses.env['SCHEMA_REGISTRY_URL']}/subjects/kept-value/versions`, {
    method: 'POST',
    headers: { 'content-type': 'application/vnd.schemaregistry.v1+json' },
    body: JSON.stringify({ schema: '"string"' }),
  });
  expect(registered.status).toBe(200);
  await query(addresses, 'CREATE TABLE kept (word text)');
  await query(addresses, `INSERT INTO kept VALUES ('kept')`);
}

async function readEverywhere(addresses: Addresses) {
  const consumer = clientOf(addresses).consumer({ groupId: 'reader' });
  await consumer.connect();
  await consumer.subscribe({ topic: 'saa-constat.created', fromBeginning: true });
  const value = await new Promise((resolve, reject) => {
    // kafkajs starts again by itself after what it can retry, such as a coordinator that still loads.
    consumer.on('consumer.crash', ({ payload }) => payload.restart || reject(payload.error));
    consumer.run({ eachMessage: async ({ message }) => resolve(message.value?.toString()) }).catch(reject);
  });
  await consumer.disconnect();
  const subjects = await (await fetch(`${addresses.env['SCHEMA_REGISTRY_URL']}/subjects`)).json();
  return { topic: value, registry: subjects, database: await query(addresses, 'SELECT word FROM kept') };
}

async function query({ env }: Addresses, sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: env['DATABASE_URL']! });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

async function answers(port: number): Promise<boolean> {
  const socket = createConnection(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

const recorded = (stateDir: string) =>
  ['kafka/kafka.process', 'registry/registry.process'].map((file) =>
    parseIdentity(readFileSync(path.join(stateDir, file), 'utf8'))!,
  );

describe('the embedded services', () => {
  it('end with a process that is killed, and a new start keeps topics, schemas, rows and passwords', async () => {
    const { stateDir, start } = setup();
    const { addresses, kill } = await startInAnotherProcess(stateDir);
    await writeEverywhere(addresses);
    const children = recorded(stateDir);
    expect(children.map(isAlive)).toEqual([true, true]);
    const ports = JSON.parse(readFileSync(path.join(stateDir, 'ports.json'), 'utf8')) as Record<
      string,
      number
    >;

    await kill();
    await waitFor(
      'no child is left',
      () => children.map(isAlive),
      (alive) => !alive.includes(true),
    );
    for (const port of Object.values(ports)) {
      await waitFor(
        `nobody listens on ${port}`,
        () => answers(port),
        (yes) => !yes,
      );
    }

    // On other ports: what Kafka tells its clients must be the new one.
    const kafka = await freePort();
    const again = await start({ ports: { kafka } });
    expect(again.kafka.brokers).toEqual([`127.0.0.1:${kafka}`]);
    expect(again.kafka.admin).toEqual(addresses.kafka.admin);
    expect(again.env['EVENT_SIGNING_KEY']).toBe(addresses.env['EVENT_SIGNING_KEY']);
    expect(await readEverywhere(again)).toEqual({
      topic: 'kept',
      registry: ['kept-value'],
      database: [{ word: 'kept' }],
    });

    await expect(start()).rejects.toThrow(/is in use by process \d+: stop it, or name another folder/);

    await again.stop();
    expect(await answers(kafka)).toBe(false);
    expect(existsSync(path.join(stateDir, 'lock'))).toBe(false);

    const emptied = await start({ fresh: true, registryStorage: 'memory' });
    const admin = clientOf(emptied).admin();
    await admin.connect();
    // Kafka's own are made anew.
    expect((await admin.listTopics()).filter((topic) => !topic.startsWith('__'))).toEqual([]);
    await admin.disconnect();
    expect(emptied.kafka.admin.password).not.toBe(addresses.kafka.admin.password);
    // Three starts, on a machine that may be busy with other tests.
  }, 180_000);

  it('keep their passwords in a file that only its owner can read', async () => {
    const { stateDir, start } = setup();
    await start({ registryStorage: 'memory' });
    expect(statSync(path.join(stateDir, 'secrets.json')).mode & 0o777).toBe(0o600);
    expect(statSync(path.join(stateDir, 'kafka', 'server.properties')).mode & 0o777).toBe(0o600);
  });

  it('say which port is taken and leave nothing running', async () => {
    const { stateDir, start } = setup();
    const blocker = createServer().listen(0, '127.0.0.1');
    await once(blocker, 'listening');
    releases.push(() => blocker.close());
    const { port } = blocker.address() as AddressInfo;
    await expect(start({ ports: { kafka: port } })).rejects.toThrow(
      `Port ${port}, asked for Kafka, is taken: stop the program that uses it or choose another port.`,
    );
    expect(existsSync(path.join(stateDir, 'lock'))).toBe(false);
  });

  it('stop what has started when the start is broken off', async () => {
    const { stateDir, start } = setup();
    const breaker = new AbortController();
    const onProgress = (line: string) => {
      if (line.startsWith('PostgreSQL is ready')) breaker.abort(new Error('broken off'));
    };
    await expect(start({ signal: breaker.signal, onProgress })).rejects.toThrow('broken off');
    expect(leftovers(stateDir)).toEqual([]);
    expect(existsSync(path.join(stateDir, 'lock'))).toBe(false);
  });
});

/** Records of programs that still run. */
function leftovers(stateDir: string): string[] {
  return [
    'kafka/kafka.process',
    'kafka/format.process',
    'registry/registry.process',
    'postgres/postmaster.pid',
  ].filter((file) => existsSync(path.join(stateDir, file)));
}
