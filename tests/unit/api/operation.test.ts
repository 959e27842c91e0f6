import { describe, expect, it } from 'vitest';
import { DEFAULT_LIMITS } from '../../../src/api/create-api.ts';
import { ID, setup, STAFF } from './setup.ts';

describe('health', () => {
  it('says which dependency is down, and needs no key', async () => {
    const { api } = setup({
      checks: {
        live: [],
        ready: [
          async () => ({ name: 'postgres', status: 'up', detail: 'answers' }),
          async () => ({ name: 'kafka', status: 'down', detail: 'no broker answers' }),
        ],
      },
    });
    const ready = await api.get('/health/ready');
    expect(ready.status).toBe(503);
    expect(ready.body).toEqual({
      status: 'down',
      checks: [
        { name: 'postgres', status: 'up', detail: 'answers' },
        { name: 'kafka', status: 'down', detail: 'no broker answers' },
      ],
    });
    expect((await api.get('/health/live')).status).toBe(200);
  });

  it('stays ready while something is degraded', async () => {
    const { api } = setup({
      checks: {
        live: [],
        ready: [async () => ({ name: 'saa', status: 'degraded', detail: 'its API answers 500' })],
      },
    });
    const ready = await api.get('/health/ready');
    expect([ready.status, ready.body.status]).toEqual([200, 'degraded']);
  });

  it('counts a check that hangs or throws as down, and shows nothing of what it threw', async () => {
    const { api } = setup({
      limits: { ...DEFAULT_LIMITS, healthWithinMs: 10 },
      checks: {
        live: [],
        ready: [() => new Promise(() => {}), () => Promise.reject(new Error('password wrong'))],
      },
    });
    const ready = await api.get('/health/ready');
    expect(ready.body.checks.map((check) => check.status)).toEqual(['down', 'down']);
    expect(ready.text).not.toContain('password');
  });
});

describe('metrics and logs', () => {
  it('serves the measurements without a key', async () => {
    const { api } = setup();
    const answer = await api.get('/metrics');
    expect(answer.headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(answer.text).toContain('bridge_up 1');
  });

  it('measures by the pattern of the route, so that ids make no series of their own', async () => {
    const { get, seen } = setup();
    await get(`/v1/constats/${ID}`);
    await get('/v1/nothing/at/all');
    expect(seen.measured).toEqual([
      { method: 'GET', route: '/v1/constats/{id}', status: 404 },
      { method: 'GET', route: 'unmatched', status: 404 },
    ]);
  });

  it('logs one line per request, without keys, queries, ids or bodies', async () => {
    const { get, post, seen } = setup();
    await get('/v1/constats?plate=12345-115-16');
    await post().set('X-Correlation-Id', 'ticket-7');
    expect(seen.lines.map(({ level, route, status, key }) => ({ level, route, status, key }))).toEqual([
      { level: 20, route: '/v1/constats', status: 200, key: 'key-of-Amel' },
      { level: 30, route: '/v1/constats', status: 201, key: 'key-of-Amel' },
    ]);
    expect(seen.lines[1]).toMatchObject({ correlationId: 'ticket-7' });
    const text = JSON.stringify(seen.lines);
    for (const secret of [STAFF, '12345', 'Benali', ID]) expect(text).not.toContain(secret);
  });
});

describe('the trail', () => {
  it('keeps a sane correlation id and replaces any other', async () => {
    const { api } = setup();
    const echoed = async (id: string) =>
      (await api.get('/health/live').set('X-Correlation-Id', id)).headers['x-correlation-id'];
    expect(await echoed('ticket-7')).toBe('ticket-7');
    for (const bad of ['two words', 'x'.repeat(65), '<script>', '-'])
      expect(await echoed(bad)).toBe('made-here');
    expect((await api.get('/health/live')).headers['x-correlation-id']).toBe('made-here');
  });
});

describe('headers that protect', () => {
  it('hides what it runs on and lets no other site in', async () => {
    const { api } = setup();
    const { headers } = await api.get('/docs').set('Origin', 'https://elsewhere.example');
    expect(headers['x-powered-by']).toBeUndefined();
    expect(headers['access-control-allow-origin']).toBeUndefined();
    expect(headers['x-content-type-options']).toBe('nosniff');
    expect(headers['content-security-policy']).toContain("default-src 'none'");
    expect(headers['content-security-policy']).not.toMatch(/script-src[^;]*unsafe/);
  });
});
