import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { UsageError } from '../domain/errors.ts';
import { isNamed, isPrimitive, isUnion } from './avro-schema.ts';
import type { AvroField, AvroNode, AvroRecord, AvroSchema, NamedSchema, SchemaBook } from './avro-schema.ts';

/** The contracts as they are written: one file per record, each name defined once. */
export interface SchemaSources {
  readonly book: SchemaBook;
  /** File by full name. */
  readonly files: ReadonlyMap<string, string>;
}

interface Reference {
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

/** Reads every `*.avsc` of the directories (not of their subdirectories). Throws one UsageError that names each fault
 *  with its file: what is no JSON or no schema, a name defined twice, a reference to nothing, a cycle. */
export function readSchemas(dirs: readonly string[]): SchemaSources {
  const faults: string[] = [];
  const book = new Map<string, NamedSchema>();
  const files = new Map<string, string>();
  const references: Reference[] = [];
  for (const file of dirs.flatMap((dir) => listSchemaFiles(dir, faults))) {
    try {
      const found = hoistNames(JSON.parse(readFileSync(file, 'utf8')) as AvroSchema);
      for (const [name, definition] of found.book) {
        const earlier = files.get(name);
        if (earlier !== undefined)
          faults.push(`${file}: ${name} is defined in ${earlier} already: keep one of the two`);
        else book.set(name, definition);
        files.set(name, earlier ?? file);
      }
      references.push(...found.references.map((reference) => ({ file, ...reference })));
    } catch (error) {
      faults.push(`${file}: ${(error as Error).message}`);
    }
  }
  for (const { file, from, to } of references) {
    if (!book.has(to)) faults.push(`${file}: ${from} refers to ${to}, which no file defines`);
  }
  if (faults.length === 0) faults.push(...findCycles(book, files));
  if (faults.length > 0) throw new UsageError(`the Avro contracts can't be read:\n  ${faults.join('\n  ')}`);
  return { book, files };
}

/** One self-contained schema: every named type is written out where it is met first, and referred to after that. */
export function composeSchema(book: SchemaBook, fullName: string): AvroRecord {
  const written = new Set<string>();
  const compose = (schema: AvroSchema): AvroSchema => {
    if (typeof schema === 'string') {
      const definition = book.get(schema);
      if (definition === undefined || written.has(schema)) return schema;
      written.add(schema);
      return composeNode(definition);
    }
    return isUnion(schema) ? schema.map(compose) : composeNode(schema);
  };
  const composeNode = (node: AvroNode): AvroNode => {
    if ('fields' in node)
      return { ...node, fields: node.fields.map((field) => ({ ...field, type: compose(field.type) })) };
    if ('items' in node) return { ...node, items: compose(node.items) };
    if ('values' in node) return { ...node, values: compose(node.values) };
    return node;
  };
  return compose(fullName) as AvroRecord;
}

/** Takes a schema apart into its named types, each with full name and namespace and references by full name. */
export function hoistNames(schema: AvroSchema): {
  readonly book: SchemaBook;
  readonly references: readonly { readonly from: string; readonly to: string }[];
} {
  const book = new Map<string, NamedSchema>();
  const references: { from: string; to: string }[] = [];
  const hoist = (part: AvroSchema, namespace: string, from: string): AvroSchema => {
    if (typeof part === 'string') {
      if (isPrimitive(part)) return part;
      const to = part.includes('.') ? part : qualify(part, namespace);
      references.push({ from, to });
      return to;
    }
    if (isUnion(part)) return part.map((branch) => hoist(branch, namespace, from));
    if (typeof part !== 'object' || part === null) throw new Error(`${from} has no type`);
    if (isNamed(part)) return hoistNamed(part, namespace);
    if ('items' in part) return { ...part, items: hoist(part.items, namespace, from) };
    if ('values' in part) return { ...part, values: hoist(part.values, namespace, from) };
    // Some tools write a type as `{ "type": { … } }`.
    const inner = part.type as AvroSchema;
    if (typeof inner !== 'string') return hoist(inner, namespace, from);
    if (!isPrimitive(part.type)) throw new Error(`${from} has the unknown type ${part.type}`);
    return part;
  };
  const hoistNamed = (part: NamedSchema, outer: string): string => {
    const { type, name, namespace: _namespace, ...rest } = part;
    if (typeof name !== 'string' || name === '') throw new Error(`a ${type} has no name`);
    const full = name.includes('.') ? name : qualify(name, part.namespace ?? outer);
    const namespace = full.slice(0, Math.max(0, full.lastIndexOf('.')));
    if (book.has(full)) throw new Error(`${full} is defined twice`);
    const short = full.slice(full.lastIndexOf('.') + 1);
    const named = { type, name: short, namespace, ...rest } as NamedSchema;
    book.set(full, named);
    if ('fields' in part) {
      if (!Array.isArray(part.fields)) throw new Error(`${full} has no fields`);
      const fields = part.fields.map((field: AvroField) => ({
        ...field,
        type: hoist(field.type, namespace, `${short}.${field.name}`),
      }));
      book.set(full, { ...named, fields } as NamedSchema);
    }
    return full;
  };
  hoist(schema, '', 'the schema');
  return { book, references };
}

function qualify(name: string, namespace: string): string {
  return namespace === '' ? name : `${namespace}.${name}`;
}

function listSchemaFiles(dir: string, faults: string[]): readonly string[] {
  try {
    return readdirSync(dir)
      .filter((name) => name.endsWith('.avsc'))
      .sort()
      .map((name) => path.join(dir, name));
  } catch {
    faults.push(`${dir}: no such directory: correct SCHEMAS_DIRS`);
    return [];
  }
}

/** A state of unbounded depth has no canonical form that a reader could check, so no type may contain itself. */
function findCycles(book: SchemaBook, files: ReadonlyMap<string, string>): readonly string[] {
  const faults: string[] = [];
  const settled = new Set<string>();
  const visit = (schema: AvroSchema, trail: readonly string[]): void => {
    if (typeof schema === 'string') {
      const definition = book.get(schema);
      if (definition === undefined || settled.has(schema)) return;
      if (trail.includes(schema)) {
        const circle = [...trail.slice(trail.indexOf(schema)), schema].join(' → ');
        faults.push(`${files.get(schema)}: ${circle} is a cycle: break it with an id field`);
        return;
      }
      if ('fields' in definition)
        for (const field of definition.fields) visit(field.type, [...trail, schema]);
      settled.add(schema);
    } else if (isUnion(schema)) for (const branch of schema) visit(branch, trail);
    else if ('items' in schema) visit(schema.items, trail);
    else if ('values' in schema) visit(schema.values, trail);
  };
  for (const name of book.keys()) visit(name, []);
  return faults;
}
