import pg from 'pg';
import { afterAll, afterEach, beforeAll, expect, inject, it } from 'vitest';
import type { JsonObject } from '../../src/domain/json.ts';
import { waitFor } from '../support/wait-for.ts';
import { runBridge, type ChildRun } from './run-child.ts';
import { setup, type Bed, type Insurer } from './setup.ts';
import { apart, atRest, conflictsOf, expectLevel, queryPlatform, sharedConstat, staffEdit } from './sides.ts';

/** Our own database loses what came after its backup, while both sides have gone on; the topics still hold it. */
let bed: Bed;
let insurer: Insurer;
let child: ChildRun | null = null;
beforeAll(async () => {
  bed = await setup({ ownedByEassurance: { constat: ['accident/place'] } });
  insurer = bed.insurers[0]!;
  // A restore throws every connection out.
  bed.db.on('error', () => {});
});
afterEach(() => stop());
afterAll(() => bed.close());

async function start(...options: readonly string[]): Promise<void> {
  const started = (child = runBridge(['run', ...options], bed.env));
  await waitFor(
    'the bridge is ready',
    async () => {
      if (started.process.exitCode !== null) throw new Error(started.stderr());
      return (await bed.staff.get('/health/ready')).status === 200;
    },
    Boolean,
    60_000,
  );
}

async function stop(): Promise<void> {
  await bed.stopBridge();
  child?.process.kill('SIGTERM');
  expect(await child?.exited).toBe(child ? 0 : undefined);
  child = null;
}

const database = () => new URL(bed.env['DATABASE_URL']!).pathname.slice(1);

/** While nobody is at work. */
async function copyDatabase(from: string, to: string): Promise<void> {
  const client = new pg.Client({ connectionString: inject('databaseUrl') });
  await client.connect();
  try {
    await client.query('select pg_terminate_backend(pid) from pg_stat_activity where datname = $1', [from]);
    await client.query(`drop database if exists ${to} with (force)`);
    await client.query(`create database ${to} template ${from}`);
  } finally {
    await client.end();
  }
}
const backup = () => `${database()}_backup`;
const backUp = () => copyDatabase(database(), backup());
const restore = () => copyDatabase(backup(), database());

/** All that the database says of what happened and what stands. Who edited is not in the events. */
async function account() {
  const query = async (text: string) => (await bed.db.query<JsonObject>(text)).rows;
  return {
    events: await query(
      `select e.event_id, e.entity_id, e.outcome::text, e.revision, encode(e.digest, 'hex') as digest, r.source, r.topic
       from event e join route r on r.id = e.route_id order by e.event_id`,
    ),
    constats: await query(
      `select id, event_id, revision, encode(digest, 'hex') as digest, status, encode(seal, 'hex') as seal, created_by
       from constat order by id`,
    ),
    conflicts: await query(
      `select entity_id, atom, event_id, newest_event_id, status::text, code, severity, stands, base, ours, theirs,
              joined, settling_event_id, settled_reason from conflict order by entity_id, atom, event_id`,
    ),
    flags: await query('select entity_id, code, event_id from entity_flag order by event_id'),
    quarantine: await query('select code, cause from quarantine where settled_at is null'),
    outbox: await query('select event_id from outbox'),
  };
}

/** A constat that both sides had at the backup, behind which the bridge runs on. */
async function goOnBehindABackUp() {
  await start();
  const constat = await sharedConstat(bed, insurer);
  await atRest(bed, insurer);
  await stop();
  await backUp();
  await start();
  return constat;
}

const place = (text: string): JsonObject => ({ accident: { place: text } });

it('A database restored from a backup has again what both sides acknowledged since', async () => {
  const [edited, clashing, overruled, sealed] = await Promise.all(
    Array.from({ length: 4 }, () => sharedConstat(bed, insurer)),
  );
  await atRest(bed, insurer);
  await stop();
  await backUp();

  // What is lost: edits on either side, one after the other …
  await start();
  const opened = await sharedConstat(bed, insurer);
  await insurer.platform.create('constat', insurer.sample.constat());
  await insurer.platform.edit('constat', edited!.id, { providerReference: 'S-1' });
  await expectLevel(bed, insurer, edited!.id, { hub: 1, provider: 1 });
  await staffEdit(bed, edited!, { statusReason: 'Un' }, `eassurance:1,${insurer.id}:1`);
  await expectLevel(bed, insurer, edited!.id, { hub: 2, provider: 1 });
  await insurer.platform.edit('constat', edited!.id, { providerReference: 'S-2' });
  // … at once, with a clash that staff settle and one that stays …
  await apart(insurer, async () => {
    await insurer.platform.edit('constat', clashing!.id, {
      statusReason: 'Expert mandaté',
      ...place('Chéraga'),
    });
    await staffEdit(bed, clashing!, { statusReason: 'Photos reçues', ...place('Hydra') });
  });
  await expectLevel(bed, insurer, clashing!.id, { hub: 3, provider: 1 });
  const shown = (await bed.staff.get(`/v1/constats/${clashing!.id}`)).data;
  await staffEdit(bed, shown, place('El Biar'));
  await expectLevel(bed, insurer, clashing!.id, { hub: 4, provider: 1 });
  expect((await conflictsOf(bed, clashing!.id)).map(({ atom, status }) => [atom, status])).toEqual(
    expect.arrayContaining([
      ['accident/place', 'settled'],
      ['status', 'open'],
    ]),
  );
  // … a signed front that was altered …
  await insurer.platform.sign(sealed!.id);
  await expectLevel(bed, insurer, sealed!.id, { hub: 1, provider: 1 });
  insurer.platform.faults.set({ tamperSealedFront: 1 });
  await insurer.platform.edit('constat', sealed!.id, place('Ailleurs'));
  await expectLevel(bed, insurer, sealed!.id, { hub: 2, provider: 2 });
  // … and a value that was overruled, whose author has not seen so yet.
  const lost = await apart(insurer, async () => {
    await insurer.platform.edit('constat', overruled!.id, place('Chéraga'));
    return staffEdit(bed, overruled!, place('Hydra'));
  });
  await expectLevel(bed, insurer, overruled!.id, { hub: 3, provider: 1 });
  await atRest(bed, insurer);
  const before = await account();
  expect(lost.revision).toBe('eassurance:2');

  await stop();
  await restore();
  expect((await account()).events.length).toBeLessThan(before.events.length);
  await start('--recover');
  await atRest(bed, insurer);
  expect(await account()).toEqual(before);

  // A second time there is nothing to do.
  await stop();
  await start('--recover');
  await atRest(bed, insurer);
  expect(await account()).toEqual(before);

  // And both sides go on, with counters that nobody has used.
  await staffEdit(bed, opened, { statusReason: 'Dossier complet' });
  await expectLevel(bed, insurer, opened.id, { hub: 2 });
  await insurer.platform.edit('constat', sealed!.id, { providerReference: 'S-9' });
  await expectLevel(bed, insurer, sealed!.id, { hub: 2, provider: 3 });
});

it('An overruled value stays overruled when its author edits on without having seen it, before and after a restore', async () => {
  const constat = await goOnBehindABackUp();
  await apart(insurer, async () => {
    await insurer.platform.edit('constat', constat.id, place('Chéraga'));
    await staffEdit(bed, constat, place('Hydra'));
  });
  await expectLevel(bed, insurer, constat.id, { hub: 3, provider: 1 });
  await atRest(bed, insurer);
  await stop();
  await restore();
  // Restored too, to where it had not seen the answer: what it edits now is upon its own overruled value.
  await queryPlatform(
    insurer,
    `update record set revision = previous_revision, state = previous_state where id = $1`,
    [constat.id],
  );
  await insurer.platform.edit('constat', constat.id, { providerReference: 'S-1' });

  await start('--recover');
  const { state } = await expectLevel(bed, insurer, constat.id, { hub: 4, provider: 2 });
  expect(state).toMatchObject({ accident: { place: 'Hydra' }, providerReference: 'S-1' });
  expect(await conflictsOf(bed, constat.id)).toHaveLength(1);
});

it('A restored database that was started without --recover suspends what it does not know, and is recovered later', async () => {
  const constat = await goOnBehindABackUp();
  await staffEdit(bed, constat, { statusReason: 'Un' });
  await expectLevel(bed, insurer, constat.id, { hub: 2 });
  await insurer.platform.edit('constat', constat.id, { providerReference: 'S-1' });
  await expectLevel(bed, insurer, constat.id, { hub: 2, provider: 1 });
  await stop();
  await restore();

  await start();
  const codes = async () =>
    (await bed.db.query('select code from quarantine where settled_at is null order by code')).rows;
  await waitFor('both are suspended', codes, (rows) => rows.length === 2);
  expect(await codes()).toEqual([{ code: 'ORIGIN_UNKNOWN' }, { code: 'REVISION_FROM_FUTURE' }]);
  await stop();

  await start('--recover');
  await atRest(bed, insurer);
  expect(await codes()).toEqual([]);
  const { rows } = await bed.db.query<{ revision: JsonObject }>(
    'select revision from constat where id = $1',
    [constat.id],
  );
  expect(rows[0]!.revision).toEqual({ eassurance: 2, [insurer.id]: 1 });
});
