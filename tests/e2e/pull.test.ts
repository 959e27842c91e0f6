import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { waitFor } from '../support/wait-for.ts';
import { countRows, ledgerOf, recordConstat, shownAt } from './actions.ts';
import { setup, type Bed, type Insurer } from './setup.ts';

const refresh = (bed: Bed, id: string) => bed.staff.post(`/v1/constats/${id}/refresh`);
const silent = (insurer: Insurer) => insurer.platform.createSilently('constat', insurer.sample.constat());

describe('a record that never travelled as an event', () => {
  let bed: Bed;
  let insurer: Insurer;
  beforeAll(async () => {
    bed = await setup();
    insurer = bed.insurers[0]!;
  });
  afterAll(() => bed.close());

  it('is brought in by a refresh, marked as pulled; a second one writes nothing', async () => {
    const theirs = await silent(insurer);
    const first = await refresh(bed, theirs.id);
    expect(first.status).toBe(200);
    expect(first.data).toMatchObject({ outcome: 'applied', entity: { revision: `${insurer.id}:1` } });
    expect(first.data.entity.state).toMatchObject({ ...theirs.state, updatedAt: theirs.updatedAt });
    expect(await ledgerOf(bed, theirs.id)).toEqual([
      { event_id: expect.any(String), source: 'pull', outcome: 'applied' },
    ]);
    const { data } = await bed.staff.get(`/v1/constats/${theirs.id}/history`);
    expect(data.data).toMatchObject([{ source: 'pull', outcome: 'applied', received: null }]);

    const before = await countRows(bed);
    const row = async () => (await bed.db.query('select * from constat where id = $1', [theirs.id])).rows[0];
    const rowBefore = await row();
    const second = await refresh(bed, theirs.id);
    expect(second.data).toEqual({ outcome: 'unchanged', entity: first.data.entity });
    expect(await countRows(bed)).toEqual(before);
    expect(await row()).toEqual(rowBefore);
  });

  it('says nothing new when its event had come already', async () => {
    const theirs = await insurer.platform.create('constat', insurer.sample.constat());
    await shownAt(bed, 'constats', theirs.id, `${insurer.id}:1`);
    const before = await countRows(bed);
    expect((await refresh(bed, theirs.id)).data.outcome).toBe('duplicate');
    expect(await countRows(bed)).toEqual(before);
  });

  it('brings in the edit that was made on top of ours', async () => {
    const ours = await recordConstat(bed, insurer);
    await insurer.platform.waitFor('constat', ours.id, () => true, 20_000);
    expect((await refresh(bed, ours.id)).data).toMatchObject({ outcome: 'duplicate' });
  });

  it('is answered 404 when no insurer knows it', async () => {
    const { status, data } = await refresh(bed, '01920000-0000-7000-8000-000000000000');
    expect([status, data.type]).toEqual([404, 'urn:eassurance:problem:not-found']);
  });
});

describe('the walk', () => {
  let bed: Bed;
  let good: Insurer;
  let refusing: Insurer;
  let failing: Insurer;
  let mute: Insurer;
  beforeAll(async () => {
    bed = await setup({ providers: 4, pullIntervalSeconds: 1 });
    [good, refusing, failing, mute] = bed.insurers as [Insurer, Insurer, Insurer, Insurer];
    failing.platform.faults.set({ api: '500' });
    mute.platform.faults.set({ api: 'never' });
  });
  afterAll(() => bed.close());

  const checkOf = (insurer: Insurer, status: string, detail: string) =>
    waitFor(
      `${insurer.id}'s API is ${status} with ${detail}`,
      async () => {
        const { data, status: code } = await bed.staff.get('/health/ready');
        return {
          ...data.checks.find(({ name }: { name: string }) => name === `provider-api-${insurer.id}`),
          code,
        };
      },
      (check) => check.status === status && check.detail.includes(detail),
    );

  it('brings it in by itself, once', async () => {
    const theirs = await silent(good);
    await shownAt(bed, 'constats', theirs.id, `${good.id}:1`);
    // The walk after the one that brings in the next record has seen this one again.
    for (let walk = 0; walk < 2; walk++)
      await shownAt(bed, 'constats', (await silent(good)).id, `${good.id}:1`);
    expect(await ledgerOf(bed, theirs.id)).toEqual([
      { event_id: expect.any(String), source: 'pull', outcome: 'applied' },
    ]);
  });

  it.each([
    ['with garbage', () => refusing, 'garbage', 'PROVIDER_GARBAGE'],
    ['that our key is wrong', () => refusing, '401', 'PROVIDER_UNAUTHORISED'],
    ['500', () => failing, '500', 'PROVIDER_UNAVAILABLE'],
    ['never', () => mute, 'never', 'PROVIDER_UNAVAILABLE'],
  ] as const)(
    'that meets an insurer which answers %s delays nobody else, and the bridge is degraded, not down',
    async (_story, insurer, api, code) => {
      const bad = insurer();
      bad.platform.faults.set({ api });
      const theirs = await silent(good);
      await shownAt(bed, 'constats', theirs.id, `${good.id}:1`);

      expect(await checkOf(bad, 'degraded', code)).toMatchObject({ code: 200 });
      expect(await checkOf(good, 'up', 'it last answered 0 s ago')).toMatchObject({ code: 200 });
      const { data: ready } = await bed.staff.get('/health/ready');
      expect(ready.status).toBe('degraded');

      // Its events still come, and what it is sent still goes.
      const published = await bad.platform.create('constat', bad.sample.constat());
      await shownAt(bed, 'constats', published.id, `${bad.id}:1`);
      const ours = await recordConstat(bed, bad);
      await bad.platform.waitFor('constat', ours.id, () => true, 20_000);
    },
  );

  it('that was refused brings in what it missed once it is let in again', async () => {
    const known = await refusing.platform.create('constat', refusing.sample.constat());
    await shownAt(bed, 'constats', known.id, `${refusing.id}:1`);
    refusing.platform.faults.set({ api: '401' });
    const { status, data } = await refresh(bed, known.id);
    expect([status, data.type, data.code]).toEqual([
      502,
      'urn:eassurance:problem:provider-unavailable',
      'PROVIDER_UNAUTHORISED',
    ]);
    const theirs = await silent(refusing);
    refusing.platform.faults.clear();
    await shownAt(bed, 'constats', theirs.id, `${refusing.id}:1`);
    await checkOf(refusing, 'up', 'it last answered');
  });
});
