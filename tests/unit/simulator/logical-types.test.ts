import avsc from 'avsc';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decimalFromBytes, decimalToBytes, LOGICAL_TYPES } from '../../../src/simulator/logical-types.ts';

describe('decimals', () => {
  it.each([
    ['0', '00', '0.00'],
    ['1.10', '6e', '1.10'],
    ['1.27', '7f', '1.27'],
    ['1.28', '0080', '1.28'],
    ['-1.28', '80', '-1.28'],
    ['-0.01', 'ff', '-0.01'],
    ['12.5', '04e2', '12.50'],
    ['7.1000', '02c6', '7.10'],
  ])('%s is written as 0x%s and read as %s', (text, bytes, read) => {
    expect(decimalToBytes(text, 15, 2)?.toString('hex')).toBe(bytes);
    expect(decimalFromBytes(Buffer.from(bytes, 'hex'), 2)).toBe(read);
  });

  it.each(['0.001', '10000000000000.00', '1e3', '', '1,5', 'NaN'])('%s is refused', (text) => {
    expect(decimalToBytes(text, 15, 2)).toBeUndefined();
  });

  it('come back as they were, whatever the amount', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(10n ** 15n) + 1n, max: 10n ** 15n - 1n }), (cents) => {
        const text = decimalFromBytes(decimalToBytes(decimalText(cents), 15, 2)!, 2);
        expect(text).toBe(decimalText(cents));
      }),
    );
  });
});

describe('instants and days', () => {
  const type = avsc.Type.forSchema(
    {
      type: 'record',
      name: 'Times',
      fields: [
        { name: 'at', type: ['null', { type: 'long', logicalType: 'timestamp-millis' }], default: null },
        { name: 'on', type: ['null', { type: 'int', logicalType: 'date' }], default: null },
      ],
    },
    { logicalTypes: LOGICAL_TYPES },
  );
  const through = (value: object) => ({ ...(type.fromBuffer(type.toBuffer(value)) as object) });

  it('are read in UTC with milliseconds, whatever zone they were written in', () => {
    expect(through({ at: '2026-01-31T23:30:00+01:00', on: '2026-01-31' })).toEqual({
      at: '2026-01-31T22:30:00.000Z',
      on: '2026-01-31',
    });
  });

  it.each([{ at: 'yesterday' }, { at: '2026-01-31' }, { on: '2026-02-30' }, { on: '31/01/2026' }])(
    '%o is refused',
    (value) => {
      expect(type.isValid(value)).toBe(false);
    },
  );

  it('are read from a writer that knows no logical types', () => {
    const bare = avsc.Type.forSchema(JSON.parse(JSON.stringify(type.schema())) as avsc.Schema);
    const bytes = bare.toBuffer({ at: 0, on: 1 });
    expect({ ...(type.fromBuffer(bytes, type.createResolver(bare)) as object) }).toEqual({
      at: '1970-01-01T00:00:00.000Z',
      on: '1970-01-02',
    });
  });
});

function decimalText(cents: bigint): string {
  const digits = (cents < 0n ? -cents : cents).toString().padStart(3, '0');
  return `${cents < 0n ? '-' : ''}${digits.slice(0, -2)}.${digits.slice(-2)}`;
}
