import { Buffer } from 'node:buffer';

/** Bytes that cannot be read as the contract says. The message is a sentence without any value of the event. */
export class Unreadable extends Error {}

/** Avro doubles a number before it writes it (zig-zag), and avsc computes in floats: beyond this it would be wrong by one. */
export const MAX_LONG = 2 ** 52;

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const DATE = /^\d{4}-\d{2}-\d{2}$/;
const INSTANT =
  /^(\d{4}-\d{2}-\d{2})T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,9})?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$/i;
const DECIMAL = /^(-?)(\d+)(?:\.(\d+))?$/;

const DAY_MS = 86_400_000;
/** 0001-01-01 and 9999-12-31: the years that RFC 3339 and PostgreSQL both can write. */
const FIRST_DAY = -719_162;
const LAST_DAY = 2_932_896;

/** Events speak of the same days over and over, and writing one costs as much as reading twenty plain fields. */
const writtenDays = new Map<number, string>();
const readDays = new Map<string, number>();
const MAX_WRITTEN_DAYS = 50_000;

/** A uuid in lower case, so that one identity has one spelling (RFC 9562 reads both). */
export function readUuid(text: string): string {
  if (!UUID.test(text)) throw new Unreadable('a uuid is malformed');
  return text.toLowerCase();
}

/** Days since 1970-01-01 → `YYYY-MM-DD`. */
export function readDate(days: number): string {
  if (!(days >= FIRST_DAY && days <= LAST_DAY))
    throw new Unreadable('a date lies outside the years 1 to 9999');
  let text = writtenDays.get(days);
  if (text === undefined) {
    text = new Date(days * DAY_MS).toISOString().slice(0, 10);
    if (writtenDays.size === MAX_WRITTEN_DAYS) writtenDays.clear();
    writtenDays.set(days, text);
  }
  return text;
}

/** `YYYY-MM-DD` → days; undefined for what is no day of the calendar. */
export function writeDate(text: unknown): number | undefined {
  if (typeof text !== 'string') return undefined;
  const known = readDays.get(text);
  if (known !== undefined) return known;
  if (!DATE.test(text)) return undefined;
  const days = Date.parse(`${text}T00:00:00.000Z`) / DAY_MS;
  // V8 may roll an impossible day over into the next month.
  if (!(days >= FIRST_DAY && days <= LAST_DAY) || readDate(days) !== text) return undefined;
  if (readDays.size === MAX_WRITTEN_DAYS) readDays.clear();
  readDays.set(text, days);
  return days;
}

/** Milliseconds since 1970 → RFC 3339 in UTC with milliseconds. */
export function readInstant(ms: number): string {
  if (!(ms >= FIRST_DAY * DAY_MS && ms < (LAST_DAY + 1) * DAY_MS))
    throw new Unreadable('an instant lies outside the years 1 to 9999');
  const days = Math.floor(ms / DAY_MS);
  const ofDay = ms - days * DAY_MS;
  const seconds = Math.floor(ofDay / 1_000);
  const [hour, minute] = [Math.floor(seconds / 3_600), Math.floor(seconds / 60) % 60];
  return `${readDate(days)}T${TWO_DIGITS[hour]}:${TWO_DIGITS[minute]}:${TWO_DIGITS[seconds % 60]}.${THREE_DIGITS[ofDay - seconds * 1_000]}Z`;
}

const TWO_DIGITS = Array.from({ length: 60 }, (_, number) => String(number).padStart(2, '0'));
const THREE_DIGITS = Array.from({ length: 1_000 }, (_, number) => String(number).padStart(3, '0'));

/** RFC 3339 with any offset → milliseconds, finer digits cut off; undefined for what is none. */
export function writeInstant(text: unknown): number | undefined {
  const match = typeof text === 'string' ? INSTANT.exec(text) : null;
  if (match === null || writeDate(match[1]) === undefined) return undefined;
  const ms = Date.parse(match[0].toUpperCase());
  return ms >= FIRST_DAY * DAY_MS && ms < (LAST_DAY + 1) * DAY_MS ? ms : undefined;
}

/** Big-endian two's complement → a plain string with exactly `scale` digits after the point. */
export function readDecimal(bytes: Buffer, precision: number, scale: number): string {
  if (bytes.length === 0 || bytes.length > 16) throw new Unreadable('a decimal is malformed');
  const unscaled = BigInt.asIntN(bytes.length * 8, BigInt(`0x${bytes.toString('hex')}`));
  const digits = (unscaled < 0n ? -unscaled : unscaled).toString();
  if (digits.length > precision) throw new Unreadable(`a decimal has more than ${precision} digits`);
  const padded = digits.padStart(scale + 1, '0');
  const sign = unscaled < 0n ? '-' : '';
  return scale === 0 ? `${sign}${padded}` : `${sign}${padded.slice(0, -scale)}.${padded.slice(-scale)}`;
}

/** A plain decimal string → the shortest two's complement; undefined for what is none, has too many digits, or would
 *  have to be rounded. */
export function writeDecimal(text: unknown, precision: number, scale: number): Buffer | undefined {
  const match = typeof text === 'string' ? DECIMAL.exec(text) : null;
  if (match === null) return undefined;
  const fraction = (match[3] ?? '').replace(/0+$/, '');
  if (fraction.length > scale) return undefined;
  const digits = `${match[2]}${fraction.padEnd(scale, '0')}`.replace(/^0+(?=.)/, '');
  if (digits.length > precision) return undefined;
  const unscaled = BigInt(`${match[1]}${digits}`);
  const bits = (unscaled < 0n ? ~unscaled : unscaled).toString(2).length + 1;
  const length = Math.ceil(bits / 8);
  return Buffer.from(
    BigInt.asUintN(length * 8, unscaled)
      .toString(16)
      .padStart(length * 2, '0'),
    'hex',
  );
}
