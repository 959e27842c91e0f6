import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { constatState } from '../../../src/api/constat-schema.ts';
import { constat, dayFromToday, setup } from './setup.ts';

let bundle: Awaited<ReturnType<typeof setup>>;
beforeAll(async () => {
  bundle = await setup({ databaseUrl: inject('databaseUrl'), registryUrl: inject('registryUrl') });
});
afterAll(() => bundle.close());

async function counts() {
  return [await bundle.count('constat'), await bundle.count('event'), await bundle.count('outbox')];
}

describe('opening and reading', () => {
  it('writes entity, event and outbox row, and reads back what was sent', async () => {
    const { post, get, woken } = bundle;
    const [constats, events, outbox] = await counts();
    const created = await post();
    expect(created.status, created.text).toBe(201);
    expect(await counts()).toEqual([constats! + 1, events! + 1, outbox! + 1]);
    expect(woken.at(-1)).toBe('saa');

    const read = await get(created.headers['location']!);
    expect(read.status).toBe(200);
    expect(read.body.state).toEqual(created.body.state);
    expect(read.body).toMatchObject({ provider: 'saa', revision: 'eassurance:1', status: 'SUBMITTED' });
    const { providerId, ...sent } = constat();
    expect(read.body.state).toMatchObject({
      ...sent,
      providerId,
      constatId: created.body.id,
      createdBy: 'eassurance',
    });
    const unchanged = await get(created.headers['location']!).set('If-None-Match', read.headers['etag']!);
    expect(unchanged.status).toBe(304);
  });

  it('shows a state exactly as the OpenAPI document describes it', async () => {
    const { body } = await bundle.post();
    expect(constatState.safeParse(body.state).error?.issues ?? []).toEqual([]);
    expect(Object.keys(body.state).sort()).toEqual(Object.keys(constatState.shape).sort());
  });

  it('opens one constat however often and however concurrently the same request arrives', async () => {
    const { post } = bundle;
    const before = await bundle.count('constat');
    const answers = await Promise.all(Array.from({ length: 5 }, () => post(constat(), 'the-same-key')));
    expect(answers.map((answer) => answer.status)).toEqual([201, 201, 201, 201, 201]);
    expect(new Set(answers.map((answer) => answer.body.id)).size).toBe(1);
    expect(answers.filter((answer) => answer.headers['idempotent-replayed'] === undefined)).toHaveLength(1);
    expect(await bundle.count('constat')).toBe(before + 1);

    const other = await post(constat({ providerReference: 'another' }), 'the-same-key');
    expect([other.status, other.body.type]).toEqual([422, 'urn:eassurance:problem:idempotency-key-reused']);
  });

  it('writes what many send at the same time, each once, and refuses to each its own fault alone', async () => {
    const { post, patch } = bundle;
    const opened = await Promise.all(Array.from({ length: 12 }, () => post()));
    const [constats, events, outbox] = await counts();
    const edit = (i: number, etag = opened[i]!.headers['etag']!) =>
      patch(opened[i]!.body.id, { accident: { place: `Place ${i}` } }, { 'If-Match': etag });
    const answers = await Promise.all([
      ...[0, 1, 2, 3, 4, 5, 6, 7, 8].map((i) => edit(i)),
      ...[8, 8, 9].map((i) => edit(i, i === 9 ? '"eassurance:7"' : undefined)),
      ...['one', 'two', 'two', 'one', 'two'].map((key) => post(constat(), `at-once-${key}`)),
      post(constat({ providerReference: 'another body' }), 'at-once-one'),
    ]);
    const statuses = answers.map(({ status }) => status);
    expect(statuses.slice(0, 8)).toEqual(Array(8).fill(200));
    expect(statuses.slice(8, 11).toSorted()).toEqual([200, 412, 412]);
    expect(statuses[11]).toBe(412);
    const ones = [answers[12]!, answers[15]!, answers[17]!];
    const kept = ones.filter(({ status }) => status === 201);
    // Which of the two bodies comes first is open: it is kept, and refused is who sent the other.
    expect(ones.map(({ status }) => status)).toEqual(kept.length === 2 ? [201, 201, 422] : [422, 422, 201]);
    expect(new Set(kept.map(({ body }) => body.id)).size).toBe(1);
    const twos = [answers[13]!, answers[14]!, answers[16]!];
    expect(twos.map(({ status }) => status)).toEqual([201, 201, 201]);
    expect(new Set(twos.map(({ body }) => body.id)).size).toBe(1);
    expect(await counts()).toEqual([constats! + 2, events! + 9 + 2, outbox! + 9 + 2]);
    const read = await Promise.all(opened.map(({ headers }) => bundle.get(headers['location']!)));
    expect(read.map(({ body }) => body.state.accident.place)).toEqual(
      opened.map(({ body }, i) => (i <= 8 ? `Place ${i}` : body.state.accident.place)),
    );
  });

  it('lets nobody wait for a constat that another transaction holds but who edits that one', async () => {
    const { post, patch, pool } = bundle;
    const opened = await Promise.all(Array.from({ length: 8 }, () => post()));
    const edit = async (answer: (typeof opened)[number]) =>
      (await patch(answer.body.id, { accident: { place: 'Oran' } }, { 'If-Match': answer.headers['etag']! }))
        .status;
    const holder = await pool.connect();
    try {
      await holder.query('begin');
      const held = opened.slice(0, 3);
      await holder.query('select from constat where id = any($1) for update', [
        held.map(({ body }) => body.id),
      ]);
      const waiting = held.map(edit);
      expect(await Promise.all(opened.slice(3).map(edit))).toEqual(Array(5).fill(200));
      await holder.query('rollback');
      expect(await Promise.all(waiting)).toEqual([200, 200, 200]);
    } finally {
      holder.release(true);
    }
  });

  it('keeps the idempotency keys of two callers apart', async () => {
    const other = await bundle.keyFor('Yacine', 'staff');
    const mine = await bundle.post(constat(), 'a-common-key');
    const theirs = await bundle.post(constat(), 'a-common-key', other.secret);
    expect(theirs.status).toBe(201);
    expect(theirs.body.id).not.toBe(mine.body.id);
  });
});

describe('edits that break a rule write nothing', () => {
  const valid = constat();
  const [first, second] = valid.parties;
  it.each([
    ['box 18', { parties: [{ ...first, circumstances: [18] }, second] }, '/parties/0/circumstances'],
    [
      'an accident tomorrow',
      { accident: { ...valid.accident, accidentDate: dayFromToday(2) } },
      '/accident/accidentDate',
    ],
    ['one party too many', { parties: [first, second, { ...second, role: 'A' }] }, '/parties'],
    ['an unknown provider', { providerId: 'nobody' }, '/providerId'],
    [
      'a short VIN',
      { parties: [{ ...first, vehicle: { ...first!.vehicle, vin: 'VF1LB1' } }, second] },
      '/parties/0/vehicle/vin',
    ],
    [
      'a day that does not exist',
      { accident: { ...valid.accident, accidentDate: '2026-02-30' } },
      '/accident/accidentDate',
    ],
    ['a status that only the insurer gives', { status: 'VALIDATED' }, '/status'],
  ])('refuses %s', async (_story, change, pointer) => {
    const before = await counts();
    const answer = await bundle.post(constat(change));
    expect(answer.status, answer.text).toBe(422);
    const pointers = answer.body.violations.map((violation) => violation.pointer);
    expect(
      pointers.some((found: string) => found.startsWith(pointer)),
      pointers.join(),
    ).toBe(true);
    expect(await counts()).toEqual(before);
  });

  it('refuses bodies and events that are too large', async () => {
    const before = await counts();
    expect(
      (await bundle.post(JSON.stringify({ ...constat(), statusReason: 'x'.repeat(10_000_000) }))).status,
    ).toBe(413);
    const remarks = 'é'.repeat(520_000);
    const big = await bundle.post(constat({ parties: [{ ...first, remarks }, second] }));
    expect([413, 422]).toContain(big.status);
    expect(await counts()).toEqual(before);
  });

  it('refuses a key from the moment that it is revoked', async () => {
    const { id, secret } = await bundle.keyFor('Leaving soon', 'staff');
    expect((await bundle.get('/v1/constats?limit=1', secret)).status).toBe(200);
    expect((await bundle.keys.list()).find((key) => key.id === id)?.lastUsedAtMs).not.toBeNull();
    await bundle.keys.revoke(id, 'test');
    expect((await bundle.get('/v1/constats?limit=1', secret)).status).toBe(401);
    const before = await counts();
    expect((await bundle.post(constat(), 'k', secret)).status).toBe(401);
    expect(await counts()).toEqual(before);
  });
});

describe('changing', () => {
  it('saves a disjoint field from an old form and refuses a stale one with base, theirs and yours', async () => {
    const { post, patch, get } = bundle;
    const { id, revision: base } = (await post()).body;
    const theirs = await patch(id, { accident: { place: 'Oran' } }, { 'Base-Revision': base });
    expect([theirs.status, theirs.body.revision]).toEqual([200, 'eassurance:2']);

    const disjoint = await patch(id, { providerReference: 'SAA-1' }, { 'Base-Revision': base });
    expect([disjoint.status, disjoint.body.revision]).toEqual([200, 'eassurance:3']);
    expect(disjoint.body.state).toMatchObject({ accident: { place: 'Oran' }, providerReference: 'SAA-1' });

    const stale = await patch(id, { accident: { place: 'Blida' } }, { 'Base-Revision': base });
    expect(stale.status).toBe(409);
    expect(stale.body.clashes).toHaveLength(1);
    expect(stale.body.clashes[0]).toMatchObject({
      base: constat().accident.place,
      theirs: 'Oran',
      yours: 'Blida',
    });
    expect(stale.body.current.revision).toBe('eassurance:3');
    expect((await get(`/v1/constats/${id}`)).body.state.accident.place).toBe('Oran');

    const resent = await patch(
      id,
      { accident: { place: 'Blida' } },
      { 'Base-Revision': stale.body.current.revision },
    );
    expect(resent.body.state.accident.place).toBe('Blida');
  });

  it('holds If-Match to the letter', async () => {
    const { post, patch } = bundle;
    const created = await post();
    const { id } = created.body;
    const first = await patch(id, { providerReference: 'R-1' }, { 'If-Match': created.headers['etag']! });
    expect(first.status).toBe(200);
    const second = await patch(id, { providerReference: 'R-2' }, { 'If-Match': created.headers['etag']! });
    expect([second.status, second.headers['etag']]).toEqual([412, first.headers['etag']]);
    expect(second.body.current.state.providerReference).toBe('R-1');
    const future = await patch(id, { providerReference: 'R-3' }, { 'Base-Revision': 'eassurance:9' });
    expect([future.status, future.body.type]).toEqual([409, 'urn:eassurance:problem:unknown-base']);
  });

  it('lets exactly one of several edits at the same revision through', async () => {
    const { post, patch } = bundle;
    const created = await post();
    const answers = await Promise.all(
      Array.from({ length: 6 }, (_, i) =>
        patch(created.body.id, { providerReference: `R-${i}` }, { 'If-Match': created.headers['etag']! }),
      ),
    );
    expect(answers.map((answer) => answer.status).sort()).toEqual([200, 412, 412, 412, 412, 412]);
  });

  it('writes nothing for a patch that changes nothing', async () => {
    const { post, patch } = bundle;
    const created = await post();
    const before = await counts();
    const same = await patch(
      created.body.id,
      { accident: { country: 'DZ' } },
      { 'If-Match': created.headers['etag']! },
    );
    expect([same.status, same.body.revision]).toEqual([200, 'eassurance:1']);
    expect(await counts()).toEqual(before);
  });

  it('answers a patch that leaves half a record with the field that is missing', async () => {
    const { post, patch } = bundle;
    const created = await post();
    const half = await patch(
      created.body.id,
      { accident: { policeReport: { unit: 'x' } } },
      { 'If-Match': created.headers['etag']! },
    );
    expect(half.status).toBe(422);
    expect(half.text).toContain('authority');
  });

  it('takes back a party as it was read, with one field changed', async () => {
    const { post, patch } = bundle;
    const created = await post();
    const [first, second] = created.body.state.parties;
    const parties = [{ ...first, remarks: 'Je roulais lentement.' }, second];
    const answer = await patch(created.body.id, { parties }, { 'Base-Revision': created.body.revision });
    expect(answer.status, answer.text).toBe(200);
    expect(answer.body.state.parties[0]?.['remarks']).toBe('Je roulais lentement.');
  });

  it('tells the history: who, why, and what changed', async () => {
    const { post, patch, get } = bundle;
    const created = await post();
    const { id } = created.body;
    const headers = {
      'If-Match': created.headers['etag']!,
      'Change-Reason': encodeURIComponent('Adresse corrigée'),
      'X-Correlation-Id': 'ticket-7',
    };
    await patch(id, { accident: { place: 'Oran' } }, headers);
    const { body } = await get(`/v1/constats/${id}/history`);
    expect(body.data).toHaveLength(2);
    expect(body.data[0]).toMatchObject({
      eventType: 'constat.updated',
      outcome: 'applied',
      source: 'api',
      origin: 'eassurance',
      author: 'Amel Haddad',
      revision: 'eassurance:2',
      changeReason: 'Adresse corrigée',
      correlationId: 'ticket-7',
      topic: 'saa-constat.updated',
      received: null,
      published: null,
    });
    expect(body.data[0]?.changes).toEqual([
      { atom: body.data[0]?.changedFields?.[0], before: constat().accident.place, after: 'Oran' },
    ]);
    expect(body.data[1]).toMatchObject({ eventType: 'constat.created', changes: null });
  });
});
