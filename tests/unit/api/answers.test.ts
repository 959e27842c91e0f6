import { describe, expect, it } from 'vitest';
import { constatPatchExample, newConstatExample } from '../../../src/api/constat-examples.ts';
import { edited, ID, KINDS, NOW, OPERATOR, OTHER_ID, SAA, setup, STAFF } from './setup.ts';

const thirdId = '0195f3a0-7c1e-7b52-9d7e-3f2a8c4b1e62';

describe('opening a constat', () => {
  it('answers 201 with where it is, its revision and its state', async () => {
    const { post, seen } = setup();
    const answer = await post().set({ 'X-Correlation-Id': 'ticket-7' });
    expect(answer.status).toBe(201);
    expect(answer.headers).toMatchObject({ location: `/v1/constats/${ID}`, etag: '"eassurance:1"' });
    expect(answer.headers['idempotent-replayed']).toBeUndefined();
    expect(answer.body).toEqual({
      id: ID,
      kind: 'constat',
      provider: 'saa',
      revision: 'eassurance:1',
      status: 'SUBMITTED',
      updatedAt: '2026-03-15T10:00:00.000Z',
      violations: [],
      state: { status: 'SUBMITTED', place: 'Alger' },
    });
    const { providerId, ...state } = newConstatExample;
    expect(seen.creates[0]).toMatchObject({
      provider: providerId,
      state,
      context: { author: 'Amel', correlationId: 'ticket-7' },
      idempotency: { key: 'k-1', apiKeyId: 'key-of-Amel' },
    });
    expect(seen.creates[0]?.state).not.toHaveProperty('providerId');
  });

  it('says when the answer repeats an earlier one', async () => {
    const { post, answers } = setup();
    answers.create = { status: 'repeated', entity: edited() };
    const answer = await post();
    expect([answer.status, answer.headers['idempotent-replayed']]).toEqual([201, 'true']);
  });

  it('takes two bodies for the same request when they differ in layout alone', async () => {
    const { post, seen } = setup();
    const { providerId, ...rest } = newConstatExample;
    await post(JSON.stringify({ providerId, ...rest }));
    await post(JSON.stringify({ ...rest, providerId }, null, 2));
    await post({ ...newConstatExample, unilateral: true });
    const [first, second, third] = seen.creates.map((edit) => edit.idempotency?.requestDigest);
    expect(first).toMatch(/^[0-9a-f]{64}$/);
    expect(second).toBe(first);
    expect(third).not.toBe(first);
  });
});

describe('changing a constat', () => {
  it('passes on patch, base, reason and trail, and answers with the new revision', async () => {
    const { patch, seen } = setup();
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    const answer = await patch(constatPatchExample, {
      'Base-Revision': 'eassurance:3,saa:2',
      'Change-Reason': encodeURIComponent('Adresse corrigée'),
      traceparent,
    });
    expect([answer.status, answer.headers['etag']]).toEqual([200, '"eassurance:2"']);
    expect(seen.patches[0]).toMatchObject({
      id: ID,
      providers: null,
      patch: constatPatchExample,
      condition: { mode: 'based', revision: { eassurance: 3, saa: 2 } },
      changeReason: 'Adresse corrigée',
      context: { author: 'Amel', traceparent },
    });
  });

  it('takes null for what may be absent', async () => {
    const { patch } = setup();
    const answer = await patch({
      sketch: null,
      accident: { policeReport: null, injuries: null },
      witnesses: null,
    });
    expect(answer.status).toBe(200);
  });
});

describe('reading', () => {
  it('answers 304 while the revision is the one that the caller holds', async () => {
    const { get, memory } = setup();
    memory.add('constat', ID, { revision: { eassurance: 3, saa: 2 } });
    const first = await get(`/v1/constats/${ID}`);
    expect([first.status, first.headers['etag']]).toEqual([200, '"eassurance:3,saa:2"']);
    const held = await get(`/v1/constats/${ID}`).set('If-None-Match', '"eassurance:2", "eassurance:3,saa:2"');
    expect([held.status, held.text]).toEqual([304, '']);
    const old = await get(`/v1/constats/${ID}`).set('If-None-Match', '"eassurance:2"');
    expect(old.status).toBe(200);
  });

  it('answers 410 for an erased entity and leaves it out of lists', async () => {
    const { get, memory } = setup();
    memory.add('constat', ID, { erased: true });
    expect((await get(`/v1/constats/${ID}`)).status).toBe(410);
    expect((await get('/v1/constats')).body.data).toEqual([]);
  });

  it('has the same reads for every kind of the topology, also for one that this code has never heard of', async () => {
    const { get, memory } = setup();
    for (const kind of KINDS.values()) {
      memory.add(kind.name, ID);
      for (const path of [
        `/v1/${kind.collection}`,
        `/v1/${kind.collection}/${ID}`,
        `/v1/${kind.collection}/${ID}/history`,
      ]) {
        expect((await get(path)).status, path).toBe(200);
      }
    }
  });

  it('passes the filters on as the kind normalises them', async () => {
    const { get, seen } = setup();
    await get(
      '/v1/constats?provider=saa&status=SIGNED&plate=12345-115-16&updatedSince=2026-03-01T01:00:00%2B01:00&limit=10',
    );
    expect(seen.lists[0]).toEqual({
      providers: ['saa'],
      filters: { status: 'SIGNED', plate: '1234511516' },
      updatedSinceMs: Date.parse('2026-03-01T00:00:00Z'),
      after: null,
      limit: 11,
    });
  });

  it('visits every entity once by following the cursors, also where times are equal', async () => {
    const { get, memory } = setup();
    const ids = [ID, OTHER_ID, thirdId];
    for (const id of ids) memory.add('constat', id, { updatedAtMs: NOW });
    const visited: string[] = [];
    let path = '/v1/constats?limit=2';
    for (;;) {
      const { body } = await get(path);
      visited.push(...body.data.map((entity) => entity.id));
      expect(body.page.hasMore).toBe(body.page.nextCursor !== null);
      if (!body.page.hasMore) break;
      path = `/v1/constats?limit=2&cursor=${body.page.nextCursor}`;
    }
    expect(visited).toEqual(ids);
  });

  it('shows a provider its own entities alone', async () => {
    const { get, memory } = setup();
    memory.add('constat', ID, { provider: 'saa' });
    memory.add('constat', OTHER_ID, { provider: 'trust' });
    expect((await get('/v1/constats', SAA)).body.data).toHaveLength(1);
    expect((await get('/v1/constats')).body.data).toHaveLength(2);
    expect((await get('/v1/providers', SAA)).body.data.map((one) => one.id)).toEqual(['saa']);
  });

  it('tells of each provider its topics and how pulling from it goes', async () => {
    const { get } = setup();
    const { body } = await get('/v1/providers', OPERATOR);
    expect(body.data[0]).toMatchObject({
      id: 'saa',
      topics: [{ topic: 'saa-constat.created', writers: ['eassurance', 'saa'] }],
      pull: {
        circuit: 'open',
        lastError: 'PROVIDER_UNAVAILABLE',
        lastSuccess: '2026-03-15T10:00:00.000Z',
        intervalSeconds: 60,
      },
    });
    expect(body.data[1]).toMatchObject({ id: 'trust', pull: null });
  });
});

describe('the history', () => {
  const withHistory = () => {
    const bundle = setup();
    const { memory } = bundle;
    memory.add('constat', ID, { revision: { eassurance: 1 }, state: { status: 'DRAFT', place: 'Alger' } });
    memory.add('constat', ID, {
      revision: { eassurance: 1 },
      state: { status: 'DRAFT', place: 'Blida' },
      outcome: 'stale',
      origin: 'saa',
    });
    memory.add('constat', ID, {
      revision: { eassurance: 1, saa: 1 },
      state: { status: 'SIGNED', place: 'Alger' },
      origin: 'saa',
    });
    memory.add('constat', ID, {
      revision: { eassurance: 2, saa: 1 },
      state: { status: 'SIGNED', place: 'Oran' },
    });
    return bundle;
  };
  interface Entry {
    revision: string;
    outcome: string;
    changes: unknown;
  }

  it('shows every event, newest first, with what it changed', async () => {
    const { get } = withHistory();
    const { body } = await get(`/v1/constats/${ID}/history`);
    expect(
      body.data.map(({ revision, outcome, changes }: Entry) => ({ revision, outcome, changes })),
    ).toEqual([
      {
        revision: 'eassurance:2,saa:1',
        outcome: 'applied',
        changes: [{ atom: 'place', before: 'Alger', after: 'Oran' }],
      },
      {
        revision: 'eassurance:1,saa:1',
        outcome: 'applied',
        changes: [{ atom: 'status', before: 'DRAFT', after: 'SIGNED' }],
      },
      { revision: 'eassurance:1', outcome: 'stale', changes: null },
      { revision: 'eassurance:1', outcome: 'applied', changes: null },
    ]);
    expect(body.data[0]).toMatchObject({
      sequence: '4',
      origin: 'eassurance',
      author: 'Amel',
      changedFields: ['place'],
      received: { partition: 0, offset: '3' },
      published: { partition: 0, offset: '7', at: '2026-03-15T10:00:00.000Z' },
    });
    expect(body.data[1]?.published).toBeNull();
  });

  it('says the same page by page', async () => {
    const { get } = withHistory();
    const whole = (await get(`/v1/constats/${ID}/history`)).body.data;
    const paged: unknown[] = [];
    for (let cursor = ''; ;) {
      const { body } = await get(`/v1/constats/${ID}/history?limit=1${cursor}`);
      paged.push(...body.data);
      if (!body.page.hasMore) break;
      cursor = `&cursor=${body.page.nextCursor}`;
    }
    expect(paged).toEqual(whole);
  });

  it('says that it cannot tell what changed once bytes were pruned', async () => {
    const { get, memory } = withHistory();
    memory.prune(0);
    const { body } = await get(`/v1/constats/${ID}/history`);
    expect(body.data.map(({ changes }: Entry) => changes)).toEqual([
      [{ atom: 'place', before: 'Alger', after: 'Oran' }],
      null,
      null,
      null,
    ]);
    expect(body.data[3]?.changedFields).toBeNull();
  });
});

describe('asking the insurer now', () => {
  it('answers with the outcome and the entity as it stands', async () => {
    const { api, memory, seen } = setup();
    memory.add('constat', ID);
    const answer = await api.post(`/v1/constats/${ID}/refresh`).set('X-API-Key', OPERATOR);
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({ outcome: 'applied', entity: { id: ID } });
    expect(seen.refreshed).toEqual([ID]);
  });

  it('tells apart: unknown to both, unknown to the insurer alone, and no answer', async () => {
    const { api, memory, answers } = setup();
    const refresh = () => api.post(`/v1/constats/${ID}/refresh`).set('X-API-Key', STAFF);
    answers.refresh = { status: 'missing' };
    expect((await refresh()).status).toBe(404);
    memory.add('constat', ID);
    expect((await refresh()).body).toMatchObject({ outcome: 'missing', entity: { id: ID } });
    answers.refresh = { status: 'unavailable', code: 'PROVIDER_GARBAGE' };
    const answer = await refresh();
    expect(answer.status).toBe(502);
    expect(answer.body).toMatchObject({
      type: 'urn:eassurance:problem:provider-unavailable',
      code: 'PROVIDER_GARBAGE',
    });
    expect((await api.post(`/v1/constats/${ID}/refresh`).set('X-API-Key', SAA)).status).toBe(403);
  });
});
