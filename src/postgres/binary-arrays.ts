import { Buffer } from 'node:buffer';

/** Arrays in PostgreSQL's binary format, as parameters for `unnest`: bytes travel as they are instead of as escaped
 *  hex text, which both sides would otherwise spend a good part of a batch on. Each function returns one parameter. */

type Write<T> = (value: T, to: Buffer, at: number) => number;

const OIDS = {
  bytea: 17,
  int8: 20,
  int2: 21,
  int4: 23,
  text: 25,
  timestamptz: 1184,
  uuid: 2950,
  jsonb: 3802,
};
/** Microseconds from 1970 to 2000, where PostgreSQL counts from. */
const EPOCH_2000 = 946_684_800_000_000n;
const JSONB_VERSION = 1;

export const uuidArray = (values: readonly (string | null)[]): Buffer =>
  encode(OIDS.uuid, values, () => 16, writeUuid);

export const textArray = (values: readonly (string | null)[]): Buffer =>
  encode(
    OIDS.text,
    values,
    (value) => Buffer.byteLength(value),
    (value, to, at) => to.write(value, at),
  );

export const byteaArray = (values: readonly (Buffer | null)[]): Buffer =>
  encode(
    OIDS.bytea,
    values,
    (value) => value.length,
    (value, to, at) => value.copy(to, at),
  );

/** Of digests in hex. */
export const digestArray = (values: readonly (string | null)[]): Buffer =>
  encode(
    OIDS.bytea,
    values,
    (value) => value.length / 2,
    (value, to, at) => to.write(value, at, 'hex'),
  );

export const smallintArray = (values: readonly number[]): Buffer =>
  encode(
    OIDS.int2,
    values,
    () => 2,
    (value, to, at) => to.writeInt16BE(value, at) - at,
  );

export const integerArray = (values: readonly (number | null)[]): Buffer =>
  encode(
    OIDS.int4,
    values,
    () => 4,
    (value, to, at) => to.writeInt32BE(value, at) - at,
  );

export const bigintArray = (values: readonly (bigint | null)[]): Buffer =>
  encode(
    OIDS.int8,
    values,
    () => 8,
    (value, to, at) => to.writeBigInt64BE(value, at) - at,
  );

/** Of milliseconds since 1970. */
export const instantArray = (values: readonly (number | null)[]): Buffer =>
  encode(
    OIDS.timestamptz,
    values,
    () => 8,
    (value, to, at) => to.writeBigInt64BE(BigInt(Math.trunc(value)) * 1000n - EPOCH_2000, at) - at,
  );

/** Of JSON texts. */
export const jsonbArray = (values: readonly (string | null)[]): Buffer =>
  encode(
    OIDS.jsonb,
    values,
    (value) => Buffer.byteLength(value) + 1,
    (value, to, at) => {
      to[at] = JSONB_VERSION;
      return to.write(value, at + 1) + 1;
    },
  );

/** Header (dimensions, has-nulls, element type, length, lower bound), then each element as its length and bytes. */
function encode<T>(
  oid: number,
  values: readonly (T | null)[],
  sizeOf: (value: T) => number,
  write: Write<T>,
): Buffer {
  let size = 20;
  let hasNulls = 0;
  // By index, since this runs for every value of every column of a batch: an iterator makes an object for each.
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (value === null) hasNulls = 1;
    size += 4 + (value === null ? 0 : sizeOf(value));
  }
  const array = Buffer.allocUnsafe(size);
  array.writeInt32BE(1, 0);
  array.writeInt32BE(hasNulls, 4);
  array.writeInt32BE(oid, 8);
  array.writeInt32BE(values.length, 12);
  array.writeInt32BE(1, 16);
  let at = 20;
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    const length = value === null ? -1 : write(value, array, at + 4);
    array.writeInt32BE(length, at);
    at += 4 + Math.max(length, 0);
  }
  return array.subarray(0, at);
}

/** Hexadecimal digits of either case; dashes count for nothing, as PostgreSQL reads them. */
function writeUuid(value: string, to: Buffer, at: number): number {
  let digits = 0;
  let byte = 0;
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i);
    if (code === DASH) continue;
    const digit = HEX[code] ?? NO_DIGIT;
    if (digit === NO_DIGIT || digits === 32) throw new TypeError(`not a UUID: ${value}`);
    byte = (byte << 4) | digit;
    if (++digits % 2 === 0) to[at + digits / 2 - 1] = byte;
  }
  if (digits !== 32) throw new TypeError(`not a UUID: ${value}`);
  return 16;
}

const DASH = 0x2d;
const NO_DIGIT = 16;
/** Character code → the digit it stands for. */
const HEX = Uint8Array.from({ length: 128 }, (_, code) => {
  const digit = parseInt(String.fromCharCode(code), 16);
  return Number.isNaN(digit) ? NO_DIGIT : digit;
});
