import { isUtf8 } from 'node:buffer';
import type { Buffer } from 'node:buffer';
import avsc from 'avsc';
import { MAX_LONG, Unreadable } from './logical-values.ts';

/** Walks Avro bytes by their writer's type without building a value; throws Unreadable at the first fault. */
export type BytesCheck = (bytes: Buffer) => void;

/** Where the walk stands. */
interface Cursor {
  readonly bytes: Buffer;
  at: number;
}
type Step = (cursor: Cursor) => void;

/** avsc trusts lengths and counts: a few corrupt bytes that say "four billion elements" would keep it busy for minutes
 *  and with it every other partition. After this check they are known to lie inside the bytes, the bytes to end where
 *  the value ends, every number to be one that JSON can hold and every string to be UTF-8. */
export function compileBytesCheck(type: avsc.Type): BytesCheck {
  const step = compileStep(type, []);
  return (bytes) => {
    const cursor = { bytes, at: 0 };
    step(cursor);
    if (cursor.at !== bytes.length) throw new Unreadable('bytes are left over after the end of the record');
  };
}

function compileStep(type: avsc.Type, trail: readonly avsc.Type[]): Step {
  if (trail.includes(type)) throw new Unreadable("the writer's schema contains itself");
  const inner = [...trail, type];
  if (avsc.Type.isType(type, 'logical'))
    return compileStep((type as avsc.types.LogicalType).underlyingType, inner);
  if (avsc.Type.isType(type, 'union')) {
    const branches = [...(type as avsc.types.UnwrappedUnionType).types].map((branch: avsc.Type) =>
      compileStep(branch, inner),
    );
    return (cursor) => pick(branches, readLong(cursor), 'a union')(cursor);
  }
  switch (type.typeName) {
    case 'record': {
      const steps = (type as avsc.types.RecordType).fields.map((field) => compileStep(field.type, inner));
      return (cursor) => {
        for (const step of steps) step(cursor);
      };
    }
    case 'array':
      return blocks(compileStep((type as avsc.types.ArrayType).itemsType, inner));
    case 'map': {
      const step = compileStep((type as avsc.types.MapType).valuesType as avsc.Type, inner);
      return blocks((cursor) => {
        skipString(cursor);
        step(cursor);
      });
    }
    case 'enum': {
      const { symbols } = type as avsc.types.EnumType;
      return (cursor) => void pick(symbols, readLong(cursor), 'an enum');
    }
    case 'fixed': {
      const { size } = type as avsc.types.FixedType;
      return (cursor) => skip(cursor, size);
    }
    case 'string':
      return skipString;
    case 'bytes':
      return (cursor) => skip(cursor, readLong(cursor));
    case 'long':
      return (cursor) => void readLong(cursor);
    case 'int':
      return skipInt;
    case 'float':
      return (cursor) => finite(cursor.bytes.readFloatLE(skip(cursor, 4)));
    case 'double':
      return (cursor) => finite(cursor.bytes.readDoubleLE(skip(cursor, 8)));
    case 'boolean':
      return (cursor) => void pick(BOOLEANS, cursor.bytes[skip(cursor, 1)]!, 'a boolean');
    case 'null':
      return () => {};
    default:
      throw new Unreadable(`the writer's schema has the unknown type ${type.typeName}`);
  }
}

const BOOLEANS = [false, true];

/** An array or a map: blocks of elements, each with its count and, when that is negative, its size in bytes. */
function blocks(step: Step): Step {
  return (cursor) => {
    for (;;) {
      const count = readLong(cursor);
      if (count === 0) return;
      const end = count < 0 ? cursor.at + sizeOf(cursor) : undefined;
      const elements = Math.abs(count);
      // No element of any contract takes less than a byte.
      if (elements > cursor.bytes.length - cursor.at) throw new Unreadable('a list is longer than the bytes');
      for (let index = 0; index < elements; index++) step(cursor);
      if (end !== undefined && cursor.at !== end)
        throw new Unreadable('a block of a list has another size than it says');
    }
  };
}

/** The size of a block, counted from the position after it. */
function sizeOf(cursor: Cursor): number {
  const before = cursor.at;
  return readLong(cursor) + (cursor.at - before);
}

function skip(cursor: Cursor, length: number): number {
  const start = cursor.at;
  if (length < 0 || length > cursor.bytes.length - start)
    throw new Unreadable('the bytes end inside the record');
  cursor.at = start + length;
  return start;
}

function skipString(cursor: Cursor): void {
  const start = skip(cursor, readLong(cursor));
  const { bytes, at } = cursor;
  for (let index = start; index < at; index++) {
    if (bytes[index]! < 0x80) continue;
    if (!isUtf8(bytes.subarray(index, at))) throw new Unreadable('a string is not UTF-8');
    return;
  }
}

function skipInt(cursor: Cursor): void {
  const value = readLong(cursor);
  if (value !== (value | 0)) throw new Unreadable('an int has more than 32 bits');
}

function finite(value: number): void {
  if (!Number.isFinite(value)) throw new Unreadable('a number is infinite or no number');
}

function pick<T>(choices: readonly T[], index: number, what: string): T {
  if (index < 0 || index >= choices.length)
    throw new Unreadable(`${what} has a value that the writer's schema does not have`);
  return choices[index]!;
}

/** A zig-zag varint. In float arithmetic, which is exact up to twice MAX_LONG; what is greater is refused. */
function readLong(cursor: Cursor): number {
  const { bytes } = cursor;
  const first = bytes[cursor.at];
  // Most lengths, branches and symbols take one byte.
  if (first !== undefined && first < 0x80) {
    cursor.at++;
    return first % 2 === 0 ? first / 2 : -(first + 1) / 2;
  }
  let value = 0;
  let factor = 1;
  for (let length = 0; length < 10; length++) {
    const byte = bytes[cursor.at];
    if (byte === undefined) throw new Unreadable('the bytes end inside the record');
    cursor.at++;
    value += (byte & 0x7f) * factor;
    if (byte < 0x80) {
      const long = value % 2 === 0 ? value / 2 : -(value + 1) / 2;
      if (long > MAX_LONG || long < -MAX_LONG) throw new Unreadable('a whole number lies beyond 2^52');
      return long;
    }
    factor *= 128;
  }
  throw new Unreadable('a whole number is longer than 64 bits');
}
