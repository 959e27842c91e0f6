import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readDecimal, writeDate, writeDecimal, writeInstant } from '../../../src/avro/logical-values.ts';
import type { JsonObject } from '../../../src/domain/json.ts';
import { arbitraryDecimal, arbitraryState } from './arbitrary-state.ts';
import { sampleEvent } from './sample-events.ts';
import { contracts, setupCodec, topology } from './setup-codec.ts';

let bench: Awaited<ReturnType<typeof setupCodec>>;
beforeAll(async () => void (bench = await setupCodec()));
afterAll(() => bench.registryServer.close());

describe('any state that a contract allows', () => {
  const routes = [...topology.routes.values()].filter(({ providerId }) => providerId !== 'shared');
  it.each(routes.map((route) => [route.topic, route] as const))(
    'on %s comes back as it was sent, and normalised once and for all',
    async (topic, route) => {
      const kind = topology.kinds.get(route.kind)!;
      await fc.assert(
        fc.asyncProperty(
          arbitraryState(contracts.event(route.record).state, contracts.book),
          async (state) => {
            const event = sampleEvent(route.kind, route.action, state, state[kind.idField] as string);
            const { bytes, schemaRef } = await bench.codec.encode(topic, event);
            const [decoded] = await bench.codec.decodeBatch(topic, [bytes]);
            const normal = bench.codec.normalise(kind, state);
            if (!decoded?.readable) throw new Error(decoded?.cause);
            expect(decoded.event).toEqual({ ...event, state: normal });
            expect(await bench.codec.decodeStored(bytes, schemaRef)).toEqual(decoded.event);
            expect(bench.codec.normalise(kind, decoded.event.state)).toEqual(normal);
            for (const [field, value] of Object.entries(state))
              if (isPlain(value)) expect(normal[field]).toBe(value);
          },
        ),
        { numRuns: 60 },
      );
    },
  );

  it('has the same bytes whatever the order of its fields', async () => {
    const state = arbitraryState(contracts.event('ClaimCreated').state, contracts.book);
    await fc.assert(
      fc.asyncProperty(state, async (given) => {
        const reversed: JsonObject = Object.fromEntries(Object.entries(given).reverse());
        const encode = async (claim: JsonObject) =>
          (
            await bench.codec.encode(
              'saa-claim.created',
              sampleEvent('claim', 'created', claim, given['claimId'] as string),
            )
          ).bytes;
        expect((await encode(given)).equals(await encode(reversed))).toBe(true);
      }),
      { numRuns: 30 },
    );
  });
});

describe('decimals', () => {
  it('survive the way through bytes, in the shortest form', () => {
    fc.assert(
      fc.property(arbitraryDecimal(2), (text) => {
        const bytes = writeDecimal(text, 15, 2)!;
        expect(readDecimal(bytes, 15, 2)).toBe(text === '-0.00' ? '0.00' : text);
        // The sign bit decides whether a leading byte is needed, and none more is there.
        const shorter = bytes.subarray(1);
        if (shorter.length > 0) expect(readDecimal(shorter, 15, 2)).not.toBe(text);
      }),
    );
  });
  it('are never rounded: more digits than the contract has are refused', () => {
    expect(writeDecimal('1.005', 15, 2)).toBeUndefined();
    expect(writeDecimal('10000000000000.00', 15, 2)).toBeUndefined();
    expect(writeDecimal('1e3', 15, 2)).toBeUndefined();
    expect(writeDecimal('1.50000', 15, 2)).toEqual(writeDecimal('1.5', 15, 2));
  });
  it('of other writers are read with their padding, and an empty one is refused', () => {
    expect(readDecimal(Buffer.from('00000000000000000064', 'hex'), 15, 2)).toBe('1.00');
    expect(readDecimal(Buffer.from('ffffffffffffffffff9c', 'hex'), 15, 2)).toBe('-1.00');
    expect(() => readDecimal(Buffer.alloc(0), 15, 2)).toThrow('a decimal is malformed');
  });
});

describe('dates and instants', () => {
  it.each(['2026-02-29', '2026-13-01', '2026-1-1', '0000-01-01', '2026-05-04T00:00:00Z', ''])(
    'refuse %j as a date',
    (text) => {
      expect(writeDate(text)).toBeUndefined();
    },
  );
  it('take an instant with any offset and finer digits', () => {
    expect(writeInstant('2026-05-04T10:00:00.123456+01:00')).toBe(Date.UTC(2026, 4, 4, 9, 0, 0, 123));
  });
  it.each([
    '2026-05-04 10:00:00Z',
    '2026-05-04T10:00:00',
    '2026-02-30T10:00:00Z',
    '2026-05-04T24:00:00Z',
    '2026-05-04',
  ])('refuse %j as an instant', (text) => {
    expect(writeInstant(text)).toBeUndefined();
  });
});

/** A value that normalising has no reason to touch. */
function isPlain(value: unknown): value is string | number | boolean {
  return typeof value === 'number' || typeof value === 'boolean' || typeof value === 'string';
}
