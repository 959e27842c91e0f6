import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AvroSchema } from '../../../src/avro/avro-schema.ts';
import { avroType } from '../../../src/avro/avro-types.ts';
import { compileReader } from '../../../src/avro/compile-reader.ts';
import { Unreadable } from '../../../src/avro/logical-values.ts';

const typeOf = (schema: unknown) => avroType(schema as AvroSchema);
const recordOf = (fields: readonly unknown[]) => typeOf({ type: 'record', name: 'Tested', fields });

/** Each type of Avro, also those that no contract uses. */
const EVERY_TYPE = recordOf([
  { name: 'choice', type: ['null', 'string', 'long', { type: 'map', values: 'double' }] },
  { name: 'boolean', type: 'boolean' },
  { name: 'int', type: 'int' },
  { name: 'long', type: 'long' },
  { name: 'float', type: 'float' },
  { name: 'fixed', type: { type: 'fixed', name: 'Four', size: 4 } },
  { name: 'bytes', type: 'bytes' },
  { name: 'symbol', type: { type: 'enum', name: 'Letter', symbols: ['A', 'B', 'C'] } },
  { name: 'lists', type: { type: 'array', items: { type: 'array', items: 'string' } } },
  { name: 'inner', type: { type: 'record', name: 'Inner', fields: [{ name: 'text', type: 'string' }] } },
  { name: 'again', type: ['null', 'Inner'] },
  { name: 'uuid', type: { type: 'string', logicalType: 'uuid' } },
  { name: 'day', type: { type: 'int', logicalType: 'date' } },
  { name: 'instant', type: { type: 'long', logicalType: 'timestamp-millis' } },
  { name: 'amount', type: { type: 'bytes', logicalType: 'decimal', precision: 15, scale: 2 } },
  { name: 'micros', type: { type: 'long', logicalType: 'time-micros' } },
]);

const text = fc.string({ unit: 'binary', maxLength: 40 });
const inner = fc.record({ text });
const bytesOf = (constraints: fc.IntArrayConstraints) =>
  fc.uint8Array(constraints).map((bytes) => Buffer.from(bytes));
const instant = fc
  .date({ min: new Date('0001-01-01'), max: new Date('9999-12-31'), noInvalidDate: true })
  .map((date) => date.toISOString());
const double = fc.double({ noNaN: true, noDefaultInfinity: true });
const every = fc.record({
  choice: fc.oneof(fc.constant(null), text, fc.integer(), fc.dictionary(text, double)),
  boolean: fc.boolean(),
  int: fc.integer(),
  long: fc.integer({ min: -(2 ** 52), max: 2 ** 52 }),
  float: fc.float({ noNaN: true, noDefaultInfinity: true }),
  fixed: bytesOf({ minLength: 4, maxLength: 4 }),
  bytes: bytesOf({ maxLength: 300 }),
  symbol: fc.constantFrom('A', 'B', 'C'),
  lists: fc.array(fc.array(text, { maxLength: 3 }), { maxLength: 3 }),
  inner,
  again: fc.option(inner),
  uuid: fc.uuid().map((uuid) => uuid.toUpperCase()),
  day: instant.map((at) => at.slice(0, 10)),
  instant,
  amount: fc.integer({ min: -99_999, max: 99_999 }).map((cents) => (cents / 100).toFixed(2)),
  micros: fc.integer(),
});

describe('the compiled reader', () => {
  it('reads every type of Avro as avsc does', () => {
    const read = compileReader(EVERY_TYPE);
    fc.assert(
      fc.property(every, (given) => {
        const bytes = EVERY_TYPE.toBuffer(given);
        expect(read(bytes)).toEqual(EVERY_TYPE.fromBuffer(bytes));
      }),
      { numRuns: 500 },
    );
  });

  it('finds fault with changed bytes, or reads what avsc reads, and never more than the bytes', () => {
    const read = compileReader(EVERY_TYPE);
    let faults = 0;
    fc.assert(
      fc.property(every, fc.nat(), fc.nat({ max: 255 }), (given, at, byte) => {
        const bytes = EVERY_TYPE.toBuffer(given);
        bytes[at % bytes.length] = byte;
        let value: unknown;
        try {
          value = read(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(Unreadable);
          faults += 1;
          return;
        }
        expect(value).toEqual(EVERY_TYPE.fromBuffer(bytes));
      }),
      { numRuns: 2_000 },
    );
    expect(faults).toBeGreaterThan(0);
  });

  it('reads a list whose blocks tell their size, and refuses one whose size is another', () => {
    const read = compileReader(typeOf({ type: 'array', items: 'string' }));
    // Two blocks: one element with its size (-1, 2 bytes), one without (1), and the end.
    expect(read(Buffer.from([1, 4, 2, 0x61, 2, 2, 0x62, 0]))).toEqual(['a', 'b']);
    expect(() => read(Buffer.from([1, 6, 2, 0x61, 2, 2, 0x62, 0]))).toThrow(/another size than it says/);
  });

  it.each([
    ['is too long', [0xc0, 0x80]],
    ['stops inside a character', [0x61, 0xc3]],
    ['holds half a pair', [0xed, 0xa0, 0x80]],
  ])('refuses a string that %s, and reads the sign for what can not be read', (_name, spoilt) => {
    const read = compileReader(typeOf('string'));
    expect(() => read(Buffer.from([2 * spoilt.length, ...spoilt]))).toThrow('a string is not UTF-8');
    expect(read(Buffer.from([6, 0xef, 0xbf, 0xbd]))).toBe('\u{fffd}');
  });

  it('gives a field the name that it has, whatever JavaScript means by it', () => {
    const read = compileReader(recordOf([{ name: '__proto__', type: 'int' }]));
    expect(Object.entries(read(Buffer.from([14])) as object)).toEqual([['__proto__', 7]]);
  });

  it('refuses a type that contains itself', () => {
    const list = recordOf([{ name: 'next', type: ['null', 'Tested'] }]);
    expect(() => compileReader(list)).toThrow('contains itself');
  });
});
