import type { CanonicalShape } from '../domain/canonical.ts';
import type { Json } from '../domain/json.ts';
import { UsageError } from '../domain/errors.ts';
import { isUnion, resolveNode } from './avro-schema.ts';
import type { AvroSchema, SchemaBook } from './avro-schema.ts';
import { readDefault } from './read-default.ts';

const SCALAR: CanonicalShape = Object.freeze({ type: 'scalar' });

/** What the canonical form needs to know of a type: which fields have which default, and how each list is ordered.
 *  A list of records without `listKey` has no order that both sides could agree on, so it throws a UsageError. */
export function canonicalShape(schema: AvroSchema, book: SchemaBook, where = 'the state'): CanonicalShape {
  if (isUnion(schema)) {
    const [branch, ...others] = schema.filter((part) => part !== 'null');
    if (branch === undefined || others.length > 0)
      throw new UsageError(
        `the contract of ${where} has a union of several types: only "null" and one type are allowed`,
      );
    return canonicalShape(branch, book, where);
  }
  const node = resolveNode(schema, book);
  if ('fields' in node) {
    const fields: Record<string, { shape: CanonicalShape; default?: Json }> = {};
    for (const field of node.fields) {
      const shape = canonicalShape(field.type, book, `${node.name}.${field.name}`);
      fields[field.name] =
        field.default === undefined
          ? { shape }
          : { shape, default: readDefault(field.type, field.default, book) };
    }
    return { type: 'record', fields };
  }
  if ('items' in node) {
    const items = canonicalShape(node.items, book, where);
    const key = node.listKey ?? null;
    if (items.type === 'record' && (key === null || items.fields[key] === undefined))
      throw new UsageError(
        `the contract of ${where} is a list of records: "listKey" must name the field that tells them apart`,
      );
    return { type: 'list', items, key };
  }
  if ('values' in node) return { type: 'map', values: canonicalShape(node.values, book, where) };
  return SCALAR;
}
