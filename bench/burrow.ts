import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { lookAtLag } from '../src/cli/look-at-lag.ts';
import { createKafkaAdmin } from '../src/kafka/create-kafka-admin.ts';
import { createCleanupStack } from '../src/runtime/cleanup-stack.ts';
import { startBridge } from '../tests/soak/open-world.ts';
import { freePort } from '../tests/support/free-port.ts';
import { startTestServices } from '../tests/support/start-test-services.ts';
import { createTestDatabase } from '../tests/support/test-database.ts';
import { waitFor } from '../tests/support/wait-for.ts';
import { INTERVALS, openBurrowBed } from './burrow/start-burrow.ts';
import { composeLoad } from './drain/compose-load.ts';
import { openBed } from './open-bed.ts';
import type { BenchOptions, Report } from './figures.ts';

/** How long nothing may be settled before `bridge lag` calls it STALLED, and a bit. */
const STAND_MS = 65_000;

/** Burrow has seen by then what was committed and written. */
const SEEN_MS = 5_000;

/** Plays what on-call meets, and asks Burrow and `bridge lag` about the same group at the same moment. The truth is reckoned
 *  from what the broker said when it took each record and from the events that are in the database. `BURROW` names the
 *  program; without it nothing is done. */
export async function benchBurrow({ signal }: BenchOptions): Promise<Report> {
  const title = 'What Burrow and `bridge lag` say of the same group at the same moment';
  const burrow = process.env['BURROW'];
  if (burrow === undefined)
    return {
      ...{ title, figures: [] },
      notes: ['left out: BURROW=<path of Burrow 1.2.1, Debian package burrow> is not set'],
    };
  const cleanup = createCleanupStack();
  try {
    const folder = mkdtempSync(path.join(tmpdir(), 'bench-burrow-'));
    cleanup.defer('the folder', () => rmSync(folder, { recursive: true }));
    const services = await startTestServices(process.env);
    cleanup.defer('the services', services.stop);
    const older = await openBurrowBed(burrow, folder, cleanup);
    const given = { ...services, kafkaBrokers: [older.broker], kafkaAdmin: { ...older.admin } };
    const bed = await openBed({ providers: 1, partitions: 1, services: given, signal }, cleanup);
    const database = await createTestDatabase(services.databaseUrl);
    cleanup.defer('the database', () => database.drop());
    const db = new pg.Pool({ connectionString: database.url, max: 3 });
    cleanup.defer('the reader', () => db.end());
    const env = { ...bed.env, DATABASE_URL: database.url };

    const [provider] = bed.providerIds as [string];
    const topic = `${provider}-constat.created`;
    const group = `eassurance-${provider}`;
    const load = await composeLoad(200, provider, services.registryUrl, signal);
    const events = load.records.filter((record) => record.topic === topic && record.event !== null);
    const producer = bed.kafka.producer({ allowAutoTopicCreation: false });
    await producer.connect();
    cleanup.defer('the producer', () => producer.disconnect());
    const admin = bed.kafka.admin();
    await admin.connect();
    cleanup.defer('the admin', () => admin.disconnect());

    /** Everything that was published: when the broker took it, and the event's id, null when it can't be read. */
    const published: { offset: bigint; atMs: number; eventId: string | null }[] = [];
    const publish = async (value: Buffer, eventId: string | null) => {
      const [sent] = await producer.send({ topic, acks: -1, messages: [{ key: 'k', value, partition: 0 }] });
      published.push({ offset: BigInt(sent!.baseOffset!), atMs: Number(sent!.logAppendTime), eventId });
    };
    const publishEvents = async (count: number, everyMs: number) => {
      for (const { value, event } of events.splice(0, count)) {
        await publish(value, event!.eventId);
        await delay(everyMs, undefined, { signal });
      }
    };
    /** Without outcome in the database: neither an event of it nor an entry in quarantine. */
    const unsettled = async () => {
      const { rows } = await db.query<{ id: string }>('select event_id as id from event');
      const stored = new Set(rows.map(({ id }) => id));
      const { rows: bad } = await db.query<{ at: string }>('select kafka_offset as at from quarantine');
      const held = new Set(bad.map(({ at }) => BigInt(at)));
      return published.filter(({ offset, eventId }) =>
        eventId === null ? !held.has(offset) : !stored.has(eventId),
      );
    };
    const settled = () =>
      waitFor('all is settled', async () => (await unsettled()).length === 0, Boolean, 60_000);
    const bridge = await startBridge('bridge', await freePort(), { env, folder: bed.folder }, signal);
    cleanup.defer('the bridge', bridge.stop);
    await publishEvents(1, 0);
    await settled();
    const { askLag } = await older.startBurrow(group);
    await publishEvents(INTERVALS + 3, 1_000);
    await settled();

    const rows: string[] = [];
    const ask = async (story: string, truth: () => Promise<string>) => {
      const direct = lookAtLag({ ...process.env, ...env });
      try {
        const { rows: judged } = await direct.look();
        const theirs = await askLag();
        const row = judged.find((one) => one.direction === 'in' && one.topic === topic)!;
        const partition = theirs.partitions.find((one) => one.topic === topic);
        const burrowSays = `${theirs.status}: ${partition?.current_lag ?? theirs.totallag} events`;
        const weSay = `${row.verdict}: ${row.behindSeconds?.toFixed(1)} s, ${row.messages} events`;
        rows.push(`| ${story} | \`${burrowSays}\` | \`${weSay}\` | ${await truth()} |`);
        console.error(rows.at(-1));
      } finally {
        await direct.close();
      }
    };
    const waiting = async () => {
      const without = await unsettled();
      if (without.length === 0) return 'nothing waits';
      return `${without.length} wait, the oldest since ${((Date.now() - without[0]!.atMs) / 1_000).toFixed(1)} s`;
    };

    await ask('all is settled, nothing arrives', waiting);

    const client = await db.connect();
    let held = true;
    const letGo = () => {
      if (held) client.release(true);
      held = false;
    };
    cleanup.defer('the hold', letGo);
    await client.query('begin');
    await client.query('select from applied_offset where topic = $1 for update', [topic]);
    await publishEvents(20, 500);
    await delay(STAND_MS, undefined, { signal });
    await ask('20 records in 10 s, the database lets none in for a minute', waiting);
    letGo();
    await settled();
    await delay(SEEN_MS);
    await ask('they are let in', waiting);

    for (let nth = 0; nth < 5; nth++) await publish(Buffer.from(`bad ${nth}`), null);
    await settled();
    await delay(SEEN_MS);
    await ask(
      '5 records that nobody can read',
      async () => 'nothing waits; 5 are in quarantine, none took effect',
    );

    await bridge.stop();
    await admin.setOffsets({ groupId: group, topic, partitions: [{ partition: 0, offset: '0' }] });
    await delay(SEEN_MS);
    await ask("the group's offset is set back to 0, PostgreSQL has all; the bridge is stopped", waiting);

    await publishEvents(5, 200);
    await delay(10_000, undefined, { signal });
    await ask('5 records while it is stopped', waiting);

    const kept = published.at(-2)!.offset;
    const logs = createKafkaAdmin({
      ...{ brokers: [older.broker], ssl: false, clientId: 'bench' },
      sasl: { mechanism: 'scram-sha-256', ...older.admin },
    });
    await logs.deleteRecords({ topics: [{ name: topic, partitions: [{ partition: 0, offset: kept }] }] });
    await logs.close();
    published.splice(0, published.length - 2);
    await delay(SEEN_MS);
    await ask('retention deletes 3 of them', async () => `3 are lost, ${await waiting()}`);

    const head = [
      '| story | Burrow | `bridge lag` | by the broker and the database |',
      '| --- | --- | --- | --- |',
    ];
    return { title, figures: [], notes: [...head, ...rows] };
  } finally {
    await cleanup.unwind();
  }
}
