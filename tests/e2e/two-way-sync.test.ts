import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { waitFor } from '../support/wait-for.ts';
import { setup, type Bed, type Insurer } from './setup.ts';

describe('an edit on one side', () => {
  let bed: Bed;
  let insurer: Insurer;
  beforeAll(async () => {
    bed = await setup();
    insurer = bed.insurers[0]!;
  });
  afterAll(() => bed.close());

  const record = async () =>
    (
      await bed.staff.post(
        '/v1/constats',
        { ...insurer.sample.constat(), providerId: insurer.id },
        { headers: { 'Idempotency-Key': randomUUID() } },
      )
    ).data;
  const ours = (collection: string, id: string, revision: string) =>
    waitFor(
      `${collection} ${id} at ${revision}`,
      async () => (await bed.staff.get(`/v1/${collection}/${id}`)).data,
      (entity) => entity.revision === revision,
    );

  it("by staff through the API reaches the insurer's own database by its topic", async () => {
    const constat = await record();
    const theirs = await insurer.platform.waitFor(
      'constat',
      constat.id,
      (r) => r.revision['eassurance'] === 1,
      20_000,
    );
    expect(theirs.state).toMatchObject({ constatId: constat.id, createdBy: 'eassurance' });
    expect(await insurer.platform.position(theirs)).toMatchObject({
      direction: 'received',
      topic: `${insurer.id}-constat.created`,
    });
  });

  it('by staff to a constat that the insurer edited since reaches it too, with both counters', async () => {
    const constat = await record();
    await insurer.platform.waitFor('constat', constat.id, () => true, 20_000);
    await insurer.platform.edit('constat', constat.id, { statusReason: 'Dossier reçu' });
    const edited = await ours('constats', constat.id, `eassurance:1,${insurer.id}:1`);
    const patched = await bed.staff.patch(
      `/v1/constats/${constat.id}`,
      { accident: { place: 'Rue Didouche Mourad, Alger' } },
      {
        headers: { 'Base-Revision': `"${edited.revision}"`, 'Content-Type': 'application/merge-patch+json' },
      },
    );
    expect(patched.status).toBe(200);
    const theirs = await insurer.platform.waitFor(
      'constat',
      constat.id,
      (r) => r.revision['eassurance'] === 2,
      20_000,
    );
    expect(theirs.state).toMatchObject({
      statusReason: 'Dossier reçu',
      accident: { place: 'Rue Didouche Mourad, Alger' },
    });
  });

  it.each([
    ['constat', 'constats'],
    ['vehicle', 'vehicles'],
    ['policy', 'policies'],
    ['claim', 'claims'],
  ] as const)(
    'by the insurer to a %s reaches our database, with the event that made it',
    async (kind, collection) => {
      const theirs = await insurer.platform.create(kind, insurer.sample[kind]());
      const entity = await ours(collection, theirs.id, `${insurer.id}:1`);
      expect(entity.state).toEqual(theirs.state);
      const { rows } = await bed.db.query(`select event_id from ${kind} where id = $1`, [theirs.id]);
      expect(rows).toEqual([{ event_id: theirs.eventId }]);
    },
  );

  it('is not applied again here when our own event comes back to us', async () => {
    const constat = await record();
    await insurer.platform.waitFor('constat', constat.id, () => true, 20_000);
    // A later event of the insurer on the same entity has passed through the same group by then.
    await insurer.platform.edit('constat', constat.id, { statusReason: 'Lu' });
    await ours('constats', constat.id, `eassurance:1,${insurer.id}:1`);
    const { rows } = await bed.db.query(
      'select outcome, count(*)::int as n from event where entity_id = $1 group by 1',
      [constat.id],
    );
    expect(rows).toEqual([{ outcome: 'applied', n: 2 }]);
  });
});
