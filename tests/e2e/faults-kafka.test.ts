import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { defaultJarsDir, fetchJars } from '../../src/embedded/fetch-jars.ts';
import { findJava } from '../../src/embedded/find-java.ts';
import { startKafka, type RunningKafka } from '../../src/embedded/start-kafka.ts';
import { freePort } from '../support/free-port.ts';
import { waitFor } from '../support/wait-for.ts';
import { patchConstat, postConstat, recordConstat, settledTo, shownAt } from './actions.ts';
import { composeEvent, openedConstat } from './compose-event.ts';
import { setup, type Bed, type Insurer } from './setup.ts';

/** A broker of its own, which can be taken away. */
let bed: Bed;
let insurer: Insurer;
let broker: RunningKafka;
let start: () => Promise<RunningKafka>;
const cleanups: (() => Promise<unknown>)[] = [];
const MAX_WAITING = 12;
beforeAll(async () => {
  const dir = await mkdtemp(path.join(tmpdir(), 'bridge-kafka-'));
  cleanups.push(() => rm(dir, { recursive: true, force: true }));
  const { env } = process;
  const { kafkaClasspath } = await fetchJars({ jarsDir: defaultJarsDir(env), env, onProgress: () => {} });
  const admin = { username: 'admin', password: randomUUID() };
  const ports = { clientPort: await freePort(), controllerPort: await freePort() };
  const java = await findJava(env);
  start = () => startKafka({ java, env, classpath: kafkaClasspath, dir, ...ports, admin });
  broker = await start();
  cleanups.push(() => broker.stop());
  bed = await setup({
    kafka: { brokers: [broker.brokers], admin },
    bridgeEnv: async () => ({ OUTBOX_MAX_WAITING: String(MAX_WAITING) }),
  });
  cleanups.push(() => bed.close());
  insurer = bed.insurers[0]!;
});
afterAll(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup();
});

const metric = async (name: string): Promise<number> => {
  const { data } = await bed.staff.get<string>('/metrics');
  return Number(new RegExp(`^${name}\\{shard="${insurer.id}"\\} (\\S+)$`, 'm').exec(data)?.[1]);
};

describe('while Kafka is away', () => {
  it('edits are taken and wait, to a limit; on its return they go in their order, and events flow in', async () => {
    const constat = await recordConstat(bed, insurer);
    await insurer.platform.waitFor('constat', constat.id, () => true, 20_000);

    await broker.kill();
    let { revision } = constat;
    for (let edit = 1; edit <= MAX_WAITING; edit++) {
      const { status, data } = await patchConstat(bed, constat.id, revision, {
        statusReason: `Passage ${edit}`,
      });
      expect(status).toBe(200);
      revision = data.revision;
    }
    expect((await bed.db.query('select from outbox')).rowCount).toBe(MAX_WAITING);
    await waitFor(
      'the oldest shows its age',
      () => metric('bridge_outbox_oldest_seconds'),
      (age) => age > 1,
    );
    expect(await metric('bridge_outbox_waiting_events')).toBe(MAX_WAITING);
    const refused = await postConstat(bed, { ...insurer.sample.constat(), providerId: insurer.id });
    expect([refused.status, refused.data.code]).toEqual([503, 'OUTBOX_FULL']);
    expect(refused.data.detail).toContain('wait to be sent');
    expect(refused.headers['retry-after']).toBe('30');

    broker = await start();
    await waitFor(
      'nothing waits',
      async () => (await bed.db.query('select from outbox')).rowCount === 0,
      Boolean,
      40_000,
    );
    const { rows: sent } = await bed.db.query<{ sequence: string }>(
      `select e.sequence from delivery d join event e using (event_id)
       where e.entity_id = $1 and d.topic like '%.updated' order by d.kafka_partition, d.kafka_offset`,
      [constat.id],
    );
    const order = sent.map(({ sequence }) => Number(sequence));
    expect(order).toHaveLength(MAX_WAITING);
    expect(order).toEqual(order.toSorted((a, b) => a - b));

    const meta = { providerId: insurer.id, revision: { [insurer.id]: 1 } };
    const theirs = await composeEvent(`${insurer.id}-constat.created`, openedConstat(insurer), meta);
    await settledTo(bed, await bed.publish(theirs));
    await shownAt(bed, 'constats', theirs.key, `${insurer.id}:1`);
    await waitFor('edits are taken again', async () => {
      return (await postConstat(bed, { ...insurer.sample.constat(), providerId: insurer.id })).status === 201;
    });
    expect((await bed.db.query('select from quarantine')).rowCount).toBe(0);
  });
});
