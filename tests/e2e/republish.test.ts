import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createOutbox } from '../../src/postgres/create-outbox.ts';
import { waitFor } from '../support/wait-for.ts';
import { ledgerOf, recordConstat } from './actions.ts';
import { runBridge } from './run-child.ts';
import { setup, type Bed, type Insurer } from './setup.ts';
import { atRest, expectLevel, sharedConstat, staffEdit } from './sides.ts';

/** What the bridge finds out by itself: it walks every second, and what is a second old counts as arrived or lost. */
let bed: Bed;
let insurer: Insurer;
beforeAll(async () => {
  bed = await setup({ pullIntervalSeconds: 1, republishGraceSeconds: 1 });
  insurer = bed.insurers[0]!;
});
afterAll(() => bed.close());

const republications = async (id: string) =>
  (await ledgerOf(bed, id)).filter(({ source }) => source === 'republish').length;

/** A walk that began after this call has asked about everything that was there before it. */
async function askedAgain(): Promise<void> {
  const cursor = async () => {
    const { rows } = await bed.db.query<{ since: string }>(
      `select since from pull_cursor where provider = $1 and collection = 'constats/edits'`,
      [insurer.id],
    );
    return Date.parse(rows[0]?.since.split(' ')[0] ?? '');
  };
  const { rows } = await bed.db.query<{ now: Date }>('select now()');
  const { id } = await recordConstat(bed, insurer);
  await waitFor('a later edit is confirmed', cursor, (at) => at > rows[0]!.now.getTime());
  await expectLevel(bed, insurer, id, { hub: 1 });
}

describe('what the bridge has published', () => {
  it('is asked about, and published again when it was destroyed on its way', async () => {
    const constat = await sharedConstat(bed, insurer);
    await atRest(bed, insurer);
    await bed.stopBridge();
    // Somebody else holds the shard, so that the relay leaves the edit alone until it is destroyed.
    const outbox = createOutbox({ pool: bed.db, databaseUrl: bed.env['DATABASE_URL']! });
    const session = await outbox.openSession(() => {});
    await waitFor('the relay has let go of its shard', () => session.tryLock(insurer.id));
    await bed.startBridge();
    await staffEdit(bed, constat, { statusReason: 'Photos reçues' });
    const destroyed = await bed.db.query('delete from outbox');
    expect(destroyed.rowCount).toBe(1);
    await session.close();

    const { state } = await insurer.platform.waitFor(
      'constat',
      constat.id,
      ({ revision }) => revision['eassurance'] === 2,
      20_000,
    );
    expect(state).toMatchObject({ statusReason: 'Photos reçues' });
    await expectLevel(bed, insurer, constat.id, { hub: 2 });
    await askedAgain();
    expect(await republications(constat.id)).toBe(1);
  });

  it('is not published again when it arrived', async () => {
    const constat = await sharedConstat(bed, insurer);
    await staffEdit(bed, constat, { statusReason: 'Photos reçues' });
    await expectLevel(bed, insurer, constat.id, { hub: 2 });
    await askedAgain();
    expect(await republications(constat.id)).toBe(0);
  });
});

describe('a provider that was restored from a backup', () => {
  it('gets back what it had made itself and lost, without anybody asking for it', async () => {
    const { platform, sample } = insurer;
    const older = await platform.create('constat', sample.constat());
    await expectLevel(bed, insurer, older.id, { provider: 1 });
    const backup = await platform.snapshot();
    const edited = await platform.edit('constat', older.id, { statusReason: 'Après la sauvegarde' });
    const created = await platform.create('constat', sample.constat());
    await expectLevel(bed, insurer, older.id, edited.revision);
    await expectLevel(bed, insurer, created.id, created.revision);

    await platform.restore(backup, { writerId: `${insurer.id}.2` });
    expect(await platform.find('constat', created.id)).toBeNull();
    const { exited, stderr } = runBridge(['provider', 'restored', insurer.id], bed.env);
    expect([await exited, stderr()]).toEqual([0, '']);

    await platform.waitFor('constat', older.id, (record) => record.digest === edited.digest, 20_000);
    await waitFor('it has the new one again', () => platform.find('constat', created.id));
    await expectLevel(bed, insurer, older.id, edited.revision);
    await expectLevel(bed, insurer, created.id, created.revision);
    await askedAgain();
    expect([await republications(older.id), await republications(created.id)]).toEqual([1, 1]);
  });
});
