import { Buffer } from 'node:buffer';
import type { Json, JsonObject } from '../domain/json.ts';
import { isUnion, resolveNode } from './avro-schema.ts';
import type { AvroScalar, AvroSchema, SchemaBook } from './avro-schema.ts';
import { readDate, readDecimal, readInstant, readUuid } from './logical-values.ts';

/** A field's default as decoded events show it: Avro writes a default in the encoding of its (first) type, so a date
 *  is a number there and a decimal a string of bytes. */
export function readDefault(schema: AvroSchema, value: Json, book: SchemaBook): Json {
  if (isUnion(schema)) return readDefault(schema[0]!, value, book);
  const node = resolveNode(schema, book);
  if ('fields' in node) {
    const given = value as JsonObject;
    return Object.fromEntries(
      node.fields.map((field) => [
        field.name,
        readDefault(field.type, given[field.name] ?? field.default ?? null, book),
      ]),
    );
  }
  if ('items' in node) return (value as readonly Json[]).map((item) => readDefault(node.items, item, book));
  if ('values' in node)
    return Object.fromEntries(
      Object.entries(value as JsonObject).map(([key, item]) => [key, readDefault(node.values, item!, book)]),
    );
  return 'logicalType' in node ? readLogical(node, value) : value;
}

function readLogical(node: AvroScalar, value: Json): Json {
  switch (node.logicalType) {
    case 'uuid':
      return readUuid(value as string);
    case 'date':
      return readDate(value as number);
    case 'timestamp-millis':
      return readInstant(value as number);
    case 'decimal':
      return readDecimal(Buffer.from(value as string, 'latin1'), node.precision!, node.scale ?? 0);
    default:
      return value;
  }
}
