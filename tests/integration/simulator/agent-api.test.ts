import { afterAll, beforeAll, expect, it } from 'vitest';
import type { JsonObject } from '../../../src/simulator/json.ts';
import type { EventPosition } from '../../../src/simulator/record.ts';
import { setup } from './setup.ts';
import type { PlatformBed } from './setup.ts';

let bed: PlatformBed;
beforeAll(async () => {
  bed = await setup();
});
afterAll(() => bed?.close());

/** Everything that an answer of the API may hold. */
interface Body {
  readonly [field: string]: unknown;
  readonly id: string;
  readonly revision: Readonly<Record<string, number>>;
  readonly state: JsonObject;
  readonly event: EventPosition | null;
  readonly current: Body;
  readonly data: readonly Body[];
}

async function call(
  method: string,
  path: string,
  body?: object,
  key = 'agent',
): Promise<{ status: number; body: Body }> {
  const response = await fetch(`${bed.platform.url}/agent${path}`, {
    method,
    headers: { 'x-api-key': key, 'content-type': 'application/json' },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  return { status: response.status, body: (await response.json()) as Body };
}

it('lets staff open, edit, sign and validate a constat, and shows where its event stands', async () => {
  const { providerId } = bed.platform;
  const opened = await call('POST', '/records/constat', { state: bed.sample.constat() });
  const { id } = opened.body;
  expect(opened.status).toBe(201);

  await call('PATCH', `/records/constat/${id}`, {
    patch: { providerReference: 'S-1' },
    baseRevision: opened.body.revision,
  });
  await call('POST', `/constats/${id}/sign`);
  const validated = await call('POST', `/constats/${id}/validate`, { reason: 'dossier complet' });
  expect(validated.body).toMatchObject({
    revision: { [providerId]: 4 },
    state: { status: 'VALIDATED', providerReference: 'S-1' },
  });

  const sent = await bed.platform.waitFor(
    'constat',
    id,
    (record) => record.revision[providerId] === 4,
    1_000,
  );
  await expect
    .poll(async () => (await call('GET', `/records/constat/${id}`)).body.event?.offset, { timeout: 20_000 })
    .not.toBeNull();
  const { event } = (await call('GET', `/records/constat/${id}`)).body;
  expect(event).toMatchObject({ direction: 'sent', topic: `${providerId}-constat.updated` });
  expect(event!.partition).toBeTypeOf('number');
  const { data } = (await call('GET', '/events?after=0')).body;
  expect(data.find((line) => line.eventId === sent.eventId && line.direction === 'sent')).toMatchObject(
    event!,
  );
});

it('lets staff verify a vehicle, update a policy, process a claim and hide a record', async () => {
  const vehicle = await call('POST', '/records/vehicle', { state: bed.sample.vehicle() });
  const policy = await call('POST', '/records/policy', { state: bed.sample.policy() });
  const claim = await call('POST', '/records/claim', { state: bed.sample.claim(), silently: true });

  const edits = [
    await call('POST', `/vehicles/${vehicle.body.id}/verify`, { patch: { result: 'MISMATCH' } }),
    await call('POST', `/policies/${policy.body.id}/update`, { patch: { status: 'SUSPENDED' } }),
  ];
  expect(edits.map(({ body }) => body.state.result ?? body.state.status)).toEqual(['MISMATCH', 'SUSPENDED']);
  expect(claim.body.event).toBeNull();
  const processed = await call('POST', `/claims/${claim.body.id}/process`, { patch: { status: 'ACCEPTED' } });
  expect(processed.body.state.status).toBe('ACCEPTED');
  expect((await call('GET', '/records/claim')).body.data.map((record) => record.id)).toContain(claim.body.id);
});

it('answers as soon as a record has reached the revision asked for, and 408 when it does not', async () => {
  const { providerId } = bed.platform;
  const { body } = await call('POST', '/records/constat', { state: bed.sample.constat() });
  const waiting = call('GET', `/records/constat/${body.id}?waitRevision=${providerId}:2&timeoutMs=20000`);
  await bed.platform.edit('constat', body.id, { providerReference: 'S-9' });

  expect((await waiting).body.state.providerReference).toBe('S-9');
  const never = await call('GET', `/records/constat/${body.id}?waitRevision=eassurance:1&timeoutMs=50`);
  expect([never.status, never.body.current.id]).toEqual([408, body.id]);
});

it('refuses other keys, unknown kinds, fields that the contract lacks, and a moved base revision with the newer state', async () => {
  const { body } = await call('POST', '/records/constat', { state: bed.sample.constat() });
  const path = `/records/constat/${body.id}`;

  expect((await call('GET', path, undefined, 'key-in-use')).status).toBe(401);
  expect((await call('GET', '/records/boat')).status).toBe(404);
  const unknown = await call('PATCH', path, { patch: { accident: { colour: 'red' } } });
  expect([unknown.status, unknown.body.detail]).toEqual([
    422,
    '/accident has fields that the contract lacks: colour.',
  ]);
  const moved = await call('PATCH', path, { patch: {}, baseRevision: { eassurance: 4 } });
  expect([moved.status, moved.body.current.revision]).toEqual([409, body.revision]);
});

it('turns the fault knobs, all others back', async () => {
  expect((await call('PUT', '/faults', { publishTwice: 2, api: 'slow', apiDelayMs: 10 })).body).toMatchObject(
    { publishTwice: 2, api: 'slow' },
  );
  expect((await call('PUT', '/faults', { forgedOrigin: true })).body).toMatchObject({
    publishTwice: 0,
    forgedOrigin: true,
    api: 'none',
  });
  expect((await call('PUT', '/faults', { burnDown: 1 })).status).toBe(400);
  await call('PUT', '/faults', {});
});
