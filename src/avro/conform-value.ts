import { PermanentError } from '../domain/errors.ts';
import type { Json, JsonObject } from '../domain/json.ts';
import { describeType, isUnion, resolveNode } from './avro-schema.ts';
import type { AvroNode, AvroRecord, AvroScalar, AvroSchema, SchemaBook } from './avro-schema.ts';
import { readDefault } from './read-default.ts';
import {
  readDate,
  readDecimal,
  readInstant,
  writeDate,
  writeDecimal,
  writeInstant,
  readUuid,
  MAX_LONG,
  Unreadable,
} from './logical-values.ts';

/** The value as Avro would return it: absent fields and nulls, which the canonical form cannot tell apart, become null
 *  where that is allowed and else the default, uuids lower case, instants UTC with milliseconds, decimals get their scale. Nothing is dropped, rounded or guessed: an unknown
 *  field, a missing one or a wrong type throws PermanentError `UNENCODABLE` that names the field and never its value. */
export function conformRecord(record: AvroRecord, value: Json | undefined, book: SchemaBook): JsonObject {
  const conformed = conformFields(record, value, book, '');
  known.set(conformed, record);
  return conformed;
}

/** What was returned, and as which record: an edit's state is conformed to be judged, and again, unchanged, to be sent. */
const known = new WeakMap<object, AvroRecord>();

function conformFields(
  record: AvroRecord,
  value: Json | undefined,
  book: SchemaBook,
  path: string,
): JsonObject {
  if (value === null || typeof value !== 'object' || Array.isArray(value))
    refuse(path || record.name, 'must be an object');
  const given = value as JsonObject;
  if (known.get(given) === record) return given;
  const conformed: Record<string, Json> = {};
  for (const field of record.fields) {
    const at = path === '' ? field.name : `${path}.${field.name}`;
    const own = (Object.hasOwn(given, field.name) ? given[field.name] : null) ?? null;
    if (own !== null) conformed[field.name] = conformValue(field.type, own, book, at);
    else if (isNullable(field.type)) conformed[field.name] = null;
    else if (field.default !== undefined)
      conformed[field.name] = readDefault(field.type, field.default, book);
    else refuse(at, 'is missing');
  }
  for (const name of Object.keys(given)) {
    if (given[name] !== undefined && !Object.hasOwn(conformed, name))
      refuse(path === '' ? name : `${path}.${name}`, 'is not a field of the contract');
  }
  return conformed;
}

function conformValue(schema: AvroSchema, value: Json, book: SchemaBook, at: string): Json {
  if (isUnion(schema)) {
    if (value === null && schema.includes('null')) return null;
    return conformValue(
      schema.find((branch) => branch !== 'null')!,
      value,
      book,
      at,
    );
  }
  const node = resolveNode(schema, book);
  if ('fields' in node) return conformFields(node, value, book, at);
  if ('items' in node) {
    if (!Array.isArray(value)) refuse(at, 'must be a list');
    return (value as readonly Json[]).map((item, index) =>
      conformValue(node.items, item, book, `${at}[${index}]`),
    );
  }
  if ('values' in node) {
    if (value === null || typeof value !== 'object' || Array.isArray(value)) refuse(at, 'must be an object');
    return Object.fromEntries(
      Object.entries(value as JsonObject).map(([key, item]) => [
        key,
        conformValue(node.values, item!, book, at),
      ]),
    );
  }
  return conformScalar(node, value, at);
}

function conformScalar(node: Exclude<AvroNode, AvroRecord>, value: Json, at: string): Json {
  if ('symbols' in node) {
    if (!node.symbols.includes(value as string)) refuse(at, `must be one of ${node.symbols.join(', ')}`);
    return value;
  }
  const scalar = node as AvroScalar;
  if (scalar.logicalType !== undefined) return conformLogical(scalar, value, at);
  if (!fits(scalar.type, value)) refuse(at, `must be ${ARTICLES[scalar.type] ?? describeType(scalar)}`);
  return value;
}

const ARTICLES: Readonly<Record<string, string>> = {
  boolean: 'true or false',
  int: 'a whole number of 32 bits',
  long: 'a whole number up to 2^52',
  float: 'a finite number',
  double: 'a finite number',
  string: 'a string of well-formed Unicode',
};

function fits(type: string, value: Json): boolean {
  switch (type) {
    case 'boolean':
      return typeof value === 'boolean';
    case 'int':
      return Number.isInteger(value) && (value as number) === ((value as number) | 0);
    case 'long':
      return Number.isInteger(value) && Math.abs(value as number) <= MAX_LONG;
    case 'float':
    case 'double':
      return Number.isFinite(value);
    case 'string':
      return typeof value === 'string' && value.isWellFormed();
    default:
      return type === 'null' && value === null;
  }
}

function conformLogical(node: AvroScalar, value: Json, at: string): Json {
  switch (node.logicalType) {
    case 'uuid':
      try {
        return readUuid(value as string);
      } catch (error) {
        if (error instanceof Unreadable) refuse(at, 'must be a uuid');
        throw error;
      }
    case 'date': {
      const days = writeDate(value);
      return days === undefined ? refuse(at, 'must be a date YYYY-MM-DD') : readDate(days);
    }
    case 'timestamp-millis': {
      const ms = writeInstant(value);
      return ms === undefined ? refuse(at, 'must be an instant by RFC 3339') : readInstant(ms);
    }
    case 'decimal': {
      const precision = node.precision!;
      const scale = node.scale ?? 0;
      const bytes = writeDecimal(value, precision, scale);
      return bytes === undefined
        ? refuse(at, `must be a decimal string of at most ${precision} digits, ${scale} after the point`)
        : readDecimal(bytes, precision, scale);
    }
    default:
      return refuse(at, `has the logical type ${node.logicalType}, which is not supported`);
  }
}

function isNullable(schema: AvroSchema): boolean {
  return isUnion(schema) && schema.includes('null');
}

function refuse(at: string, wrong: string): never {
  throw new PermanentError('UNENCODABLE', `${at} ${wrong}`);
}
