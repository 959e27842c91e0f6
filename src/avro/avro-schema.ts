import type { Json } from '../domain/json.ts';

/** Avro schemas as JSON, in the part of the language that the contracts use. */
export type AvroSchema = string | readonly AvroSchema[] | AvroNode;
export type AvroNode = AvroRecord | AvroEnum | AvroArray | AvroMap | AvroScalar;
export type NamedSchema = AvroRecord | AvroEnum;

export interface AvroField {
  readonly name: string;
  readonly type: AvroSchema;
  /** In Avro's JSON encoding; for a union, of its first branch. */
  readonly default?: Json;
  readonly doc?: string;
}
export interface AvroRecord {
  readonly type: 'record';
  readonly name: string;
  readonly namespace?: string;
  readonly doc?: string;
  readonly fields: readonly AvroField[];
}
export interface AvroEnum {
  readonly type: 'enum';
  readonly name: string;
  readonly namespace?: string;
  readonly doc?: string;
  readonly symbols: readonly string[];
  readonly default?: string;
}
export interface AvroArray {
  readonly type: 'array';
  readonly items: AvroSchema;
  /** The field of the item record that identifies an element: the canonical form orders and merges by it. */
  readonly listKey?: string;
}
export interface AvroMap {
  readonly type: 'map';
  readonly values: AvroSchema;
}
export interface AvroScalar {
  readonly type: string;
  readonly logicalType?: string;
  readonly precision?: number;
  readonly scale?: number;
}

/** Every named type by its full name; inside, other named types are referred to by full name. */
export type SchemaBook = ReadonlyMap<string, NamedSchema>;

const PRIMITIVES = new Set(['null', 'boolean', 'int', 'long', 'float', 'double', 'bytes', 'string']);

export function isPrimitive(name: string): boolean {
  return PRIMITIVES.has(name);
}

export function isUnion(schema: AvroSchema): schema is readonly AvroSchema[] {
  return Array.isArray(schema);
}

export function isNamed(schema: AvroNode): schema is NamedSchema {
  return schema.type === 'record' || schema.type === 'enum';
}

/** `Person` of `dz.eassurance.events.v1.Person`. */
export function shortName(fullName: string): string {
  return fullName.slice(fullName.lastIndexOf('.') + 1);
}

/** The node behind a schema: references are looked up, a primitive's name becomes `{ type: name }`. */
export function resolveNode(schema: Exclude<AvroSchema, readonly AvroSchema[]>, book: SchemaBook): AvroNode {
  if (typeof schema !== 'string') return schema;
  return book.get(schema) ?? { type: schema };
}

/** What to call a type in a sentence: `string`, `uuid`, `decimal(15,2)`, `list of Party`, `null or date`. */
export function describeType(schema: AvroSchema): string {
  if (typeof schema === 'string') return shortName(schema);
  if (isUnion(schema)) return schema.map(describeType).join(' or ');
  if ('items' in schema) return `list of ${describeType(schema.items)}`;
  if ('values' in schema) return `map of ${describeType(schema.values)}`;
  if (isNamed(schema)) return shortName(schema.name);
  if (schema.logicalType === undefined) return schema.type;
  return schema.logicalType === 'decimal'
    ? `decimal(${schema.precision},${schema.scale ?? 0})`
    : schema.logicalType;
}
