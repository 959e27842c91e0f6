/** The load on the API, a process of its own: reads its orders from the environment, prints a line of JSON for each. */
import { randomUUID } from 'node:crypto';
import autocannon, { type Request } from 'autocannon';
import { createSampleData } from '../../src/simulator/sample-data.ts';
import type { LoadOrder, LoadResult, Target } from './run-load.ts';

const { url, key, providerId, orders, connections } = JSON.parse(process.env['ORDERS']!) as Target & {
  readonly orders: readonly LoadOrder[];
};
const sample = createSampleData({ seed: 13, providerId, today: '2026-05-10' });

/** Constats that no request is under way for, each with its revision's tag. */
const idle: { readonly id: string; readonly etag: string }[] = [];
let edits = 0;

const keep = (body: string, headers: Record<string, string>) => {
  idle.push({ id: /"id":"([^"]+)"/.exec(body)![1]!, etag: headers['ETag'] ?? headers['etag']! });
};
const json = { 'Content-Type': 'application/json' };

const REQUESTS: Readonly<Record<LoadOrder['what'], Request>> = {
  POST: {
    method: 'POST',
    path: '/v1/constats',
    setupRequest: (request) => ({
      ...request,
      headers: { ...headers(), ...json, 'Idempotency-Key': randomUUID() },
      body: JSON.stringify({ providerId, ...sample.constat() }),
    }),
    onResponse: keepOf(201),
  },
  PATCH: {
    method: 'PATCH',
    setupRequest(request) {
      const constat = idle.shift()!;
      edits += 1;
      return {
        ...request,
        path: `/v1/constats/${constat.id}`,
        headers: { ...headers(), ...json, 'If-Match': constat.etag },
        body: JSON.stringify({ accident: { place: `Edit ${edits}` } }),
      };
    },
    onResponse: keepOf(200),
  },
  GET: {
    method: 'GET',
    setupRequest(request) {
      const constat = idle.shift()!;
      idle.push(constat);
      return { ...request, path: `/v1/constats/${constat.id}`, headers: headers() };
    },
  },
};

/** Keeps what was answered with this status, for a later request. */
function keepOf(wanted: number): NonNullable<Request['onResponse']> {
  return (status, body, _context, answered) => {
    if (status === wanted) keep(body, answered as Record<string, string>);
  };
}

function headers() {
  return { 'X-API-Key': key };
}

for (const { what, amount } of orders) {
  const start = performance.now();
  const result = await autocannon({ url, connections, amount, timeout: 60, requests: [REQUESTS[what]] });
  const seconds = (performance.now() - start) / 1_000;
  const { '2xx': good, non2xx, errors, latency } = result;
  const said: LoadResult = {
    what,
    good,
    bad: non2xx + errors,
    perSecond: good / seconds,
    p50: latency.p50,
    p99: latency.p99,
  };
  console.log(JSON.stringify(said));
}
