import { Buffer } from 'node:buffer';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { avroType } from '../../../src/avro/avro-types.ts';
import type { AvroSchema } from '../../../src/avro/avro-schema.ts';
import { TransientError } from '../../../src/domain/errors.ts';
import type { EntityEvent } from '../../../src/domain/event.ts';
import type { JsonObject } from '../../../src/domain/json.ts';
import type { Decoded } from '../../../src/ports.ts';
import { CONSTAT_ID, sampleClaim, sampleConstat, sampleEvent } from './sample-events.ts';
import { changedDefinition, contracts, setupCodec, topology } from './setup-codec.ts';

const TOPIC = 'saa-constat.created';
let bench: Awaited<ReturnType<typeof setupCodec>>;
beforeEach(async () => void (bench = await setupCodec()));
afterEach(() => bench.registryServer.close());

const created = (changes: JsonObject = {}) =>
  sampleEvent('constat', 'created', sampleConstat(changes), CONSTAT_ID);
const kindOf = (name: string) => topology.kinds.get(name)!;
const readable = (decoded: Decoded | undefined): EntityEvent => {
  if (!decoded?.readable) throw new Error(`unreadable: ${decoded?.cause}`);
  return decoded.event;
};
const decodeOne = async (value: Buffer | null, topic = TOPIC) =>
  (await bench.codec.decodeBatch(topic, [value]))[0]!;

/** Bytes as a writer with its own schema would send them. */
function writeAs(schema: unknown, record: unknown): Buffer {
  const id = bench.registryServer.add(JSON.stringify(schema));
  const header = Buffer.alloc(5);
  header.writeInt32BE(id, 1);
  return Buffer.concat([header, avroType(schema as AvroSchema).toBuffer(record)]);
}
const recordOf = (event: EntityEvent, state = 'constat') => ({
  meta: event.meta,
  [state]:
    contracts.event('ConstatCreated').stateField === state
      ? bench.codec.normalise(kindOf('constat'), event.state)
      : event.state,
  changedFields: [],
  changeReason: null,
});

describe('encode and decodeBatch', () => {
  it('return the same event as plain JSON, absent fields as null or their default', async () => {
    const { bytes, schemaRef } = await bench.codec.encode(TOPIC, created());
    const [decoded] = await bench.codec.decodeBatch(TOPIC, [bytes]);
    expect(decoded).toMatchObject({ readable: true, schemaRef });
    const event = readable(decoded);
    expect(event.meta).toStrictEqual(created().meta);
    expect(event.state).toStrictEqual(bench.codec.normalise(kindOf('constat'), created().state));
    expect(event.state).toMatchObject({ channel: 'UNKNOWN', sketch: null, witnesses: [], unilateral: false });
    expect(Object.getPrototypeOf(event.state['accident'])).toBe(Object.prototype);
    expect(Object.getPrototypeOf(event.meta)).toBe(Object.prototype);
  });

  it('frame with a zero byte and the id of the registration', async () => {
    const { bytes } = await bench.codec.encode(TOPIC, created());
    expect(bytes[0]).toBe(0);
    expect(bytes.readInt32BE(1)).toBe(bench.topicSchemaIds.get(TOPIC));
  });

  it('carry states of any size, each in bytes of its own', async () => {
    const states = [10, 900, 63_000, 64_000, 70_000, 300_000, 10].map((length, i) =>
      created({ statusReason: String(i).repeat(length) }),
    );
    const encoded = await Promise.all(states.map((event) => bench.codec.encode(TOPIC, event)));
    const decoded = await bench.codec.decodeBatch(
      TOPIC,
      encoded.map(({ bytes }) => bytes),
    );
    expect(decoded.map((one) => readable(one).state['statusReason'])).toEqual(
      states.map(({ state }) => state['statusReason']),
    );
  });

  it('refuse a state that was changed after it had been conformed', async () => {
    const { state } = created();
    const changed = { ...bench.codec.normalise(kindOf('constat'), state), channel: 'CARRIER_PIGEON' };
    await expect(bench.codec.encode(TOPIC, { ...created(), state: changed })).rejects.toThrow(
      'channel must be',
    );
  });

  it('carry amounts as decimal strings with two digits, negative ones too', async () => {
    for (const [given, kept] of [
      ['1234.5', '1234.50'],
      ['-0.01', '-0.01'],
      ['0', '0.00'],
      ['-9999999999999.99', '-9999999999999.99'],
    ]) {
      const state = sampleClaim({ estimatedDamage: given! });
      const { bytes } = await bench.codec.encode(
        'saa-claim.processed',
        sampleEvent('claim', 'processed', state, state['claimId'] as string),
      );
      expect(readable(await decodeOne(bytes, 'saa-claim.processed')).state['estimatedDamage']).toBe(kept);
    }
  });

  it('carry a shared verification, which has no id and no reasons', async () => {
    const state = {
      plateNormalized: '1234511516',
      result: 'VERIFIED',
      verifiedAt: '2026-05-04T09:00:00.000Z',
    };
    const { bytes } = await bench.codec.encode(
      'shared-vehicle.verified',
      sampleEvent('vehicle', 'verified', state, CONSTAT_ID),
    );
    const event = readable(await decodeOne(bytes, 'shared-vehicle.verified'));
    expect(event.state).toStrictEqual({ ...state, validFrom: null, validTo: null, expiresAt: null });
    expect(event).toMatchObject({ changedFields: [], changeReason: null });
  });

  it('keep the order of the batch, with the unreadable in their places', async () => {
    const { bytes } = await bench.codec.encode(TOPIC, created());
    const decoded = await bench.codec.decodeBatch(TOPIC, [null, bytes, Buffer.from('no avro')]);
    expect(decoded.map(({ readable }) => readable)).toEqual([false, true, false]);
  });

  it('spell uuids in lower case, so that one identity is one text', async () => {
    const upper = sampleEvent(
      'constat',
      'created',
      sampleConstat({ constatId: CONSTAT_ID.toUpperCase() }),
      CONSTAT_ID,
    );
    const value = writeAs(contracts.event('ConstatCreated').schema, recordOf(upper));
    expect(readable(await decodeOne(value)).state['constatId']).toBe(CONSTAT_ID);
  });
});

describe('a writer on another version', () => {
  it('that lacks a field is read with the default of that field', async () => {
    const older = changedDefinition('ConstatCreated', 'Constat', (node) => {
      node['fields'] = (node['fields'] as { name: string }[]).filter(
        ({ name }) => name !== 'unilateral' && name !== 'claimId',
      );
    });
    const event = readable(await decodeOne(writeAs(older, recordOf(created()))));
    expect(event.state).toMatchObject({ unilateral: false, claimId: null, status: 'DRAFT' });
  });

  it('that has a field more is read without it', async () => {
    const newer = changedDefinition('ConstatCreated', 'Accident', (node) => {
      (node['fields'] as unknown[]).unshift({ name: 'weather', type: ['null', 'string'], default: null });
    });
    const event = created();
    const record = recordOf(event);
    const state = record['constat'] as JsonObject;
    const value = writeAs(newer, {
      ...record,
      constat: { ...state, accident: { ...(state['accident'] as JsonObject), weather: 'rain' } },
    });
    expect(readable(await decodeOne(value)).state['accident']).toStrictEqual(state['accident']);
  });

  it('that uses a symbol we do not know is read as UNKNOWN', async () => {
    const newer = changedDefinition('ConstatCreated', 'ConstatStatus', (node) => {
      node['symbols'] = ['ARCHIVED', ...(node['symbols'] as string[])];
    });
    const record = recordOf(created());
    const value = writeAs(newer, {
      ...record,
      constat: { ...(record['constat'] as JsonObject), status: 'ARCHIVED' },
    });
    expect(readable(await decodeOne(value)).state['status']).toBe('UNKNOWN');
  });

  it('that does not mark its uuids is understood, and a bad one is found', async () => {
    const plain = changedDefinition('ConstatCreated', 'constatId', (node) => void (node['type'] = 'string'));
    expect(readable(await decodeOne(writeAs(plain, recordOf(created())))).state['constatId']).toBe(
      CONSTAT_ID,
    );
    const record = recordOf(created());
    const broken = writeAs(plain, {
      ...record,
      constat: { ...(record['constat'] as JsonObject), constatId: 'constat-7' },
    });
    expect(await decodeOne(broken)).toMatchObject({
      code: 'UNDECODABLE',
      cause: "The bytes can't be read: a uuid is malformed.",
    });
  });

  it('that has another scale is refused rather than misread by a factor', async () => {
    const other = changedDefinition('ClaimProcessed', 'estimatedDamage', (node) => {
      node['type'] = ['null', { type: 'bytes', logicalType: 'decimal', precision: 15, scale: 3 }];
    });
    const state = sampleClaim({ estimatedDamage: '1.250' });
    const event = sampleEvent('claim', 'processed', state, state['claimId'] as string);
    const value = writeAs(other, { meta: event.meta, claim: { ...state, attachments: [], currency: 'DZD' } });
    expect(await decodeOne(value, 'saa-claim.processed')).toMatchObject({
      code: 'UNDECODABLE',
      cause: "The bytes can't be read: the writer's schema is not compatible with the contract.",
    });
  });
});

describe('malformed values', () => {
  const secret = 'Benali';
  const cases: readonly (readonly [string, (good: Buffer) => Buffer | null, RegExp])[] = [
    ['an empty value', () => null, /has no value\.$/],
    ['no bytes at all', () => Buffer.alloc(0), /does not begin with a zero byte/],
    ['a header cut short', (good) => good.subarray(0, 4), /does not begin with a zero byte/],
    [
      'another magic byte',
      (good) => Buffer.concat([Buffer.from([1]), good.subarray(1)]),
      /does not begin with a zero byte/,
    ],
    [
      'a negative schema id',
      (good) => Buffer.concat([Buffer.from([0, 255, 255, 255, 255]), good.subarray(5)]),
      /id of a schema/,
    ],
    ['a header and nothing else', (good) => good.subarray(0, 5), /end inside the record/],
    ['one byte missing', (good) => good.subarray(0, -1), /end inside the record/],
    ['one byte too many', (good) => Buffer.concat([good, Buffer.from([0])]), /left over/],
    [
      'a length beyond the end',
      (good) => patched(good, 5, 0xfe),
      /end inside the record|uuid is malformed|not UTF-8/,
    ],
    ['a negative length', (good) => patched(good, 5, 0x01), /end inside the record/],
  ];
  it.each(cases)('%s is UNDECODABLE, and the cause tells no value', async (_name, spoil, cause) => {
    const { bytes } = await bench.codec.encode(TOPIC, created({ statusReason: secret }));
    const decoded = await decodeOne(spoil(bytes));
    expect(decoded).toMatchObject({
      readable: false,
      code: 'UNDECODABLE',
      cause: expect.stringMatching(cause) as unknown,
    });
    expect(JSON.stringify(decoded)).not.toContain(secret);
  });

  it('a list of four billion elements costs no time', async () => {
    const { bytes } = await bench.codec.encode(TOPIC, created());
    // The record ends with changedFields (an empty list: one zero byte) and changeReason (null: another).
    const huge = Buffer.concat([bytes.subarray(0, -2), Buffer.from([0xfe, 0xff, 0xff, 0xff, 0x1f, 0, 0])]);
    const begun = performance.now();
    expect(await decodeOne(huge)).toMatchObject({
      code: 'UNDECODABLE',
      cause: "The bytes can't be read: a list is longer than the bytes.",
    });
    expect(performance.now() - begun).toBeLessThan(1000);
  });

  it('whatever byte is flipped, the answer is an event or UNDECODABLE, never an exception', async () => {
    const { bytes } = await bench.codec.encode(TOPIC, created());
    const flipped = Array.from({ length: (bytes.length - 5) * 8 }, (_, bit) =>
      patched(bytes, 5 + (bit >> 3), bytes[5 + (bit >> 3)]! ^ (1 << (bit & 7))),
    );
    const decoded = await bench.codec.decodeBatch(TOPIC, flipped);
    expect(decoded.filter((one) => !one.readable && one.code !== 'UNDECODABLE')).toEqual([]);
    expect(decoded.some(({ readable }) => !readable)).toBe(true);
  });

  it('another record than the topic carries', async () => {
    const { bytes } = await bench.codec.encode(
      'saa-constat.updated',
      sampleEvent('constat', 'updated', sampleConstat(), CONSTAT_ID),
    );
    expect(await decodeOne(bytes)).toMatchObject({
      code: 'UNDECODABLE',
      cause: expect.stringContaining('ConstatUpdated') as unknown,
    });
  });

  const NOT_FINITE = "The bytes can't be read: a number is infinite or no number.";
  it.each([NaN, Infinity, -Infinity])('a coordinate of %d', async (latitude) => {
    const record = recordOf(created());
    const state = record['constat'] as JsonObject;
    const value = writeAs(contracts.event('ConstatCreated').schema, {
      ...record,
      constat: { ...state, accident: { ...(state['accident'] as JsonObject), latitude } },
    });
    expect(await decodeOne(value)).toMatchObject({ code: 'UNDECODABLE', cause: NOT_FINITE });
  });

  it.each([
    [
      'a counter beyond 2^52',
      [0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
      'a whole number lies beyond 2^52',
    ],
    ['a counter beyond 64 bits', Array<number>(11).fill(0xff), 'a whole number is longer than 64 bits'],
  ])('%s', async (_name, counter, cause) => {
    const event = { ...created(), meta: { ...created().meta, revision: { zz: 7 } } };
    const { bytes } = await bench.codec.encode(TOPIC, event);
    const at = bytes.indexOf(Buffer.from([4, 0x7a, 0x7a, 14])) + 3;
    const value = Buffer.concat([bytes.subarray(0, at), Buffer.from(counter), bytes.subarray(at + 1)]);
    expect(await decodeOne(value)).toMatchObject({
      code: 'UNDECODABLE',
      cause: `The bytes can't be read: ${cause}.`,
    });
  });

  it.each([
    ['an entityType of another kind', { entityType: 'claim' }, 'meta.entityType is not constat'],
    [
      'an eventType of another topic',
      { eventType: 'constat.updated' },
      'meta.eventType is not constat.created',
    ],
    [
      'an entityId that is not the id of the state',
      { entityId: '0197f3a0-9999-7abc-8def-000000000009' },
      'constat.constatId is not meta.entityId',
    ],
  ])('%s', async (_name, meta, cause) => {
    const record = recordOf(created());
    const value = writeAs(contracts.event('ConstatCreated').schema, {
      ...record,
      meta: { ...record.meta, ...meta },
    });
    expect(await decodeOne(value)).toMatchObject({
      code: 'UNDECODABLE',
      cause: `The event contradicts its topic or itself: ${cause}.`,
      event: { meta },
    });
  });
});

describe('the registry', () => {
  it('is asked once for an id, however many batches and records need it', async () => {
    const { bytes } = await bench.codec.encode(TOPIC, created());
    await Promise.all([1, 2, 3].map(() => bench.codec.decodeBatch(TOPIC, [bytes, bytes])));
    await bench.codec.decodeBatch(TOPIC, [bytes]);
    expect(bench.registryServer.requests).toEqual([`GET /schemas/ids/${bytes.readInt32BE(1)}`]);
  });

  it('that does not know the id makes the event UNKNOWN_SCHEMA, until the id is there', async () => {
    const { bytes } = await bench.codec.encode(TOPIC, created());
    const next = bench.registryServer.add('"string"') + 1;
    const unknown = Buffer.from(bytes);
    unknown.writeInt32BE(next, 1);
    expect(await decodeOne(unknown)).toMatchObject({ code: 'UNKNOWN_SCHEMA', schemaId: next });
    bench.registryServer.add(JSON.stringify(contracts.event('ConstatCreated').schema, null, 1));
    expect(await decodeOne(unknown)).toMatchObject({ code: 'UNKNOWN_SCHEMA' });
    bench.time.ms += 60_000;
    expect(await decodeOne(unknown)).toMatchObject({ readable: true });
  });

  it.each([
    ['answers 500', { status: 500, body: '{"message":"out of order"}' }],
    ['is hidden behind a proxy page', { status: 200, body: '<html>maintenance</html>' }],
    ['is hidden behind a proxy that finds nothing', { status: 404, body: '<html>not found</html>' }],
    ['throttles', { status: 429, body: '{}' }],
    ['refuses the credentials', { status: 401, body: '{"message":"who are you"}' }],
  ])('that %s makes the batch wait, and is asked again', async (_name, answer) => {
    const { bytes } = await bench.codec.encode(TOPIC, created());
    bench.registryServer.answerWith(answer);
    await expect(bench.codec.decodeBatch(TOPIC, [bytes])).rejects.toBeInstanceOf(TransientError);
    bench.registryServer.answerWith(undefined);
    expect(await decodeOne(bytes)).toMatchObject({ readable: true });
  });

  it('that is gone makes the batch wait with REGISTRY_UNAVAILABLE', async () => {
    const { bytes } = await bench.codec.encode(TOPIC, created());
    await bench.registryServer.close();
    await expect(bench.codec.decodeBatch(TOPIC, [bytes])).rejects.toMatchObject({
      name: 'TransientError',
      code: 'REGISTRY_UNAVAILABLE',
    });
  });

  it('is not needed for stored bytes', async () => {
    const { bytes, schemaRef } = await bench.codec.encode(TOPIC, created());
    const codec = bench.rebuild();
    await bench.registryServer.close();
    expect(await codec.decodeStored(bytes, schemaRef)).toStrictEqual({
      ...created(),
      state: codec.normalise(kindOf('constat'), created().state),
    });
  });

  it('and the schema table hold one schema under one reference, whoever wrote with it', async () => {
    const { bytes, schemaRef } = await bench.codec.encode(TOPIC, created());
    expect(await decodeOne(bytes)).toMatchObject({ schemaRef });
    expect(bench.schemaTable.definitions).toHaveLength(1);
  });

  it('that holds no Avro under the id makes the event UNDECODABLE', async () => {
    const { bytes } = await bench.codec.encode(TOPIC, created());
    const value = Buffer.from(bytes);
    value.writeInt32BE(bench.registryServer.add('{"type":"record"}'), 1);
    expect(await decodeOne(value)).toMatchObject({
      code: 'UNDECODABLE',
      cause: expect.stringContaining('no Avro schema') as unknown,
    });
  });
});

describe('encode refuses', () => {
  it.each([
    ['an unknown field', { colour: 'red' }, 'constat.colour is not a field of the contract'],
    ['a missing field', { accident: { accidentDate: '2026-05-04' } }, 'constat.accident.place is missing'],
    ['an unknown symbol', { status: 'LOST' }, /^constat\.status must be one of DRAFT/],
    [
      'a number as text',
      { parties: [{ role: 'A', vehicle: { plateRaw: 'x' }, circumstances: ['8'] }] },
      'constat.parties[0].circumstances[0] must be a whole number of 32 bits',
    ],
    [
      'a day that is in no calendar',
      { accident: { accidentDate: '2026-02-30', place: 'x' } },
      'constat.accident.accidentDate must be a date YYYY-MM-DD',
    ],
    [
      'half a Unicode character',
      { statusReason: '\ud83d' },
      'constat.statusReason must be a string of well-formed Unicode',
    ],
    [
      'a state of another entity',
      { constatId: '0197f3a0-9999-7abc-8def-000000000009' },
      'constat.constatId is not meta.entityId',
    ],
  ])('%s and names the field', async (_name, changes, message) => {
    await expect(bench.codec.encode(TOPIC, created(changes as JsonObject))).rejects.toMatchObject({
      name: 'PermanentError',
      code: 'UNENCODABLE',
      message: typeof message === 'string' ? message : (expect.stringMatching(message) as unknown),
    });
  });
});

function patched(bytes: Buffer, at: number, byte: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[at] = byte;
  return copy;
}
