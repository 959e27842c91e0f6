import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { setup } from './setup.ts';
import type { PlatformBed } from './setup.ts';

const KEY = { 'x-api-key': 'key-in-use' };

let bed: PlatformBed;
beforeAll(async () => {
  bed = await setup();
});
afterEach(() => bed.platform.faults.clear());
afterAll(() => bed?.close());

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Body;
  readonly text: string;
}

/** Everything that an answer of the API may hold. */
interface Body {
  readonly [field: string]: unknown;
  readonly data: readonly {
    readonly verificationId: string;
    readonly claimId: string;
    readonly updatedAt: string;
  }[];
  readonly page: { readonly nextCursor: string | null; readonly hasMore: boolean };
}

async function get(
  path: string,
  headers: Record<string, string> = KEY,
  signal?: AbortSignal,
): Promise<Answer> {
  const response = await fetch(bed.platform.url + path, { headers, ...(signal ? { signal } : {}) });
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.includes('json') && text.startsWith('{');
  return {
    status: response.status,
    headers: response.headers,
    body: (isJson ? JSON.parse(text) : {}) as Body,
    text,
  };
}

describe('one record', () => {
  it('comes with its revision, the contract’s field names and a strong ETag, and 304 while it has not changed', async () => {
    const record = await bed.platform.create('constat', bed.sample.constat());
    const first = await get(`/v1/constats/${record.id}`);
    const etag = first.headers.get('etag')!;

    expect(first.body).toEqual({ ...record.state, revision: record.revision, updatedAt: record.updatedAt });
    expect(etag).toBe(`"${bed.platform.providerId}:1"`);
    expect(
      (await get(`/v1/constats/${record.id}`, { ...KEY, 'if-none-match': `"other", ${etag}` })).status,
    ).toBe(304);

    const state = { ...record.state, statusReason: 'vu' };
    await bed.publishAsHub({
      eventType: 'constat.updated',
      id: record.id,
      revision: { ...record.revision, eassurance: 1 },
      state,
    });
    await bed.platform.waitFor('constat', record.id, ({ revision }) => revision.eassurance === 1, 20_000);
    const both = await get(`/v1/constats/${record.id}`);
    expect(both.headers.get('etag')).toBe(`"eassurance:1;${bed.platform.providerId}:1"`);
    expect(
      (await get(`/v1/constats/${record.id}`, { ...KEY, 'if-none-match': both.headers.get('etag')! })).status,
    ).toBe(304);

    await bed.platform.edit('constat', record.id, { providerReference: 'R-2' });
    const again = await get(`/v1/constats/${record.id}`, { ...KEY, 'if-none-match': etag });
    expect([again.status, again.body.providerReference]).toEqual([200, 'R-2']);
  });

  it('is a policy by its number and the day asked about, with money as a decimal string', async () => {
    const policy = await bed.platform.create('policy', {
      ...bed.sample.policy(),
      policyNumber: 'P/77',
      premiumAmount: '25000',
      validFrom: '2026-01-01',
      validTo: '2026-12-31',
    });

    const found = await get('/v1/policies/P%2F77?asOf=2026-06-01');
    expect(found.body).toMatchObject({ policyId: policy.id, premiumAmount: '25000.00' });
    expect((await get(`/v1/policies/${policy.id}`)).body.policyNumber).toBe('P/77');
    expect((await get('/v1/policies/P%2F77?asOf=2027-01-01')).status).toBe(404);
    expect((await get('/v1/policies/P%2F77?asOf=soon')).status).toBe(400);
  });

  it('is a verified vehicle by its plate, however that is written', async () => {
    const given = { ...bed.sample.vehicle(), plateRaw: '054321-117-31', plateNormalized: '05432111731' };
    const vehicle = await bed.platform.create('vehicle', given);
    await bed.platform.create('vehicle', bed.sample.vehicle());

    const plate = encodeURIComponent('٠٥٤٣٢١ 117 31');
    expect((await get(`/v1/vehicles?plate=${plate}`)).body.data.map((found) => found.verificationId)).toEqual(
      [vehicle.id],
    );
    expect((await get(`/v1/vehicles/${vehicle.id}`)).body.result).toBe('VERIFIED');
  });

  it('is a problem document when there is none, and nothing leaks from a wrong id', async () => {
    for (const path of [
      '/v1/constats/00000000-0000-4000-8000-000000000000',
      "/v1/claims/1'--",
      '/v1/nothing',
    ]) {
      const { status, headers, body } = await get(path);
      expect([status, body.status, headers.get('content-type')]).toEqual([
        404,
        404,
        'application/problem+json; charset=utf-8',
      ]);
      expect(body.type).toBe('urn:problem:not-found');
    }
  });
});

describe('a walk', () => {
  it('meets every record once in the order (updatedAt, id), and those written meanwhile at its end', async () => {
    const since = new Date().toISOString();
    const ids: string[] = [];
    for (let i = 0; i < 5; i++) ids.push((await bed.platform.createSilently('claim', bed.sample.claim())).id);

    const met: { claimId: string; updatedAt: string }[] = [];
    let path = `/v1/claims?limit=2&updatedSince=${since}`;
    for (let page = 0; page < 10; page++) {
      const { body } = await get(path);
      met.push(...body.data);
      if (page === 0) await bed.platform.edit('claim', ids[0]!, { outcome: 'revu' });
      expect(body.page.hasMore).toBe(body.page.nextCursor !== null);
      if (!body.page.hasMore) break;
      path = `/v1/claims?limit=2&cursor=${body.page.nextCursor}`;
    }

    expect(met.map((claim) => claim.claimId)).toEqual([...ids, ids[0]]);
    const order = met.map((claim) => `${claim.updatedAt} ${claim.claimId}`);
    expect(order).toEqual(order.toSorted());
  });

  it('refuses a bad page size, time, cursor or unknown parameter', async () => {
    for (const query of ['limit=0', 'limit=201', 'updatedSince=yesterday', 'cursor=abc', 'page=2']) {
      expect((await get(`/v1/constats?${query}`)).status, query).toBe(400);
    }
  });
});

describe('access', () => {
  it('is open to both live keys and to nobody else', async () => {
    expect((await get('/v1/health', { 'x-api-key': 'key-in-use' })).status).toBe(200);
    expect((await get('/v1/meta', { 'x-api-key': 'key-to-come' })).body.provider).toBe(
      bed.platform.providerId,
    );
    for (const headers of [{}, { 'x-api-key': '' }, { 'x-api-key': 'agent' }] as Record<string, string>[]) {
      expect((await get('/v1/health', headers)).status).toBe(401);
    }
  });

  it('is limited per key, and says when to come back', async () => {
    const limited = await setup({ rateLimit: { requests: 3, windowMs: 60_000 } });
    try {
      const answers: Response[] = [];
      for (let i = 0; i < 4; i++)
        answers.push(await fetch(`${limited.platform.url}/v1/health`, { headers: KEY }));
      const last = answers[3]!;

      expect(answers.map((answer) => answer.status)).toEqual([200, 200, 200, 429]);
      expect(answers[0]!.headers.get('ratelimit-remaining')).toBe('2');
      expect(Number(last.headers.get('retry-after'))).toBeGreaterThan(0);
      expect(await last.json()).toMatchObject({ type: 'urn:problem:too-many-requests', status: 429 });
      const other = await fetch(`${limited.platform.url}/v1/health`, {
        headers: { 'x-api-key': 'key-to-come' },
      });
      expect(other.status).toBe(200);
    } finally {
      await limited.close();
    }
  });
});

describe('a bad day', () => {
  it('answers 500, 401 or 429 with Retry-After, as the knob says', async () => {
    bed.platform.faults.set({ api: '500' });
    expect((await get('/v1/health')).status).toBe(500);
    bed.platform.faults.set({ api: '401' });
    expect((await get('/v1/health')).status).toBe(401);
    bed.platform.faults.set({ api: '429', apiDelayMs: 3_000 });
    expect((await get('/v1/health')).headers.get('retry-after')).toBe('3');
  });

  it('answers garbage that claims to be JSON', async () => {
    bed.platform.faults.set({ api: 'garbage' });
    const { status, headers, text } = await get('/v1/constats');
    expect([status, headers.get('content-type')]).toEqual([200, 'application/json; charset=utf-8']);
    expect(() => JSON.parse(text) as unknown).toThrow();
  });

  it('never answers, and still stops', async () => {
    const silent = await setup();
    silent.platform.faults.set({ api: 'never' });
    const waiting = fetch(`${silent.platform.url}/v1/health`, { headers: KEY }).then(
      () => 'answered',
      () => 'cut off',
    );
    await silent.close();
    expect(await waiting).toBe('cut off');
  });
});
