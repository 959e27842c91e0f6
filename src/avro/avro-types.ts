import type { Buffer } from 'node:buffer';
import avsc from 'avsc';
import type { AvroSchema } from './avro-schema.ts';
import {
  readDate,
  readDecimal,
  readInstant,
  readUuid,
  writeDate,
  writeDecimal,
  writeInstant,
} from './logical-values.ts';

/* How avsc turns logical types into the plain JSON of `EntityEvent`. Classes, because that is how avsc is extended.
 * `_resolve` gets the writer's type, whose own conversion has already happened when it is the same logical type. */

const { LogicalType } = avsc.types;
const same = (value: unknown) => value;

class UuidType extends LogicalType {
  override _fromValue(text: string) {
    return readUuid(text);
  }
  override _toValue(value: unknown) {
    return typeof value === 'string' ? readUuid(value) : undefined;
  }
  /** A writer that has not marked its string as a uuid is understood all the same. */
  override _resolve(writer: avsc.Type) {
    if (avsc.Type.isType(writer, 'logical:uuid')) return same;
    return writer.typeName === 'string' ? readUuid : undefined;
  }
}

class DateType extends LogicalType {
  override _fromValue(days: number) {
    return readDate(days);
  }
  override _toValue(value: unknown) {
    return writeDate(value);
  }
  override _resolve(writer: avsc.Type) {
    return avsc.Type.isType(writer, 'logical:date') ? same : undefined;
  }
}

class InstantType extends LogicalType {
  override _fromValue(ms: number) {
    return readInstant(ms);
  }
  override _toValue(value: unknown) {
    return writeInstant(value);
  }
  override _resolve(writer: avsc.Type) {
    return avsc.Type.isType(writer, 'logical:timestamp-millis') ? same : undefined;
  }
}

export class DecimalType extends LogicalType {
  readonly precision: number;
  readonly scale: number;
  constructor(schema: avsc.Schema, options?: unknown) {
    super(schema, options);
    const { precision, scale } = schema as { precision?: unknown; scale?: unknown };
    if (!Number.isInteger(precision)) throw new Error('a decimal without precision');
    this.precision = precision as number;
    this.scale = (scale as number | undefined) ?? 0;
  }
  override _fromValue(bytes: Buffer) {
    return readDecimal(bytes, this.precision, this.scale);
  }
  override _toValue(value: unknown) {
    return writeDecimal(value, this.precision, this.scale);
  }
  /** Another scale would change the amount, so only the very same decimal is read. */
  override _resolve(writer: avsc.Type) {
    const equal =
      writer instanceof DecimalType && writer.precision === this.precision && writer.scale === this.scale;
    return equal ? same : undefined;
  }
  override _export(schema: avsc.Schema) {
    Object.assign(schema, { precision: this.precision, scale: this.scale });
  }
}

/** For every avsc type of this project, the registry client's too: else exported definitions lose their logical types. */
export const AVSC_OPTIONS = {
  logicalTypes: { uuid: UuidType, date: DateType, 'timestamp-millis': InstantType, decimal: DecimalType },
  wrapUnions: 'never',
  omitRecordMethods: true,
} as const;

/** The avsc type of a self-contained schema. Values that it reads are plain JSON. Throws when avsc finds no type in it. */
export function avroType(schema: AvroSchema): avsc.Type {
  const type = avsc.Type.forSchema(structuredClone(schema) as avsc.Schema, { ...AVSC_OPTIONS });
  makeRecordsPlain(type, new Set());
  return type;
}

/** The schema in one spelling, whatever its source: equal texts read equal bytes equally. */
export function definitionOf(type: avsc.Type): string {
  return JSON.stringify(type.schema({ exportAttrs: true }));
}

/** avsc builds records with constructors of its own; sharing Object's prototype makes them plain objects. */
function makeRecordsPlain(type: avsc.Type, seen: Set<avsc.Type>): void {
  if (seen.has(type)) return;
  seen.add(type);
  if (avsc.Type.isType(type, 'record')) {
    const record = type as avsc.types.RecordType;
    (record.recordConstructor as unknown as { prototype: object }).prototype = Object.prototype;
    for (const field of record.fields) makeRecordsPlain(field.type, seen);
  } else if (avsc.Type.isType(type, 'union')) {
    for (const branch of (type as avsc.types.UnwrappedUnionType).types as readonly avsc.Type[])
      makeRecordsPlain(branch, seen);
  } else if (avsc.Type.isType(type, 'array'))
    makeRecordsPlain((type as avsc.types.ArrayType).itemsType, seen);
  else if (avsc.Type.isType(type, 'map'))
    makeRecordsPlain((type as avsc.types.MapType).valuesType as avsc.Type, seen);
}
