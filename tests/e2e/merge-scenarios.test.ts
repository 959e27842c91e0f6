import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/domain/json.ts';
import { ledgerOf, patchConstat, shownAt } from './actions.ts';
import { setup, type Bed, type Insurer } from './setup.ts';
import { apart, conflictsOf, expectLevel, queryPlatform, sharedConstat, staffEdit } from './sides.ts';

/** Scenarios of the sync protocol about edits that did not know of each other. Start: (1,0) on both sides. */
let bed: Bed;
let insurer: Insurer;
beforeAll(async () => {
  bed = await setup();
  insurer = bed.insurers[0]!;
});
afterAll(() => bed.close());

const place = (text: string): JsonObject => ({ accident: { place: text } });
const placeOf = (state: JsonObject) => (state['accident'] as JsonObject)['place'];

describe('where E-assurance owns the place', () => {
  let owning: Bed;
  beforeAll(async () => {
    owning = await setup({ ownedByEassurance: { constat: ['accident/place'] } });
  });
  afterAll(() => owning.close());

  it('An overruled value stays overruled when the provider next edits another field', async () => {
    const [own] = owning.insurers as [Insurer];
    const constat = await sharedConstat(owning, own);
    await apart(own, async () => {
      await own.platform.edit('constat', constat.id, place('Rue Ben M’hidi, Alger'));
      await staffEdit(owning, constat, place('Rue Didouche Mourad, Alger'));
      await own.platform.edit('constat', constat.id, { providerReference: 'SAA-16-2026-7' });
    });
    const { state } = await expectLevel(owning, own, constat.id, { hub: 4, provider: 2 });
    expect(placeOf(state)).toBe('Rue Didouche Mourad, Alger');
    expect(state['providerReference']).toBe('SAA-16-2026-7');
    expect(await conflictsOf(owning, constat.id)).toEqual([
      {
        atom: 'accident/place',
        code: 'BOTH_CHANGED',
        severity: 'normal',
        stands: 'ours',
        base: placeOf(constat.state),
        ours: 'Rue Didouche Mourad, Alger',
        theirs: 'Rue Ben M’hidi, Alger',
        status: 'open',
        joined: 0,
      },
    ]);
  });
});

it('Edits of different fields on both sides are both kept, without a conflict', async () => {
  const constat = await sharedConstat(bed, insurer);
  await apart(insurer, async () => {
    await insurer.platform.edit('constat', constat.id, place('RN 5, Rouïba'));
    await staffEdit(bed, constat, { statusReason: 'Dossier complet' });
  });
  const { state } = await expectLevel(bed, insurer, constat.id, { hub: 3, provider: 1 });
  expect([placeOf(state), state['statusReason']]).toEqual(['RN 5, Rouïba', 'Dossier complet']);
  expect(await conflictsOf(bed, constat.id)).toEqual([]);
  expect(await ledgerOf(bed, constat.id)).toMatchObject([
    { source: 'api', outcome: 'applied' },
    { source: 'api', outcome: 'applied' },
    { source: 'topic', outcome: 'merged' },
    { source: 'merge', outcome: 'applied' },
  ]);
});

it('A merge equal to one side is still published', async () => {
  const constat = await sharedConstat(bed, insurer);
  const change = place('Port de Béjaïa, quai 9');
  await apart(insurer, async () => {
    await insurer.platform.edit('constat', constat.id, change);
    await staffEdit(bed, constat, change);
  });
  const { state } = await expectLevel(bed, insurer, constat.id, { hub: 3, provider: 1 });
  expect(placeOf(state)).toBe('Port de Béjaïa, quai 9');
  expect(await conflictsOf(bed, constat.id)).toEqual([]);
  const { rows } = await bed.db.query<{ source: string; digest: string; published: boolean }>(
    `select route.source, encode(event.digest, 'hex') as digest, exists (
       select from delivery where delivery.event_id = event.event_id and outcome::text = 'published') as published
     from event join route on route.id = event.route_id where entity_id = $1 and route.source in ('topic', 'merge')
     order by sequence`,
    [constat.id],
  );
  expect(rows).toMatchObject([
    { source: 'topic', published: false },
    { source: 'merge', published: true },
  ]);
  expect(rows[1]!.digest).toBe(rows[0]!.digest);
});

it("A form opened before the provider's edit cannot overwrite it; a disjoint field saves", async () => {
  const constat = await sharedConstat(bed, insurer);
  await insurer.platform.edit('constat', constat.id, place('Gué de Constantine'));
  await shownAt(bed, 'constats', constat.id, `eassurance:1,${insurer.id}:1`);

  const refused = await patchConstat(bed, constat.id, constat.revision, place('Birkhadem'));
  expect([refused.status, refused.data.clashes]).toEqual([
    409,
    [
      {
        atom: 'accident/place',
        base: placeOf(constat.state),
        theirs: 'Gué de Constantine',
        yours: 'Birkhadem',
      },
    ],
  ]);
  await staffEdit(bed, constat, { statusReason: 'Rappelé le client' });
  const { state } = await expectLevel(bed, insurer, constat.id, { hub: 2, provider: 1 });
  expect([placeOf(state), state['statusReason']]).toEqual(['Gué de Constantine', 'Rappelé le client']);
});

it("A form opened before the provider's edit leaves alone what it did not touch of a list", async () => {
  const witness = (n: number, name: string) => ({
    personRef: `0197f3a0-3333-4abc-8def-00000000000${n}`,
    name,
  });
  const first = witness(1, 'Amina Haddad');
  const constat = await sharedConstat(bed, insurer, { witnesses: [first] });
  const added = witness(2, 'Yacine Améziane');
  await insurer.platform.edit('constat', constat.id, { witnesses: [first, added] });
  await shownAt(bed, 'constats', constat.id, `eassurance:1,${insurer.id}:1`);

  // A merge patch carries the whole list as its form showed it.
  const corrected = { ...first, name: 'Amina Haddad-Benali' };
  await staffEdit(bed, constat, { witnesses: [corrected] });
  const { state } = await expectLevel(bed, insurer, constat.id, { hub: 2, provider: 1 });
  expect(state['witnesses']).toMatchObject([corrected, added]);
});

it("A provider's form opened before our edit cannot overwrite it either", async () => {
  const constat = await sharedConstat(bed, insurer);
  const opened = (await insurer.platform.find('constat', constat.id))!;
  await staffEdit(bed, constat, place('Bab Ezzouar'));
  await insurer.platform.waitFor(
    'constat',
    constat.id,
    ({ revision }) => revision['eassurance'] === 2,
    20_000,
  );
  await expect(
    insurer.platform.edit('constat', constat.id, place('Kouba'), { baseRevision: opened.revision }),
  ).rejects.toMatchObject({ status: 409, code: 'REVISION_MOVED' });
  const { state } = await expectLevel(bed, insurer, constat.id, { hub: 2 });
  expect(placeOf(state)).toBe('Bab Ezzouar');
});

describe('Deleting a witness while the other side edits it keeps the witness and asks staff', () => {
  const witness = {
    personRef: '0197f3a0-3333-4abc-8def-000000000001',
    name: 'Amina Haddad',
    phone: '+213612345678',
  };
  const corrected = { ...witness, name: 'Amina Haddad-Benali' };
  const setTo = (...witnesses: JsonObject[]): JsonObject => ({ witnesses });

  it.each([
    ['ours', setTo(), setTo(corrected)],
    ['the provider’s', setTo(corrected), setTo()],
  ] as const)('when the deletion is %s', async (who, ours, theirs) => {
    const constat = await sharedConstat(bed, insurer, setTo(witness));
    await apart(insurer, async () => {
      await insurer.platform.edit('constat', constat.id, theirs);
      await staffEdit(bed, constat, ours);
    });
    const { state } = await expectLevel(bed, insurer, constat.id, { hub: 3, provider: 1 });
    expect(state['witnesses']).toMatchObject([corrected]);
    expect(await conflictsOf(bed, constat.id)).toMatchObject([
      {
        atom: `witnesses/${witness.personRef}`,
        code: 'EDITED_AND_DELETED',
        status: 'open',
        stands: who === 'ours' ? 'theirs' : 'ours',
        base: witness,
        [who === 'ours' ? 'ours' : 'theirs']: null,
        [who === 'ours' ? 'theirs' : 'ours']: corrected,
      },
    ]);
  });
});

it('Updated arrives before created', async () => {
  const opened = await apart(insurer, async () => {
    const record = await insurer.platform.create('constat', insurer.sample.constat());
    await insurer.platform.edit('constat', record.id, place('Tipaza, port'));
    // The first publication is stuck on its way, and overtaken by the second.
    await queryPlatform(insurer, 'update outbox set sent_at = now() where event_id = $1', [record.eventId]);
    return record;
  });
  await shownAt(bed, 'constats', opened.id, `${insurer.id}:2`);
  await queryPlatform(insurer, 'update outbox set sent_at = null where event_id = $1', [opened.eventId]);
  insurer.platform.faults.clear();

  const { state } = await expectLevel(bed, insurer, opened.id, { provider: 2 });
  expect(placeOf(state)).toBe('Tipaza, port');
  expect((await ledgerOf(bed, opened.id)).map(({ outcome }) => outcome)).toEqual(['applied', 'stale']);
});
