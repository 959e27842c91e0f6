import { describe, expect, it } from 'vitest';
import { newConstatExample } from '../../../src/api/constat-examples.ts';
import { DEFAULT_LIMITS } from '../../../src/api/create-api.ts';
import type { LagReport } from '../../../src/domain/lag/report.ts';
import { MovedError, PermanentError, TransientError } from '../../../src/domain/errors.ts';
import { edited, ID, KEYS, OPERATOR, OTHER_ID, REVOKED, SAA, setup, STAFF } from './setup.ts';

const problem = (name: string) => `urn:eassurance:problem:${name}`;

describe('who may come in', () => {
  it.each([
    ['no key', ''],
    ['an unknown key', 'eak_unknown'],
    ['a revoked key', REVOKED],
  ])('answers 401 to %s', async (_story, key) => {
    const { get } = setup();
    const answer = await get('/v1/constats', key);
    expect(answer.status).toBe(401);
    expect(answer.body.type).toBe(problem('unauthenticated'));
    expect(answer.headers['content-type']).toContain('application/problem+json');
  });

  it('looks at the key before the body, so that strangers cannot make it parse', async () => {
    const { post, seen } = setup();
    expect((await post('{ not json', 'eak_unknown')).status).toBe(401);
    expect(seen.creates).toEqual([]);
  });

  it('refuses writes to providers and operators with 403', async () => {
    const { post, patch, seen } = setup();
    for (const key of [SAA, OPERATOR]) {
      expect((await post(newConstatExample, key)).body.type).toBe(problem('forbidden'));
      expect((await patch({ statusReason: 'x' }, { 'Base-Revision': 'eassurance:1' }, key)).status).toBe(403);
    }
    expect(seen.creates).toEqual([]);
    expect(seen.patches).toEqual([]);
  });

  it("shows another insurer's entity to a provider exactly like one that does not exist", async () => {
    const { get, memory } = setup();
    memory.add('constat', ID, { provider: 'trust' });
    const foreign = await get(`/v1/constats/${ID}`, SAA);
    const absent = await get(`/v1/constats/${OTHER_ID}`, SAA);
    expect(foreign.status).toBe(404);
    expect({ ...foreign.body, instance: '' }).toEqual({ ...absent.body, instance: '' });
    expect((await get(`/v1/constats/${ID}/history`, SAA)).status).toBe(404);
    expect((await get('/v1/constats', SAA)).body.data).toEqual([]);
    expect((await get('/v1/constats?provider=trust', SAA)).status).toBe(403);
    expect((await get(`/v1/constats/${ID}`)).status).toBe(200);
  });

  it('shows lag without the database, to a key that was valid the last time, and nothing else', async () => {
    let away: TransientError | null = null;
    const lag = (): LagReport => ({ atMs: 0, database: away === null, kafka: true, rows: [], providers: [] });
    const findBySecretHash = async (hash: string) => {
      if (away) throw away;
      return KEYS.get(hash) ?? null;
    };
    const { get } = setup({ lag, keys: { findBySecretHash } });
    expect((await get('/v1/lag', OPERATOR)).body).toMatchObject({ database: true });
    away = new TransientError('DATABASE_DOWN', 'refused');
    expect((await get('/v1/constats', OPERATOR)).status).toBe(503);
    expect((await get('/v1/lag', OPERATOR)).body).toMatchObject({ database: false });
    for (const stranger of [STAFF, 'eak_unknown', REVOKED])
      expect((await get('/v1/lag', stranger)).status).toBe(503);
    away = null;
    expect((await get('/v1/lag', 'eak_unknown')).status).toBe(401);
  });

  it('gives every key its own budget of requests and says so', async () => {
    const { get } = setup({ limits: { ...DEFAULT_LIMITS, requestsPerMinute: 2 } });
    const first = await get('/v1/providers');
    expect(first.headers).toMatchObject({ 'ratelimit-limit': '2', 'ratelimit-remaining': '1' });
    await get('/v1/providers');
    const third = await get('/v1/providers');
    expect(third.status).toBe(429);
    expect(third.body.type).toBe(problem('rate-limited'));
    expect(Number(third.headers['retry-after'])).toBeGreaterThan(0);
    expect((await get('/v1/providers', OPERATOR)).status).toBe(200);
  });

  it('turns away an address that keeps sending wrong keys, but not its neighbour with a right one', async () => {
    const { get } = setup({ limits: { ...DEFAULT_LIMITS, requestsPerMinute: 3 } });
    expect((await get('/v1/providers')).status).toBe(200);
    for (let i = 0; i < 3; i++) expect((await get('/v1/providers', `eak_guess${i}`)).status).toBe(401);
    expect((await get('/v1/providers', 'eak_guess')).status).toBe(429);
    expect((await get('/v1/providers')).status).toBe(200);
  });
});

describe('what is not a request that we know', () => {
  it('answers an unknown route with a problem', async () => {
    const { get } = setup();
    const answer = await get('/v1/nothing?plate=12345-115-16');
    expect(answer.status).toBe(404);
    expect(answer.body).toMatchObject({
      type: problem('no-such-route'),
      instance: '/v1/nothing',
      status: 404,
    });
  });

  it('answers a method that the route lacks with 405 and what it has', async () => {
    const { api } = setup();
    const answer = await api.delete(`/v1/constats/${ID}`).set('X-API-Key', STAFF);
    expect(answer.status).toBe(405);
    expect(answer.headers['allow']).toBe('GET, PATCH, HEAD');
    expect((await api.post(`/v1/vehicles`).set('X-API-Key', STAFF)).status).toBe(405);
  });

  it('answers HEAD like GET, without the body', async () => {
    const { api, get } = setup();
    const [read, head] = [await get('/openapi.json'), await api.head('/openapi.json')];
    expect([head.status, head.text]).toEqual([200, undefined]);
    for (const name of ['content-type', 'content-length'])
      expect([name, head.headers[name]]).toEqual([name, read.headers[name]]);
    expect(read.headers['content-type']).toBe('application/json; charset=utf-8');
    expect(read.headers['content-length']).toBe(String(Buffer.byteLength(read.text)));
  });

  it('answers a path that is not properly encoded with 400', async () => {
    const { get } = setup();
    expect((await get('/v1/constats/%E0%A4%A')).status).toBe(400);
  });
});

describe('bad bodies', () => {
  it.each([
    ['malformed JSON', '{ "providerId": ', 400, 'malformed-json'],
    ['no body', '', 400, 'malformed-json'],
    ['an array', '[]', 422, 'validation'],
    ['a number', '7', 422, 'validation'],
    ['a body of 10 MB', `{"providerId":"${'x'.repeat(10_000_000)}"}`, 413, 'body-too-large'],
  ])('refuses %s', async (_story, body, status, name) => {
    const { post, seen } = setup();
    const answer = await post(body);
    expect([answer.status, answer.body.type]).toEqual([status, problem(name)]);
    expect(seen.creates).toEqual([]);
  });

  it('refuses another media type with 415 and says what it takes', async () => {
    const { api } = setup();
    const answer = await api
      .post('/v1/constats')
      .set({ 'X-API-Key': STAFF, 'Content-Type': 'text/plain', 'Idempotency-Key': 'k' })
      .send('{}');
    expect(answer.status).toBe(415);
    expect(answer.headers['accept-post']).toBe('application/json');
  });

  it('lists all violations at once, with pointers, and repeats no value', async () => {
    const { post, seen } = setup();
    const { accident } = newConstatExample;
    const answer = await post({
      ...newConstatExample,
      colour: 'secret-blue',
      accident: { ...accident, accidentDate: 'secret-day', accidentTime: '25:99', 'a/b~c': 1 },
      unilateral: 'secret-no',
      status: 'UNKNOWN',
      claimId: 'secret-id',
      constatId: ID,
      statusReason: '\ud800',
    });
    expect(answer.status).toBe(422);
    const found = answer.body.violations.map((violation) => [violation.pointer, violation.code]);
    expect(Object.fromEntries(found)).toEqual({
      '/colour': 'unknown-field',
      '/constatId': 'unknown-field',
      '/accident/a~1b~0c': 'unknown-field',
      '/accident/accidentDate': 'wrong-format',
      '/accident/accidentTime': 'wrong-format',
      '/unilateral': 'wrong-type',
      '/status': 'not-allowed',
      '/claimId': 'wrong-format',
      '/statusReason': 'wrong-format',
    });
    expect(answer.text).not.toContain('secret');
    expect(seen.creates).toEqual([]);
  });

  it('does not let __proto__ through as a field', async () => {
    const { post } = setup();
    const answer = await post(JSON.stringify(newConstatExample).replace('{', '{"__proto__":{"admin":true},'));
    expect(answer.status).toBe(422);
    expect(answer.body.violations[0]).toMatchObject({ pointer: '/__proto__', code: 'unknown-field' });
  });

  it('refuses an unknown provider', async () => {
    const { post, seen } = setup();
    const answer = await post({ ...newConstatExample, providerId: 'nobody' });
    expect(answer.status).toBe(422);
    expect(answer.body.violations).toEqual([
      { in: 'body', pointer: '/providerId', code: 'unknown-provider', message: 'There is no such provider' },
    ]);
    expect(seen.creates).toEqual([]);
  });

  it('passes on the rules of the form that the edit breaks, as they are', async () => {
    const { post, answers } = setup();
    const violations = [
      { pointer: '/parties', code: 'TOO_MANY_PARTIES', message: 'at most two' },
      { pointer: '/parties/0/circumstances/0', code: 'BOX', message: '1 to 17' },
      { pointer: '/accident/accidentDate', code: 'FUTURE', message: 'today at the latest' },
    ];
    answers.create = { status: 'invalid', violations };
    const answer = await post();
    expect(answer.status).toBe(422);
    expect(answer.body.violations).toEqual(violations.map((violation) => ({ in: 'body', ...violation })));
  });

  it('leaves the rules of the form to the edit, so that an old fault in a list stops no other change', async () => {
    const { patch, seen } = setup();
    const [first] = newConstatExample.parties;
    expect((await patch({ parties: [{ ...first, circumstances: [18] }] })).status).toBe(200);
    expect(seen.patches).toHaveLength(1);
  });
});

describe('bad parameters', () => {
  it('answers 400 with every fault of the query', async () => {
    const { get } = setup();
    const answer = await get('/v1/constats?limit=201&updatedSince=yesterday&colour=blue&status=A&status=B');
    expect(answer.status).toBe(400);
    const pointers = answer.body.violations.map((violation) => `${violation.in} ${violation.pointer}`);
    expect(pointers.sort()).toEqual([
      'query /colour',
      'query /limit',
      'query /status',
      'query /updatedSince',
    ]);
  });

  it.each([
    'provider=nobody',
    'cursor=garbage',
    'cursor=eyJ1IjotMSwiaSI6IiJ9',
    'cursor=eyJ1IjoxLCJpIjoieCJ9',
    'limit=0',
    'limit=many',
    'status=%00',
    'plate=',
  ])('refuses ?%s', async (query) => {
    const { get, seen } = setup();
    expect((await get(`/v1/constats?${query}`)).status).toBe(400);
    expect(seen.lists).toEqual([]);
  });

  it('wants an idempotency key for a new constat', async () => {
    const { api, seen } = setup();
    const answer = await api.post('/v1/constats').set('X-API-Key', STAFF).send(newConstatExample);
    expect(answer.status).toBe(400);
    expect(answer.body.violations[0]).toMatchObject({ in: 'header', pointer: '/Idempotency-Key' });
    expect(seen.creates).toEqual([]);
  });
});

describe('edits that are refused', () => {
  const current = edited({
    revision: { eassurance: 3, saa: 2 },
    state: { status: 'SUBMITTED', place: 'Oran' },
  });

  it('answers 428 without a condition and 400 with two', async () => {
    const { patch, seen } = setup();
    expect((await patch({ statusReason: 'x' }, {})).status).toBe(428);
    const both = { 'If-Match': '"eassurance:1"', 'Base-Revision': 'eassurance:1' };
    expect((await patch({ statusReason: 'x' }, both)).status).toBe(400);
    expect(seen.patches).toEqual([]);
  });

  it('answers 412 with the current state when If-Match does not', async () => {
    const { patch, answers, seen } = setup();
    answers.patch = { status: 'moved', current };
    const answer = await patch({ statusReason: 'x' }, { 'If-Match': '"eassurance:1,saa:2"' });
    expect(answer.status).toBe(412);
    expect(answer.headers['etag']).toBe('"eassurance:3,saa:2"');
    expect(answer.body.current).toMatchObject({
      id: ID,
      revision: 'eassurance:3,saa:2',
      state: { place: 'Oran' },
    });
    expect(seen.patches[0]?.condition).toEqual({ mode: 'exact', revision: { eassurance: 1, saa: 2 } });
  });

  it('answers 409 with base, theirs and yours of every atom that clashes', async () => {
    const { patch, answers } = setup();
    const atoms = [{ atom: 'place', base: 'Alger', theirs: 'Oran', yours: 'Blida' }];
    answers.patch = { status: 'clash', current, atoms };
    const answer = await patch({ accident: { place: 'Blida' } });
    expect(answer.status).toBe(409);
    expect(answer.body).toMatchObject({
      type: problem('clash'),
      clashes: atoms,
      current: { revision: 'eassurance:3,saa:2' },
    });
  });

  it.each([
    [{ status: 'unknown-base', current } as const, 409, 'unknown-base'],
    [{ status: 'missing' } as const, 404, 'not-found'],
    [{ status: 'too-large', bytes: 2_000_000, limit: 1_000_000 } as const, 413, 'event-too-large'],
    [{ status: 'key-reused' } as const, 422, 'idempotency-key-reused'],
    [new TransientError('DATABASE_DOWN', 'connection to 10.0.0.1 refused'), 503, 'unavailable'],
    [new MovedError('entity', 'moved'), 503, 'unavailable'],
    [new PermanentError('UNENCODABLE', 'accident.place is not a string'), 422, 'validation'],
    [new PermanentError('NOT_EDITABLE', 'internal words'), 403, 'forbidden'],
    [new PermanentError('ERASED', 'internal words'), 410, 'erased'],
    [new TypeError('internal words'), 500, 'internal'],
  ])('answers %o with %i', async (result, status, name) => {
    const { patch, answers } = setup();
    answers.patch = result;
    const answer = await patch({ statusReason: 'x' });
    expect([answer.status, answer.body.type]).toEqual([status, problem(name)]);
    expect(answer.text).not.toMatch(/internal words|10\.0\.0\.1/);
    if (status === 503) expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
  });

  it.each([
    'W/"eassurance:1"',
    '*',
    '"eassurance:0"',
    'eassurance',
    '"eassurance:1',
    'eassurance:1,eassurance:2',
  ])('answers If-Match: %s with 400 and the reason', async (tag) => {
    const { patch, seen } = setup();
    const answer = await patch({ statusReason: 'x' }, { 'If-Match': tag });
    expect(answer.status).toBe(400);
    expect(answer.body.violations[0]).toMatchObject({
      in: 'header',
      pointer: '/If-Match',
      code: 'bad-revision',
    });
    expect(seen.patches).toEqual([]);
  });

  it.each([
    [{ providerId: 'trust' }, '/providerId'],
    [{ constatId: ID }, '/constatId'],
    [{ accident: null }, '/accident'],
    [{ accident: { colour: 1 } }, '/accident/colour'],
    [{ parties: [{ colour: 1, role: 'A', vehicle: { plateRaw: '1' } }] }, '/parties/0/colour'],
  ])('refuses the patch %j', async (body, pointer) => {
    const { patch, seen } = setup();
    const answer = await patch(body);
    expect(answer.status).toBe(422);
    expect(answer.body.violations[0]?.pointer).toBe(pointer);
    expect(seen.patches).toEqual([]);
  });
});

describe('faults of ours', () => {
  it('logs what nobody foresaw under the correlation id and tells nothing of it', async () => {
    const { post, answers, seen } = setup();
    answers.create = new Error('relation "constat" does not exist');
    const answer = await post().set('X-Correlation-Id', 'ticket-7');
    expect(answer.status).toBe(500);
    expect(answer.body.correlationId).toBe('ticket-7');
    expect(answer.text).not.toContain('does not exist');
    const logged = seen.lines.find((line) => line['level'] === 50);
    expect(logged).toMatchObject({
      correlationId: 'ticket-7',
      err: { message: 'relation "constat" does not exist' },
    });
  });

  it('answers in time even when the work hangs', async () => {
    const never = new Promise<never>(() => {});
    const { post } = setup({
      edits: { create: () => never, patch: () => never, settle: () => never },
      limits: { ...DEFAULT_LIMITS, answerWithinMs: 20 },
    });
    const answer = await post();
    expect([answer.status, answer.body.type]).toEqual([503, problem('timeout')]);
  });

  it('ignores the answer of work that comes after the time limit', async () => {
    const late = Promise.withResolvers<{ status: 'created'; entity: ReturnType<typeof edited> }>();
    const { post, seen } = setup({
      edits: { create: () => late.promise, patch: () => late.promise, settle: () => late.promise },
      limits: { ...DEFAULT_LIMITS, answerWithinMs: 20 },
    });
    expect((await post()).status).toBe(503);
    late.resolve({ status: 'created', entity: edited() });
    await late.promise;
    expect(seen.lines.filter((line) => line['level'] === 50)).toEqual([]);
  });
});
