import avsc from 'avsc';

/** How values of the contract's logical types look in a record's state: uuids in lower case, instants as RFC 3339 UTC with milliseconds,
 *  dates as YYYY-MM-DD, decimals as plain strings with exactly their scale. avsc asks for subclasses; what `_toValue`
 *  returns undefined for is refused when written. */
const { LogicalType } = avsc.types;

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const INSTANT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/;
const DAY = /^\d{4}-\d{2}-\d{2}$/;
const DECIMAL = /^-?\d+(?:\.(\d+))?$/;
const DAY_MS = 86_400_000;

class Uuid extends LogicalType {
  override _fromValue(value: string): string {
    return value.toLowerCase();
  }
  override _toValue(value: unknown): string | undefined {
    return typeof value === 'string' && UUID.test(value) ? value.toLowerCase() : undefined;
  }
  override _resolve(writer: avsc.Type): ((value: never) => string) | undefined {
    return readAs(this, writer, writer instanceof Uuid);
  }
}

class Instant extends LogicalType {
  override _fromValue(value: number): string {
    return new Date(value).toISOString();
  }
  override _toValue(value: unknown): number | undefined {
    const ms = typeof value === 'string' && INSTANT.test(value) ? Date.parse(value) : NaN;
    return Number.isNaN(ms) ? undefined : ms;
  }
  override _resolve(writer: avsc.Type): ((value: never) => string) | undefined {
    return readAs(this, writer, writer instanceof Instant);
  }
}

class Day extends LogicalType {
  override _fromValue(value: number): string {
    return new Date(value * DAY_MS).toISOString().slice(0, 10);
  }
  override _toValue(value: unknown): number | undefined {
    const ms = typeof value === 'string' && DAY.test(value) ? Date.parse(`${value}T00:00:00Z`) : NaN;
    // 31 February parses to a day in March: such a text names no day.
    return Number.isNaN(ms) || new Date(ms).toISOString().slice(0, 10) !== value ? undefined : ms / DAY_MS;
  }
  override _resolve(writer: avsc.Type): ((value: never) => string) | undefined {
    return readAs(this, writer, writer instanceof Day);
  }
}

class Decimal extends LogicalType {
  readonly precision: number;
  readonly scale: number;
  constructor(schema: avsc.Schema, options?: unknown) {
    super(schema, options);
    const { precision, scale } = schema as unknown as { precision: number; scale?: number };
    this.precision = precision;
    this.scale = scale ?? 0;
  }
  override _fromValue(value: Buffer): string {
    return decimalFromBytes(value, this.scale);
  }
  override _toValue(value: unknown): Buffer | undefined {
    return typeof value === 'string' ? decimalToBytes(value, this.precision, this.scale) : undefined;
  }
  override _resolve(writer: avsc.Type): ((value: never) => string) | undefined {
    return readAs(this, writer, writer instanceof Decimal && writer.scale === this.scale);
  }
}

export const LOGICAL_TYPES = { uuid: Uuid, 'timestamp-millis': Instant, date: Day, decimal: Decimal };

/** Bytes as Avro writes a decimal: the unscaled number, big-endian two's complement. Undefined for a text that is no
 *  decimal or does not fit; trailing zeros beyond the scale are no loss and accepted. */
export function decimalToBytes(text: string, precision: number, scale: number): Buffer | undefined {
  const match = DECIMAL.exec(text);
  if (!match) return undefined;
  const fraction = match[1] ?? '';
  if (/[1-9]/.test(fraction.slice(scale))) return undefined;
  const whole = text.replace('-', '').split('.')[0]!;
  const digits = (whole + fraction.slice(0, scale).padEnd(scale, '0')).replace(/^0+(?=\d)/, '');
  if (digits.length > precision) return undefined;
  const unscaled = text.startsWith('-') ? -BigInt(digits) : BigInt(digits);
  let bits = 8;
  while (BigInt.asIntN(bits, unscaled) !== unscaled) bits += 8;
  return Buffer.from(
    BigInt.asUintN(bits, unscaled)
      .toString(16)
      .padStart(bits / 4, '0'),
    'hex',
  );
}

export function decimalFromBytes(bytes: Buffer, scale: number): string {
  const unscaled =
    bytes.length === 0 ? 0n : BigInt.asIntN(bytes.length * 8, BigInt(`0x${bytes.toString('hex')}`));
  const sign = unscaled < 0n ? '-' : '';
  const digits = (unscaled < 0n ? -unscaled : unscaled).toString().padStart(scale + 1, '0');
  return scale === 0 ? sign + digits : `${sign}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

/** A writer with the same logical type has converted already; one that wrote the bare type is converted here. */
function readAs(
  reader: avsc.types.LogicalType,
  writer: avsc.Type,
  same: boolean,
): ((value: never) => string) | undefined {
  if (same) return (value) => value;
  if (writer instanceof LogicalType) return undefined;
  return writer.typeName === reader.underlyingType.typeName
    ? (value) => (reader as unknown as { _fromValue(value: never): string })._fromValue(value)
    : undefined;
}
