import { describe, expect, it } from 'vitest';
import type { Conflict } from '../../../src/ports.ts';
import { edited, ID, NOW, OPERATOR, OTHER_ID, SAA, setup, STAFF } from './setup.ts';

const problem = (name: string) => `urn:eassurance:problem:${name}`;

function conflict(id: string, more: Partial<Conflict> = {}): Conflict {
  return {
    id,
    kind: 'constat',
    entityId: ID,
    provider: 'saa',
    atom: 'accident/place',
    eventId: 'event-7',
    base: 'Alger',
    ours: 'Oran',
    theirs: 'Blida',
    stands: 'theirs',
    code: 'BOTH_CHANGED',
    severity: 'normal',
    oursAuthor: 'Amel',
    theirsAuthor: 'saa',
    oursAtMs: NOW - 2_000,
    theirsAtMs: NOW - 1_000,
    status: 'open',
    joined: [],
    openedAtMs: NOW,
    settledAtMs: null,
    settledBy: null,
    settlingEventId: null,
    settledReason: null,
    ...more,
  };
}

function withConflicts(...conflicts: Conflict[]) {
  const bundle = setup();
  bundle.memory.add('constat', ID, { revision: { eassurance: 3, saa: 2 } });
  bundle.memory.conflicts.push(...conflicts);
  const settle = (body: unknown, headers: Record<string, string> = {}, key = STAFF) =>
    bundle.api
      .post('/v1/conflicts/1/settle')
      .set({ 'X-API-Key': key, 'Content-Type': 'application/json', 'Base-Revision': 'eassurance:3,saa:2' })
      .set(headers)
      .send(JSON.stringify(body));
  return { ...bundle, settle };
}

describe('reading a conflict', () => {
  it('shows both values, authors, times, which stands and why, what joined, and the revision to settle on', async () => {
    const joined = [{ ours: 'Oran', theirs: 'Médéa', theirsAuthor: 'saa', atMs: NOW }];
    const { get } = withConflicts(conflict('1', { joined }));
    const { status, body, headers } = await get('/v1/conflicts/1');
    expect([status, headers['cache-control']]).toEqual([200, 'no-store']);
    expect(body).toEqual({
      revision: 'eassurance:3,saa:2',
      conflict: {
        id: '1',
        status: 'open',
        severity: 'normal',
        kind: 'constat',
        entityId: ID,
        provider: 'saa',
        atom: 'accident/place',
        stands: 'theirs',
        code: 'BOTH_CHANGED',
        why: expect.stringContaining('owner'),
        base: 'Alger',
        ours: { value: 'Oran', author: 'Amel', at: '2026-03-15T09:59:58.000Z' },
        theirs: { value: 'Blida', author: 'saa', at: '2026-03-15T09:59:59.000Z' },
        joined: [{ ours: 'Oran', theirs: 'Médéa', theirsAuthor: 'saa', at: '2026-03-15T10:00:00.000Z' }],
        newest: { ours: 'Oran', theirs: 'Médéa' },
        openedAt: '2026-03-15T10:00:00.000Z',
        eventId: 'event-7',
        settledAt: null,
        settledBy: null,
        settledReason: null,
        settlingEventId: null,
      },
    });
  });

  it("hides another provider's conflict in the same words as one that does not exist", async () => {
    const { get } = withConflicts(conflict('1', { provider: 'trust' }), conflict('2'));
    const [other, absent] = [await get('/v1/conflicts/1', SAA), await get('/v1/conflicts/9', SAA)];
    expect([other.status, absent.status]).toEqual([404, 404]);
    expect(other.body['detail' as never]).toBe(absent.body['detail' as never]);
    for (const [id, key] of [
      ['2', SAA],
      ['1', OPERATOR],
    ] as const)
      expect((await get(`/v1/conflicts/${id}`, key)).status).toBe(200);
  });
});

describe('finding conflicts', () => {
  const all = [
    conflict('1', { severity: 'critical', atom: 'front' }),
    conflict('2', { status: 'settled', entityId: OTHER_ID }),
    conflict('3', { kind: 'vehicle', provider: 'trust' }),
    conflict('12'),
  ];
  it.each([
    ['', ['1', '2', '3', '12']],
    ['status=open', ['1', '3', '12']],
    ['severity=critical', ['1']],
    ['kind=vehicle', ['3']],
    [`entity=${OTHER_ID}`, ['2']],
    ['provider=saa&status=open', ['1', '12']],
  ])('filters by "%s"', async (query, ids) => {
    const { get } = withConflicts(...all);
    expect((await get(`/v1/conflicts?${query}`)).body.data.map(({ id }) => id)).toEqual(ids);
  });

  it('pages by cursor without a gap', async () => {
    const { get } = withConflicts(...all);
    const first = await get('/v1/conflicts?limit=3');
    expect(first.body.data.map(({ id }) => id)).toEqual(['1', '2', '3']);
    const second = await get(`/v1/conflicts?limit=3&cursor=${first.body.page.nextCursor}`);
    expect(second.body.data.map(({ id }) => id)).toEqual(['12']);
    expect(second.body.page).toEqual({ nextCursor: null, hasMore: false });
  });

  it('shows a provider its own alone', async () => {
    const { get } = withConflicts(...all);
    expect((await get('/v1/conflicts', SAA)).body.data.map(({ id }) => id)).toEqual(['1', '2', '12']);
    expect((await get('/v1/conflicts?provider=trust', SAA)).status).toBe(403);
  });

  it.each([
    'status=closed',
    'severity=high',
    'kind=boat',
    'entity=7',
    'provider=nobody',
    'cursor=x',
    'page=2',
  ])('refuses %s', async (query) => {
    const { get } = withConflicts();
    const answer = await get(`/v1/conflicts?${query}`);
    expect([answer.status, answer.body.type]).toEqual([400, problem('invalid-request')]);
  });
});

describe('settling a conflict', () => {
  it('passes on the choice, the revision, the reason and the author', async () => {
    const { settle, seen } = withConflicts(conflict('1'));
    const answer = await settle({ choose: 'theirs', reason: 'Vu le PV' });
    expect([answer.status, answer.headers['etag']]).toEqual([200, '"eassurance:2"']);
    expect(answer.body).toMatchObject({
      outcome: 'updated',
      revision: 'eassurance:2',
      conflict: { id: '1' },
    });
    expect(seen.settles[0]).toMatchObject({
      conflict: { id: '1' },
      choice: 'theirs',
      revision: { eassurance: 3, saa: 2 },
      providers: null,
      context: { author: 'Amel' },
      reason: 'Vu le PV',
    });
  });

  it.each([[{ lat: 1 }], [null], ['text'], [[1, 2]], [false]])('takes any value: %j', async (value) => {
    const { settle, seen } = withConflicts(conflict('1'));
    expect((await settle({ value })).status).toBe(200);
    expect(seen.settles[0]).toMatchObject({ choice: { value }, reason: null });
  });

  it.each([
    [{}],
    [{ choose: 'base' }],
    [{ choose: 'ours', value: 1 }],
    [{ reason: 'because' }],
    [{ choose: 'ours', reason: 'x'.repeat(501) }],
    [[]],
    ['theirs'],
  ])('refuses the body %j', async (body) => {
    const { settle, seen } = withConflicts(conflict('1'));
    const answer = await settle(body);
    expect([answer.status, answer.body.type]).toEqual([422, problem('validation')]);
    expect(seen.settles).toEqual([]);
  });

  it('asks for the revision that it is based on', async () => {
    const { api, seen } = withConflicts(conflict('1'));
    const answer = await api
      .post('/v1/conflicts/1/settle')
      .set({ 'X-API-Key': STAFF, 'Content-Type': 'application/json' })
      .send('{"choose":"ours"}');
    expect([answer.status, answer.body.type]).toEqual([428, problem('precondition-required')]);
    expect(seen.settles).toEqual([]);
  });

  it.each([
    ['closed', { status: 'closed' }, 409, 'conflict-settled'],
    ['moved', { status: 'moved', current: edited({ revision: { eassurance: 9 } }) }, 412, 'revision-moved'],
    [
      'a broken rule',
      { status: 'invalid', violations: [{ pointer: '/a', code: 'X', message: 'm' }] },
      422,
      'validation',
    ],
    ['gone', { status: 'missing' }, 404, 'not-found'],
  ] as const)('says when it is %s', async (_story, result, status, type) => {
    const { settle, answers } = withConflicts(conflict('1'));
    answers.settle = result;
    const answer = await settle({ choose: 'ours' });
    expect([answer.status, answer.body.type]).toEqual([status, problem(type)]);
    if (type === 'conflict-settled') expect(answer.body.conflict).toMatchObject({ id: '1' });
    if (type === 'revision-moved') expect(answer.body.current.revision).toBe('eassurance:9');
  });

  it('is for staff alone', async () => {
    const { settle, seen } = withConflicts(conflict('1'));
    for (const key of [SAA, OPERATOR]) expect((await settle({ choose: 'ours' }, {}, key)).status).toBe(403);
    expect(seen.settles).toEqual([]);
  });
});

describe('an entity', () => {
  it('says how many conflicts wait, and its flags', async () => {
    const { get } = withConflicts();
    expect((await get(`/v1/constats/${ID}`)).body).toMatchObject({ openConflicts: 0, flags: [] });
  });
});
