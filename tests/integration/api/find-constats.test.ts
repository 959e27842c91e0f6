import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { constat, setup } from './setup.ts';

let bundle: Awaited<ReturnType<typeof setup>>;
const ids: string[] = [];
beforeAll(async () => {
  bundle = await setup({ databaseUrl: inject('databaseUrl'), registryUrl: inject('registryUrl') });
  for (let i = 0; i < 12; i++) {
    const answer = await bundle.post(
      constat({
        providerId: i % 3 === 0 ? 'trust' : 'saa',
        providerReference: `REF-${i}`,
        status: i < 6 ? 'SUBMITTED' : 'DRAFT',
      }),
    );
    ids.push(answer.body.id);
  }
});
afterAll(() => bundle.close());

async function walk(query: string, secret?: string): Promise<string[]> {
  const found: string[] = [];
  for (let cursor = ''; ;) {
    const { body } = await bundle.get(`/v1/constats?limit=5&${query}${cursor}`, secret);
    found.push(...body.data.map((entity) => entity.id));
    if (!body.page.hasMore) return found;
    cursor = `&cursor=${encodeURIComponent(body.page.nextCursor!)}`;
  }
}

describe('finding constats', () => {
  it('visits everything once by following the cursors, in the order of writing', async () => {
    expect(await walk('')).toEqual(ids);
  });

  it.each([
    ['provider=trust', 4],
    ['status=DRAFT', 6],
    ['provider=saa&status=SUBMITTED', 4],
    ['reference=REF-7', 1],
    ['plate=12345-115-16', 12],
    ['plate=12345 115 16', 12],
    ['plate=00456-119-09', 12],
    ['plate=99999-115-16', 0],
    ['policy=T-88120', 12],
    ['vin=VF1LB1BC534567890', 0],
  ])('finds by %s', async (query, expected) => {
    expect(await walk(encodeURI(query))).toHaveLength(expected);
  });

  it('shows a provider its own alone', async () => {
    const own = await walk('', bundle.saa.secret);
    expect(own).toEqual(ids.filter((_, i) => i % 3 !== 0));
    expect((await bundle.get(`/v1/constats/${ids[0]}`, bundle.saa.secret)).status).toBe(404);
    expect((await bundle.get(`/v1/constats/${ids[1]}`, bundle.saa.secret)).status).toBe(200);
  });

  it('finds what was stored since a time', async () => {
    const { body } = await bundle.get(`/v1/constats/${ids[9]}`);
    const since = encodeURIComponent(body.updatedAt);
    expect(await walk(`updatedSince=${since}`)).toEqual(ids.slice(9));
    expect(await walk('updatedSince=2999-01-01T00:00:00Z')).toEqual([]);
    expect(await walk('updatedSince=0000-01-01T00:00:00Z')).toHaveLength(12);
  });

  it('has the same reads for every kind', async () => {
    for (const collection of ['vehicles', 'policies', 'claims']) {
      expect((await bundle.get(`/v1/${collection}`)).body.data).toEqual([]);
      expect((await bundle.get(`/v1/${collection}/${ids[0]}`)).status).toBe(404);
      expect((await bundle.get(`/v1/${collection}/${ids[0]}/history`)).status).toBe(404);
    }
  });

  it('answers what a stranger makes up with 4xx, never with a fault of the database', async () => {
    const forged = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const paths = [
      '/v1/constats/not-a-uuid',
      '/v1/constats/%00',
      '/v1/constats/not-a-uuid/history',
      '/v1/constats?plate=%00',
      '/v1/constats?reference=%ff',
      `/v1/constats?cursor=${forged({ u: 1e15, i: ids[0] })}`,
      `/v1/constats?cursor=${forged({ u: 1, i: 'x' })}`,
      `/v1/constats/${ids[0]}/history?cursor=${forged({ s: '99999999999999999999' })}`,
      `/v1/constats/${ids[0]}/history?cursor=${forged({ s: "1'" })}`,
    ];
    for (const path of paths) {
      const { status } = await bundle.get(path);
      expect([200, 400, 404], path).toContain(status);
    }
  });

  it('is ready while PostgreSQL answers', async () => {
    const ready = await bundle.get('/health/ready');
    expect([ready.status, ready.body.checks[0]?.name]).toEqual([200, 'postgres']);
  });
});
