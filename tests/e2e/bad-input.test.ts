import { randomUUID } from 'node:crypto';
import type { AxiosInstance, AxiosResponse } from 'axios';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/domain/json.ts';
import { countRows, patchConstat, recordConstat, type ShownEntity } from './actions.ts';
import { setup, type Bed, type Insurer } from './setup.ts';

let bed: Bed;
let insurer: Insurer;
let other: Insurer;
let constat: ShownEntity;
let ofOther: AxiosInstance;
beforeAll(async () => {
  bed = await setup({ providers: 2, maxMessageBytes: 65_536 });
  [insurer, other] = bed.insurers as [Insurer, Insurer];
  ofOther = await bed.apiAs('provider', other.id);
  constat = await recordConstat(bed, insurer);
  // What it wrote is at rest then.
  await insurer.platform.waitFor('constat', constat.id, () => true, 20_000);
});
afterAll(() => bed.close());

const good = (): JsonObject => ({ ...insurer.sample.constat(), providerId: insurer.id });
const post = (body: unknown, headers: Record<string, string> = {}, api = bed.staff) =>
  api.post('/v1/constats', body, {
    headers: { 'Idempotency-Key': randomUUID(), 'Content-Type': 'application/json', ...headers },
    // The body as it is, however broken.
    ...(typeof body === 'string' ? { transformRequest: (text: string) => text } : {}),
  });
const withParties = (change: (parties: readonly JsonObject[]) => readonly JsonObject[]) => {
  const body = good();
  return { ...body, parties: change(body['parties'] as JsonObject[]) };
};
/** Two days on, so that it lies in the future wherever the clock stands. */
const inTwoDays = () => new Date(Date.now() + 2 * 86_400_000).toISOString().slice(0, 10);

type Case = readonly [
  story: string,
  status: number,
  problem: string,
  send: () => Promise<AxiosResponse>,
  /** That the violations name. */
  pointers?: readonly string[],
];
const cases: readonly Case[] = [
  ['malformed JSON', 400, 'malformed-json', () => post('{"providerId": ')],
  ['JSON that is no object', 422, 'validation', () => post('[]')],
  [
    'wrong types, all of them named',
    422,
    'validation',
    () => post({ ...good(), status: 7, unilateral: 'no', witnesses: {} }),
    ['/status', '/unilateral', '/witnesses'],
  ],
  [
    'a body of 10 MB',
    413,
    'body-too-large',
    () => post({ ...good(), statusReason: 'x'.repeat(10 * 1024 * 1024) }),
  ],
  [
    'a constat that no topic would take, in a body that is small enough',
    413,
    'event-too-large',
    () => {
      const witnesses = Array.from({ length: 2_000 }, () => ({ personRef: randomUUID(), name: 'Anonyme' }));
      return post({ ...good(), witnesses });
    },
  ],
  ['three parties', 422, 'validation', () => post(withParties(([a, b]) => [a!, b!, b!])), ['/parties']],
  [
    'box 18',
    422,
    'validation',
    () => post(withParties(([a, b]) => [{ ...a!, circumstances: [18], circumstanceCount: 1 }, b!])),
    ['/parties/0/circumstances/0'],
  ],
  [
    'an accident that has not happened yet',
    422,
    'validation',
    () => post({ ...good(), accident: { ...(good()['accident'] as JsonObject), accidentDate: inTwoDays() } }),
    ['/accident/accidentDate'],
  ],
  [
    'an unknown provider',
    422,
    'validation',
    () => post({ ...good(), providerId: 'nobody' }),
    ['/providerId'],
  ],
  ['an unknown field', 422, 'validation', () => post({ ...good(), colour: 'red' }), ['/colour']],
  [
    'a field that the bridge sets itself',
    422,
    'validation',
    () => post({ ...good(), createdBy: insurer.id }),
    ['/createdBy'],
  ],
  ['no Idempotency-Key', 400, 'invalid-request', () => bed.staff.post('/v1/constats', good())],
  [
    'another media type',
    415,
    'unsupported-media-type',
    () => post(JSON.stringify(good()), { 'Content-Type': 'text/plain' }),
  ],
  ['no key', 401, 'unauthenticated', () => post(good(), { 'X-API-Key': '' })],
  ['a key that nobody was given', 401, 'unauthenticated', () => post(good(), { 'X-API-Key': 'eak_guess' })],
  ["a provider's key for an edit", 403, 'forbidden', () => post(good(), {}, ofOther)],
  ["another provider's key for a read", 404, 'not-found', () => ofOther.get(`/v1/constats/${constat.id}`)],
  [
    "another provider's key for the history",
    404,
    'not-found',
    () => ofOther.get(`/v1/constats/${constat.id}/history`),
  ],
  [
    'a patch without a condition',
    428,
    'precondition-required',
    () => bed.staff.patch(`/v1/constats/${constat.id}`, { statusReason: 'x' }),
  ],
  [
    'a patch of a constat that does not exist',
    404,
    'not-found',
    () => patchConstat(bed, randomUUID(), constat.revision, { statusReason: 'x' }),
  ],
  [
    'a patch on a revision that never was',
    409,
    'unknown-base',
    () => patchConstat(bed, constat.id, 'eassurance:9', { statusReason: 'x' }),
  ],
  [
    "a patch to a status that is the insurer's alone to give",
    422,
    'validation',
    () => patchConstat(bed, constat.id, constat.revision, { status: 'VALIDATED' }),
    ['/status'],
  ],
];

describe('the API', () => {
  const rows = cases.map(([story, status, problem, send, pointers = []]) => ({
    story,
    status,
    problem,
    send,
    pointers,
  }));
  it.each(rows)(
    'answers $story with $status $problem and writes nothing',
    async ({ status, problem, send, pointers }) => {
      const before = await countRows(bed);
      const answer = await send();
      expect([answer.status, answer.data.type]).toEqual([status, `urn:eassurance:problem:${problem}`]);
      expect(answer.headers['content-type']).toMatch('application/problem+json');
      if (pointers.length > 0) {
        const named = answer.data.violations.map(({ pointer }: { pointer: string }) => pointer);
        expect(named).toEqual(expect.arrayContaining([...pointers]));
      }
      expect(await countRows(bed)).toEqual(before);
    },
  );

  it('shows a provider its own, and nothing else in its lists', async () => {
    const own = await bed.apiAs('provider', insurer.id);
    expect((await own.get(`/v1/constats/${constat.id}`)).data.id).toBe(constat.id);
    expect((await own.get('/v1/constats')).data.data).toHaveLength(1);
    expect((await ofOther.get('/v1/constats')).data.data).toEqual([]);
    const { status } = await ofOther.get('/v1/constats', { params: { provider: insurer.id } });
    expect(status).toBe(403);
  });

  it('still takes a good one after all that', async () => {
    expect((await post(good())).status).toBe(201);
  });
});
