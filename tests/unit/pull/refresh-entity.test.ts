import { describe, expect, it } from 'vitest';
import { PermanentError, TransientError } from '../../../src/domain/errors.ts';
import type { FetchOne, ProviderApi } from '../../../src/ports.ts';
import { checkProviderApi } from '../../../src/pull/check-health.ts';
import { createEtagMemory } from '../../../src/pull/etag-memory.ts';
import { refreshEntity } from '../../../src/pull/refresh-entity.ts';
import type { RefreshDeps } from '../../../src/pull/refresh-entity.ts';
import { apiRecord, setup } from './setup.ts';

const found = (id = 'c1'): FetchOne => ({ status: 'found', record: apiRecord(id), etag: '"r1"' });

/** `owner`: the provider that the entity is known to belong to. */
function prepare(
  owner: string | null,
  answers: Record<string, FetchOne | Error>,
  change: Partial<RefreshDeps> = {},
) {
  const bundle = setup();
  for (const [key, answer] of Object.entries(answers)) bundle.answers.set(key, answer);
  const apis = new Map(['saa', 'trust'].map((id) => [id, bundle.api(id)]));
  const deps: RefreshDeps = {
    ...bundle.deps,
    apis,
    ownerOf: async () => owner,
    withinMs: 1_000,
    ...change,
  };
  return { ...bundle, refresh: (id = 'c1') => refreshEntity('constat', id, deps) };
}

describe('refreshEntity', () => {
  it("asks the entity's provider alone, and applies what comes", async () => {
    const { refresh, applied, etagsAsked } = prepare('saa', { 'saa/c1': found() });
    expect(await refresh()).toEqual({ status: 'applied' });
    expect(applied.flat().map(({ topic }) => topic)).toEqual(['saa-constat.updated']);
    expect(etagsAsked).toEqual([null]);
  });

  it('shows the ETag of the last pull, and tells unchanged from missing', async () => {
    const { refresh, answers, etagsAsked, applied } = prepare('saa', { 'saa/c1': found() });
    await refresh();
    answers.set('saa/c1', { status: 'unchanged' });
    expect(await refresh()).toEqual({ status: 'unchanged' });
    expect(etagsAsked).toEqual([null, '"r1"']);
    expect(applied).toHaveLength(1);
    expect(await refresh('c9')).toEqual({ status: 'missing' });
  });

  it.each([
    ['does not know the entity', [{ status: 'missing' }], [null]],
    ['has what it had when it was last asked', [found(), { status: 'unchanged' }], [{ saa: 1 }]],
    ['has what we know', [found(), found()], [{ saa: 1 }]],
  ] satisfies [string, FetchOne[], unknown[]][])(
    'has ours republished if need be when the provider %s',
    async (_story, turns, revisions) => {
      const { refresh, answers, shown } = prepare('saa', {});
      for (const answer of turns) {
        answers.set('saa/c1', answer);
        await refresh();
      }
      expect(shown.map(({ revision }) => revision)).toEqual(revisions);
    },
  );

  it('forgets the ETag of a record that ended in quarantine', async () => {
    const applyPulled = async () => [
      { outcome: 'quarantined' as const, code: 'REVISION_INVALID' as const, eventId: 'e', entityId: 'c1' },
    ];
    const { refresh, etagsAsked } = prepare('saa', { 'saa/c1': found() }, { applyPulled });
    expect(await refresh()).toEqual({ status: 'quarantined' });
    await refresh();
    expect(etagsAsked).toEqual([null, null]);
  });

  it.each([
    ['one has it, the other does not', { 'trust/c1': found() }, 'applied'],
    [
      'one has it, the other is away',
      { 'saa/c1': new TransientError('CIRCUIT_OPEN', 'away'), 'trust/c1': found() },
      'applied',
    ],
    [
      'one is away, the other does not have it',
      { 'saa/c1': new TransientError('CIRCUIT_OPEN', 'away') },
      'unavailable',
    ],
    ['nobody has it', {}, 'missing'],
  ])('asks all of them while the entity is unknown here: %s', async (_story, answers, status) => {
    const { refresh, etagsAsked } = prepare(null, answers);
    expect(await refresh()).toMatchObject({ status });
    expect(etagsAsked).toHaveLength(2);
  });

  it.each([
    [new TransientError('PROVIDER_UNAVAILABLE', 'away'), 'PROVIDER_UNAVAILABLE'],
    [new PermanentError('PROVIDER_GARBAGE', 'nonsense'), 'PROVIDER_GARBAGE'],
    [new DOMException('too late', 'TimeoutError'), 'PROVIDER_UNAVAILABLE'],
  ])("answers with the code of the provider's fault: %s", async (failure, code) => {
    const { refresh, counted } = prepare('saa', { 'saa/c1': failure });
    expect(await refresh()).toEqual({ status: 'unavailable', code });
    expect(counted).toEqual(['saa constats failed 1']);
  });

  it('says so when the provider has no API here', async () => {
    const { refresh } = prepare('saa', {}, { apis: new Map() });
    expect(await refresh()).toEqual({ status: 'unavailable', code: 'PROVIDER_WITHOUT_API' });
  });

  it('throws what is our own trouble', async () => {
    const failure = new TransientError('DATABASE_UNAVAILABLE', 'the database is away');
    const { refresh } = prepare('saa', { 'saa/c1': found() }, { applyPulled: () => Promise.reject(failure) });
    await expect(refresh()).rejects.toBe(failure);
  });
});

describe('the ETag memory', () => {
  it('forgets first what was set longest ago', () => {
    const etags = createEtagMemory(2);
    for (const [key, etag] of ['a1', 'b2', 'a3', 'c4']) etags.set(key!, { etag: etag!, revision: {} });
    expect(['a', 'b', 'c'].map((key) => etags.get(key)?.etag)).toEqual(['3', undefined, '4']);
  });
});

describe('the health of a provider API', () => {
  const check = (status: ReturnType<ProviderApi['status']>) =>
    checkProviderApi({ providerId: 'saa', status: () => status } as ProviderApi, () => 65_000)();

  it('is up while it answers, degraded while it does not, and never down', async () => {
    expect(await check({ circuit: 'closed', lastError: null, lastSuccessMs: 60_000 })).toEqual({
      name: 'provider-api-saa',
      status: 'up',
      detail: 'it last answered 5 s ago',
    });
    expect(await check({ circuit: 'closed', lastError: null, lastSuccessMs: null })).toMatchObject({
      status: 'up',
    });
    expect(
      await check({ circuit: 'closed', lastError: 'PROVIDER_GARBAGE', lastSuccessMs: 60_000 }),
    ).toMatchObject({ status: 'degraded' });
    expect(
      await check({ circuit: 'open', lastError: 'PROVIDER_UNAVAILABLE', lastSuccessMs: null }),
    ).toMatchObject({
      status: 'degraded',
      detail: 'the circuit is open after PROVIDER_UNAVAILABLE; it has not answered yet',
    });
  });
});
