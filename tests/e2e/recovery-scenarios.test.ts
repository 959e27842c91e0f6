import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/domain/json.ts';
import { createHistoryPruner } from '../../src/postgres/create-history-pruner.ts';
import { pruneBatch } from '../../src/prune/prune-history.ts';
import { waitFor } from '../support/wait-for.ts';
import { ledgerOf } from './actions.ts';
import { composeOlderEvent } from './older-contract.ts';
import { runBridge } from './run-child.ts';
import { setup, type Bed, type Insurer } from './setup.ts';
import { apart, atRest, conflictsOf, expectLevel, sharedConstat, staffEdit } from './sides.ts';

/** Scenarios of the sync protocol about what is lost, restored, pruned or older than we are. Start: (1,0) on both sides. */
let bed: Bed;
let insurer: Insurer;
beforeAll(async () => {
  bed = await setup({ republishGraceSeconds: 1 });
  insurer = bed.insurers[0]!;
});
afterAll(() => bed.close());

const place = (text: string): JsonObject => ({ accident: { place: text } });
const placeOf = (state: JsonObject) => (state['accident'] as JsonObject)['place'];
const heldAt = async (id: string) => {
  const { rows } = await bed.db.query<{ counters: string; held: boolean }>(
    `select coalesce(revision ->> 'eassurance', '0') || ',' || coalesce(revision ->> $2, '0') as counters,
       bytes is not null as held
     from event where entity_id = $1 order by sequence`,
    [id, insurer.id],
  );
  return Object.fromEntries(rows.map(({ counters, held }) => [counters, held]));
};

it('Pruning never removes the base of an event still on its way', async () => {
  const constat = await sharedConstat(bed, insurer);
  await insurer.platform.edit('constat', constat.id, { providerReference: 'S-1' });
  await expectLevel(bed, insurer, constat.id, { hub: 1, provider: 1 });
  await apart(insurer, async () => {
    await insurer.platform.edit('constat', constat.id, place('Hydra, rond-point'));
    const shown = await staffEdit(bed, constat, { statusReason: 'Un' }, `eassurance:1,${insurer.id}:1`);
    await staffEdit(bed, shown, { statusReason: 'Deux' });
    await waitFor('the outbox is empty', async () => {
      const { rows } = await bed.db.query('select from outbox');
      return rows.length === 0;
    });
    await pruneBatch(bed.topology.kinds.get('constat')!, null, {
      pruner: createHistoryPruner({ pool: bed.db }),
      clock: () => Date.now() + 60_000,
      keepMs: 0,
      keepStates: 0,
      batchSize: 500,
    });
    expect(await heldAt(constat.id)).toMatchObject({ '1,0': false, '1,1': true });
  });

  const { state } = await expectLevel(bed, insurer, constat.id, { hub: 4, provider: 2 });
  expect([placeOf(state), state['statusReason']]).toEqual(['Hydra, rond-point', 'Deux']);
  expect(await conflictsOf(bed, constat.id)).toEqual([]);
});

it('An event of ours that the provider lost is republished; a second round publishes nothing', async () => {
  const constat = await sharedConstat(bed, insurer);
  await atRest(bed, insurer);
  const backup = await insurer.platform.snapshot();
  await staffEdit(bed, constat, place('Oued Smar'));
  await expectLevel(bed, insurer, constat.id, { hub: 2 });
  await insurer.platform.restore(backup);
  expect((await insurer.platform.find('constat', constat.id))!.revision).toEqual({ eassurance: 1 });

  const refresh = async () => {
    const { status } = await bed.staff.post(`/v1/constats/${constat.id}/refresh`);
    expect(status).toBe(200);
    return (await ledgerOf(bed, constat.id)).filter(({ source }) => source === 'republish').length;
  };
  expect(await waitFor('it is republished', refresh)).toBe(1);
  const { state } = await expectLevel(bed, insurer, constat.id, { hub: 2 });
  expect(placeOf(state)).toBe('Oued Smar');

  const before = await ledgerOf(bed, constat.id);
  expect(await refresh()).toBe(1);
  await expectLevel(bed, insurer, constat.id, { hub: 2 });
  expect(await ledgerOf(bed, constat.id)).toEqual(before);
});

describe('A provider restored from a backup loses nothing unseen', () => {
  it('with a new writer id', async () => {
    const constat = await sharedConstat(bed, insurer);
    await atRest(bed, insurer);
    const backup = await insurer.platform.snapshot();
    await insurer.platform.edit('constat', constat.id, place('Chéraga'));
    await expectLevel(bed, insurer, constat.id, { hub: 1, provider: 1 });
    await staffEdit(bed, constat, { statusReason: 'Photos reçues' }, `eassurance:1,${insurer.id}:1`);
    await expectLevel(bed, insurer, constat.id, { hub: 2, provider: 1 });

    const { exited, stdout, stderr } = runBridge(['provider', 'restored', insurer.id], bed.env);
    expect([await exited, stderr()]).toEqual([0, '']);
    expect(stdout()).toContain(`${insurer.id}.2`);
    await insurer.platform.restore(backup, { writerId: `${insurer.id}.2` });
    await insurer.platform.edit('constat', constat.id, { providerReference: 'S-2' });

    const { state } = await expectLevel(bed, insurer, constat.id, {
      eassurance: 3,
      [insurer.id]: 1,
      [`${insurer.id}.2`]: 1,
    });
    expect(state).toMatchObject({ statusReason: 'Photos reçues', providerReference: 'S-2' });
    expect(placeOf(state)).toBe('Chéraga');
    expect(await conflictsOf(bed, constat.id)).toEqual([]);
  });

  it('with reused counters: flagged, merged, both values in state or conflict', async () => {
    const other = await setup();
    try {
      const [own] = other.insurers as [Insurer];
      const constat = await sharedConstat(other, own);
      await atRest(other, own);
      const backup = await own.platform.snapshot();
      await own.platform.edit('constat', constat.id, place('Avant la panne'));
      await expectLevel(other, own, constat.id, { hub: 1, provider: 1 });
      await own.platform.restore(backup);
      await own.platform.edit('constat', constat.id, place('Après la panne'));

      const { state } = await expectLevel(other, own, constat.id, { hub: 2, provider: 1 });
      expect(placeOf(state)).toBe('Après la panne');
      expect(await conflictsOf(other, constat.id)).toMatchObject([
        {
          atom: 'accident/place',
          ours: 'Avant la panne',
          theirs: 'Après la panne',
          stands: 'theirs',
          status: 'open',
        },
      ]);
      const { rows } = await other.db.query('select code, cleared_at from entity_flag where entity_id = $1', [
        constat.id,
      ]);
      expect(rows).toEqual([{ code: 'REVISION_REUSED', cleared_at: null }]);
    } finally {
      await other.close();
    }
  });
});

it("An insurer on last year's schema erases nothing", async () => {
  const own = await setup();
  try {
    const [older] = own.insurers as [Insurer];
    const witness = {
      personRef: '0197f3a0-3333-4abc-8def-000000000001',
      name: 'Amina Haddad',
      phone: '+213612345678',
    };
    const claimId = '0197f3a0-9999-4abc-8def-000000000001';
    const constat = await sharedConstat(own, older, { claimId, witnesses: [witness] });
    // Its schema has neither the claim nor a witness' phone.
    const event = await composeOlderEvent(
      `${older.id}-constat.updated`,
      { Constat: 'claimId', Witness: 'phone' },
      {
        ...constat.state,
        accident: { ...(constat.state['accident'] as JsonObject), place: 'Dar El Beïda' },
        witnesses: [{ ...witness, name: 'Amina Haddad-Benali' }],
      },
      { providerId: older.id, revision: { eassurance: 1, [older.id]: 1 } },
    );
    await own.publish(event);

    const { state } = await expectLevel(own, older, constat.id, { hub: 2, provider: 1 });
    expect(state).toMatchObject({
      claimId,
      accident: { place: 'Dar El Beïda' },
      witnesses: [{ ...witness, name: 'Amina Haddad-Benali' }],
    });
    expect(await conflictsOf(own, constat.id)).toEqual([]);
  } finally {
    await own.close();
  }
});
