import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { formatRevision, type Revision } from '../../src/domain/revision.ts';
import { withKafkaAdmin } from '../support/kafka-admin.ts';
import { waitFor } from '../support/wait-for.ts';
import { ledgerOf, patchConstat, recordConstat } from './actions.ts';
import { forgetMembers } from './crash-lane.ts';
import { runBridge, type ChildRun } from './run-child.ts';
import { setup, type Bed, type Insurer } from './setup.ts';
import { atRest, expectLevel, queryPlatform, sharedConstat, staffEdit } from './sides.ts';

/** A scenario of the sync protocol, with the bridge in a process of its own that is killed by SIGKILL. */
let bed: Bed;
let insurer: Insurer;
let child: ChildRun | null = null;
beforeAll(async () => {
  bed = await setup();
  insurer = bed.insurers[0]!;
  await bed.stopBridge();
});
afterEach(async () => {
  await kill();
  await forgetMembers(group());
});
afterAll(() => bed.close());

async function start(): Promise<void> {
  const started = (child = runBridge(['run'], bed.env));
  await waitFor('the bridge is ready', async () => {
    if (started.process.exitCode !== null) throw new Error(started.stderr());
    return (await bed.staff.get('/health/ready')).status === 200;
  });
}

/** The process is gone when it resolves. */
async function kill(): Promise<void> {
  child?.process.kill('SIGKILL');
  await child?.exited;
  child = null;
}

const group = () => `eassurance-${insurer.id}`;

/** By the database, not by the API: that one answers a key only so often a minute. */
const heldHere = (id: string, revision: Revision) =>
  waitFor(`constat ${id} at ${formatRevision(revision)}`, async () => {
    const { rows } = await bed.db.query<{ revision: Revision }>(
      'select revision from constat where id = $1',
      [id],
    );
    return rows.length > 0 && formatRevision(rows[0]!.revision) === formatRevision(revision);
  });

/** Revisions of which the history holds more than one row. */
const repeated = async () =>
  (
    await bed.db.query(
      `select entity_id, revision, count(*)::int as n from event
       where outcome in ('applied', 'merged') group by 1, 2 having count(*) > 1`,
    )
  ).rows;

describe('Killed between database commit and offset commit, or between send and mark, nothing changes twice', () => {
  it('after the send, before the mark', async () => {
    await start();
    // Whoever marks what was sent waits for this lock.
    const holder = await bed.db.connect();
    let ours;
    try {
      await holder.query('begin');
      await holder.query('lock table delivery in share mode');
      ours = await recordConstat(bed, insurer);
      await insurer.platform.waitFor('constat', ours.id, () => true, 20_000);
      expect((await bed.db.query('select from outbox')).rowCount).toBe(1);
      await kill();
      // The server would still finish the statement that the dead process had asked for.
      await holder.query(
        `select pg_terminate_backend(pid) from pg_stat_activity
         where datname = current_database() and wait_event_type = 'Lock'`,
      );
      await holder.query('rollback');
    } finally {
      holder.release();
    }
    expect((await bed.db.query('select from outbox')).rowCount).toBe(1);
    await forgetMembers(group());
    const before = await insurer.platform.find('constat', ours.id);

    await start();
    await expectLevel(bed, insurer, ours.id, { hub: 1 });
    expect(await insurer.platform.find('constat', ours.id)).toEqual(before);
    expect(
      await queryPlatform(insurer, 'select outcome, arrivals from inbox where record_id = $1', [ours.id]),
    ).toEqual([{ outcome: 'applied', arrivals: 2 }]);
    expect(await ledgerOf(bed, ours.id)).toHaveLength(1);
  });

  it('after the commit of the database, before that of the offset', async () => {
    await start();
    const theirs = await insurer.platform.create('constat', insurer.sample.constat());
    await heldHere(theirs.id, theirs.revision);
    await kill();
    await forgetMembers(group());
    const { rows } = await bed.db.query('select * from constat where id = $1', [theirs.id]);
    // As if no offset had ever been committed.
    const topic = `${insurer.id}-constat.created`;
    await withKafkaAdmin(async (admin) => {
      const partitions = [0, 1, 2].map((partition) => ({ partition, offset: '0' }));
      await admin.setOffsets({ groupId: group(), topic, partitions });
    });

    await start();
    await expectLevel(bed, insurer, theirs.id, { provider: 1 });
    expect((await bed.db.query('select * from constat where id = $1', [theirs.id])).rows).toEqual(rows);
    expect(await ledgerOf(bed, theirs.id)).toHaveLength(1);
  });

  it('anywhere while events flow both ways: one history row per revision, and every edit on both sides', async () => {
    await start();
    const constats = await Promise.all(Array.from({ length: 6 }, () => sharedConstat(bed, insurer)));
    for (let round = 1; round <= 3; round++) {
      const count = async () => (await bed.db.query('select count(*)::int as n from event')).rows[0].n;
      const before = await count();
      const editing = constats.flatMap(({ id, revision }) => [
        insurer.platform.edit('constat', id, { providerReference: `S-${round}` }),
        // The bridge may die under a request: it is then repeated below.
        patchConstat(bed, id, revision, { statusReason: `Étape ${round}` }).catch(() => null),
      ]);
      await waitFor('some of it has been settled', async () => (await count()) > before + 2);
      await kill();
      await Promise.all(editing);
      await forgetMembers(group());
      await start();
      for (const constat of constats) {
        const { data } = await bed.staff.get(`/v1/constats/${constat.id}`);
        await staffEdit(bed, constat, { statusReason: `Étape ${round}` }, data.revision);
      }
    }
    await atRest(bed, insurer);
    for (const { id } of constats) {
      const { data } = await bed.staff.get(`/v1/constats/${id}`);
      const theirs = await insurer.platform.find('constat', id);
      expect([data.revision, theirs!.state['providerReference'], theirs!.state['statusReason']]).toEqual([
        expect.stringContaining(`${insurer.id}:3`),
        'S-3',
        'Étape 3',
      ]);
      await expectLevel(bed, insurer, id, theirs!.revision);
    }
    expect(await repeated()).toEqual([]);
  });
});
