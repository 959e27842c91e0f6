import { once } from 'node:events';
import net from 'node:net';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import { PermanentError, TransientError } from '../../../src/domain/errors.ts';
import type { EntityKind } from '../../../src/domain/kind.ts';
import { createProviderApi } from '../../../src/rest/create-provider-api.ts';
import type { ProviderApiDeps } from '../../../src/rest/create-provider-api.ts';
import { sendJson, startProviderServer } from './provider-server.ts';
import type { Respond } from './provider-server.ts';
import { NO_TRACING } from '../../../src/telemetry/no-tracing.ts';

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

/** All of a kind that a client of its API needs. */
const constat = { name: 'constat', collection: 'constats', idField: 'constatId' } as EntityKind;
const record = { constatId: 'c1', status: 'DRAFT', revision: { eassurance: 1, saa: 2 } };
const onePage = {
  data: [record],
  page: { nextCursor: null, hasMore: false },
  asOf: '2026-03-01T10:00:00.000Z',
};
const wholeList = { since: null, cursor: null, limit: 100 };
const found: Respond = (_seen, response) => sendJson(response, 200, record, { etag: '"r1"' });

async function setup(respond: Respond, change: Partial<ProviderApiDeps> = {}) {
  const server = await startProviderServer(respond);
  closers.push(() => server.close());
  const api = createProviderApi({
    providerId: 'saa',
    url: server.url,
    apiKey: 'key-of-today',
    clock: () => 1_000,
    tracing: NO_TRACING,
    ...change,
    limits: { minRetryMs: 1, maxRetryAfterMs: 50, ...change.limits },
  });
  return { server, api };
}

async function refusal(promise: Promise<unknown>): Promise<TransientError | PermanentError> {
  const error: unknown = await promise.then(
    () => new Error('it was accepted'),
    (reason: unknown) => reason,
  );
  if (error instanceof TransientError || error instanceof PermanentError) return error;
  throw error;
}

describe('asking for one record', () => {
  it('gives state, revision and ETag, and shows our key', async () => {
    const { api, server } = await setup(found);
    expect(await api.fetchOne(constat, 'c1', null)).toEqual({
      status: 'found',
      record: { state: { constatId: 'c1', status: 'DRAFT' }, revision: { eassurance: 1, saa: 2 } },
      etag: '"r1"',
    });
    expect(server.seen).toEqual([
      { path: '/v1/constats/c1', query: {}, key: 'key-of-today', etag: undefined },
    ]);
    expect(api.status()).toEqual({ circuit: 'closed', lastError: null, lastSuccessMs: 1_000 });
  });

  it('tells unchanged by the ETag, and missing by 404', async () => {
    const { api, server } = await setup((seen, response) =>
      response.writeHead(seen.etag === '"r1"' ? 304 : 404).end(),
    );
    expect(await api.fetchOne(constat, 'c1', '"r1"')).toEqual({ status: 'unchanged' });
    expect(await api.fetchOne(constat, 'c1', null)).toEqual({ status: 'missing' });
    expect(server.seen).toHaveLength(2);
  });

  it('keeps an id that holds a slash inside its path', async () => {
    const { api, server } = await setup((_seen, response) => response.writeHead(404).end());
    await api.fetchOne(constat, '../policies/1?x', null);
    expect(server.seen[0]?.path).toBe('/v1/constats/..%2Fpolicies%2F1%3Fx');
  });

  it('refuses a record that is not the one asked for', async () => {
    const { api } = await setup(found);
    expect(await refusal(api.fetchOne(constat, 'c2', null))).toMatchObject({ code: 'PROVIDER_GARBAGE' });
  });
});

describe('walking a list', () => {
  it('asks since a time, and then by cursor alone', async () => {
    const { api, server } = await setup((_seen, response) => sendJson(response, 200, onePage));
    await api.fetchPage(constat, { since: '2026-01-01T00:00:00Z', cursor: null, limit: 50 });
    await api.fetchPage(constat, { since: '2026-01-01T00:00:00Z', cursor: 'abc', limit: 50 });
    expect(server.seen.map(({ query }) => query)).toEqual([
      { updatedSince: '2026-01-01T00:00:00Z', limit: '50' },
      { cursor: 'abc', limit: '50' },
    ]);
  });

  it('names the records that it cannot read and gives the others', async () => {
    const data = [
      record,
      { constatId: 'c2' },
      'nonsense',
      { revision: { saa: 1 } },
      { ...record, constatId: 'c3' },
    ];
    const { api } = await setup((_seen, response) => sendJson(response, 200, { ...onePage, data }));
    const page = await api.fetchPage(constat, wholeList);
    expect(page.records.map(({ state }) => state['constatId'])).toEqual(['c1', 'c3']);
    expect(page.unreadable).toHaveLength(3);
    expect(page.unreadable[0]).toMatch(/^record 2: .*revision/);
  });

  it('gives the next cursor only while there is more', async () => {
    const pages = [
      { nextCursor: 'abc', hasMore: true },
      { nextCursor: 'abc', hasMore: false },
    ];
    const { api } = await setup((_seen, response) =>
      sendJson(response, 200, { ...onePage, page: pages.shift() }),
    );
    expect((await api.fetchPage(constat, wholeList)).nextCursor).toBe('abc');
    expect((await api.fetchPage(constat, wholeList)).nextCursor).toBeNull();
  });
});

describe('garbage', () => {
  const answers: readonly [string, Respond][] = [
    ['no JSON', (_seen, response) => response.end('<html>busy</html>')],
    ['an empty body', (_seen, response) => response.end()],
    ['no list', (_seen, response) => sendJson(response, 200, { items: [] })],
    [
      'more, but no cursor',
      (_seen, response) => sendJson(response, 200, { ...onePage, page: { hasMore: true } }),
    ],
    ['no time', (_seen, response) => sendJson(response, 200, { ...onePage, asOf: 'yesterday' })],
    ['a 404 for a whole list', (_seen, response) => response.writeHead(404).end()],
    ['a 400', (_seen, response) => sendJson(response, 400, { title: 'Bad Request' })],
    [
      'a redirect',
      (_seen, response) => response.writeHead(302, { location: 'http://elsewhere.example/' }).end(),
    ],
    ['a body without end', (_seen, response) => response.end(`"${'x'.repeat(70_000)}"`)],
  ];
  it.each(answers)('is refused at once, in a sentence: %s', async (_what, respond) => {
    const { api, server } = await setup(respond, { limits: { maxAnswerBytes: 65_536 } });
    const error = await refusal(api.fetchPage(constat, wholeList));
    expect(error).toBeInstanceOf(PermanentError);
    expect(error).toMatchObject({ code: 'PROVIDER_GARBAGE' });
    expect(error.message).toMatch(/^saa /);
    expect(server.seen).toHaveLength(1);
    expect(api.status()).toMatchObject({ circuit: 'closed', lastError: 'PROVIDER_GARBAGE' });
  });
});

describe('two live keys', () => {
  const onlyTomorrow: Respond = (seen, response) =>
    seen.key === 'key-of-tomorrow' ? sendJson(response, 200, record) : response.writeHead(401).end();

  it('tries the other key once on 401 and remembers the one that works', async () => {
    const { api, server } = await setup(onlyTomorrow, { apiKeyNext: 'key-of-tomorrow' });
    await api.fetchOne(constat, 'c1', null);
    await api.fetchOne(constat, 'c1', null);
    expect(server.seen.map(({ key }) => key)).toEqual(['key-of-today', 'key-of-tomorrow', 'key-of-tomorrow']);
  });

  it('goes back to the first key when the provider does', async () => {
    const { api, server } = await setup(onlyTomorrow, { apiKeyNext: 'key-of-tomorrow' });
    await api.fetchOne(constat, 'c1', null);
    server.respond = (seen, response) =>
      seen.key === 'key-of-today' ? sendJson(response, 200, record) : response.writeHead(401).end();
    await api.fetchOne(constat, 'c1', null);
    expect(server.seen.at(-1)?.key).toBe('key-of-today');
  });

  it.each([
    ['one key', {}, 1],
    ['two keys', { apiKeyNext: 'key-of-tomorrow' }, 2],
  ])('gives up when none works, with %s', async (_what, change, requests) => {
    const { api, server } = await setup((_seen, response) => response.writeHead(401).end(), change);
    expect(await refusal(api.fetchOne(constat, 'c1', null))).toMatchObject({ code: 'PROVIDER_UNAUTHORISED' });
    expect(server.seen).toHaveLength(requests);
  });
});

describe('trouble that may pass', () => {
  it('is tried again, a few times', async () => {
    let answers = 0;
    const { api, server } = await setup((_seen, response) =>
      ++answers < 3 ? response.writeHead(503).end() : sendJson(response, 200, record),
    );
    expect(await api.fetchOne(constat, 'c1', null)).toMatchObject({ status: 'found' });
    expect(server.seen).toHaveLength(3);
    server.respond = (_seen, response) => response.writeHead(500).end();
    expect(await refusal(api.fetchOne(constat, 'c1', null))).toMatchObject({ code: 'PROVIDER_UNAVAILABLE' });
    expect(server.seen).toHaveLength(6);
  });

  it('is waited out here when the provider asks for a short wait', async () => {
    let answers = 0;
    const { api, server } = await setup((_seen, response) =>
      ++answers < 2 ? response.writeHead(429, { 'retry-after': '0' }).end() : sendJson(response, 200, record),
    );
    expect(await api.fetchOne(constat, 'c1', null)).toMatchObject({ status: 'found' });
    expect(server.seen).toHaveLength(2);
  });

  it.each([
    ['in seconds', '120'],
    ['as a date', new Date(121_000).toUTCString()],
  ])('is left to the caller when the provider asks for a long wait %s', async (_form, retryAfter) => {
    const { api, server } = await setup((_seen, response) =>
      response.writeHead(429, { 'retry-after': retryAfter }).end(),
    );
    expect(await refusal(api.fetchOne(constat, 'c1', null))).toMatchObject({
      code: 'PROVIDER_THROTTLED',
      retryAfterMs: 120_000,
    });
    expect(server.seen).toHaveLength(1);
  });

  it('is a connection cut in the middle of an answer', async () => {
    const { api } = await setup((_seen, response) => {
      response.writeHead(200, { 'content-length': '1000' }).write('{');
      setImmediate(() => response.destroy());
    });
    expect(await refusal(api.fetchOne(constat, 'c1', null))).toMatchObject({ code: 'PROVIDER_UNAVAILABLE' });
  });

  it.each<[string, Respond]>([
    ['says nothing', () => undefined],
    [
      'never stops dripping',
      (_seen, response) => {
        response.writeHead(200);
        const drip = setInterval(() => response.write(' '), 5);
        response.on('close', () => clearInterval(drip));
      },
    ],
  ])('is a provider that %s, and its connection is given up', async (_what, respond) => {
    const { api, server } = await setup(respond, { limits: { answerTimeoutMs: 60, retries: 0 } });
    expect(await refusal(api.fetchOne(constat, 'c1', null))).toMatchObject({ code: 'PROVIDER_UNAVAILABLE' });
    await expect.poll(() => server.abandoned()).toBe(1);
  });

  it('is a connection that is never established', async () => {
    // Accepts, and never answers the TLS handshake.
    const sockets = new Set<net.Socket>();
    const silent = net.createServer((socket) => void sockets.add(socket)).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    closers.push(async () => {
      for (const socket of sockets) socket.destroy();
      silent.close();
      await once(silent, 'close');
    });
    const url = `https://127.0.0.1:${(silent.address() as AddressInfo).port}`;
    const api = createProviderApi({
      providerId: 'saa',
      url,
      apiKey: 'k',
      clock: () => 0,
      tracing: NO_TRACING,
      limits: { connectTimeoutMs: 40, retries: 0 },
    });
    const error = await refusal(api.fetchOne(constat, 'c1', null));
    expect(error).toMatchObject({ code: 'PROVIDER_UNAVAILABLE' });
    expect(inspect(error.cause)).toContain('no connection within 40 ms');
  });
});

describe('the circuit', () => {
  const limits = { breakerVolume: 3, breakerResetMs: 40, retries: 0 };
  const broken: Respond = (_seen, response) => response.writeHead(503).end();

  async function open() {
    const bundle = await setup(broken, { limits });
    for (let i = 0; i < 3; i++) await refusal(bundle.api.fetchOne(constat, 'c1', null));
    return bundle;
  }

  it('opens after repeated failures: nothing more is sent, and the reason stays visible', async () => {
    const { api, server } = await open();
    expect(await refusal(api.fetchOne(constat, 'c1', null))).toMatchObject({ code: 'CIRCUIT_OPEN' });
    expect(server.seen).toHaveLength(3);
    expect(api.status()).toMatchObject({ circuit: 'open', lastError: 'PROVIDER_UNAVAILABLE' });
  });

  it('lets one request through after a pause, and closes when it succeeds', async () => {
    const { api, server } = await open();
    await expect.poll(() => api.status().circuit).toBe('half-open');
    server.respond = found;
    await api.fetchOne(constat, 'c1', null);
    expect(api.status()).toMatchObject({ circuit: 'closed', lastError: null });
  });

  it('stays closed for a provider that answers, whatever it answers', async () => {
    const { api } = await setup((_seen, response) => response.writeHead(403).end(), { limits });
    for (let i = 0; i < 10; i++) await refusal(api.fetchOne(constat, 'c1', null));
    expect(api.status()).toMatchObject({ circuit: 'closed', lastError: 'PROVIDER_UNAUTHORISED' });
  });
});

describe('the bulkhead', () => {
  it('sends no more than its share at a time, and refuses a queue without end', async () => {
    const waiting: (() => void)[] = [];
    const { api, server } = await setup(
      (_seen, response) => void waiting.push(() => sendJson(response, 200, record)),
      {
        limits: { concurrency: 2, maxQueued: 1 },
      },
    );
    const [first, second, third] = [1, 2, 3].map(() => api.fetchOne(constat, 'c1', null));
    await expect.poll(() => server.seen.length).toBe(2);
    expect(await refusal(api.fetchOne(constat, 'c1', null))).toMatchObject({ code: 'PROVIDER_UNAVAILABLE' });
    waiting.splice(0).forEach((answer) => answer());
    await Promise.all([first, second]);
    await expect.poll(() => waiting.length).toBe(1);
    waiting.splice(0).forEach((answer) => answer());
    await expect(third).resolves.toMatchObject({ status: 'found' });
  });
});

describe('a caller', () => {
  it('that stops waiting gets its own reason at once, also from the queue', async () => {
    const { api } = await setup(() => undefined, { limits: { concurrency: 1 } });
    const stop = new AbortController();
    const both = [1, 2].map(() =>
      expect(api.fetchOne(constat, 'c1', null, stop.signal)).rejects.toBe('stop'),
    );
    stop.abort('stop');
    await Promise.all(both);
    expect(api.status().lastError).toBeNull();
  });

  it('never finds a key in an error, however deep it looks', async () => {
    const { api, server } = await setup((_seen, response) => response.destroy(), {
      apiKeyNext: 'key-of-tomorrow',
      limits: { retries: 0 },
    });
    const responses: Respond[] = [
      (_seen, response) => void response.destroy(),
      (_seen, response) => response.writeHead(401).end(),
      (_seen, response) => response.writeHead(500).end(),
      (seen, response) => response.end(`${seen.key} is not JSON`),
      (seen, response) => sendJson(response, 200, { constatId: 'c1', revision: { saa: seen.key } }),
    ];
    for (const respond of responses) {
      server.respond = respond;
      const error = await refusal(api.fetchOne(constat, 'c1', null));
      expect(inspect(error, { depth: Infinity, showHidden: true })).not.toContain('key-of');
    }
  });
});
