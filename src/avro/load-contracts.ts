import type { CanonicalShape } from '../domain/canonical.ts';
import { UsageError } from '../domain/errors.ts';
import { isUnion, resolveNode, shortName } from './avro-schema.ts';
import type { AvroField, AvroRecord, AvroSchema, SchemaBook } from './avro-schema.ts';
import { canonicalShape } from './canonical-shape.ts';
import { composeSchema, readSchemas } from './compose-schemas.ts';

/** Fields of an event record beside its state. */
const ENVELOPE = new Set(['meta', 'changedFields', 'changeReason']);

/** One event record of the contracts. */
export interface Contract {
  /** Full name, e.g. `dz.eassurance.events.v1.ConstatCreated`. */
  readonly record: string;
  /** The file that defines it. */
  readonly file: string;
  /** The record with everything that it refers to, as it is registered. */
  readonly schema: AvroRecord;
  /** The one field beside meta, changedFields and changeReason. */
  readonly stateField: string;
  /** The record in that field. */
  readonly state: AvroRecord;
}

export interface Contracts {
  /** Event records by full name. */
  readonly events: ReadonlyMap<string, Contract>;
  readonly book: SchemaBook;
  /** The event record of that full name, or of that short name when only one has it. Throws a UsageError when there is none. */
  readonly event: (name: string) => Contract;
  /** Canonical shape of the state in `stateField` of an event record; the same object for every record with that state. */
  readonly shapeOf: (record: string, stateField: string) => CanonicalShape;
}

/** Reads and composes the contracts of the directories. Throws a UsageError that names file and fault. */
export function loadContracts(dirs: readonly string[]): Contracts {
  const { book, files } = readSchemas(dirs);
  const events = new Map<string, Contract>();
  for (const [record, definition] of book) {
    if (!('fields' in definition) || !definition.fields.some((field) => field.name === 'meta')) continue;
    const file = files.get(record)!;
    const { name, type } = findStateField(definition, file);
    const state = asRecord(type, book, `${file}: ${definition.name}.${name}`);
    events.set(record, { record, file, schema: composeSchema(book, record), stateField: name, state });
  }
  const shapes = new Map<string, CanonicalShape>();
  const event = (name: string): Contract => {
    const matches = events.has(name)
      ? [events.get(name)!]
      : [...events.values()].filter((contract) => shortName(contract.record) === name);
    if (matches.length === 1) return matches[0]!;
    const problem = matches.length === 0 ? 'no schema file defines it' : 'several schema files define it';
    throw new UsageError(`the contracts have no event record ${name}: ${problem}`);
  };
  const shapeOf = (record: string, stateField: string): CanonicalShape => {
    const contract = event(record);
    if (contract.stateField !== stateField)
      throw new UsageError(
        `${shortName(contract.record)} holds its state in "${contract.stateField}", not in "${stateField}"`,
      );
    const name = `${contract.state.namespace}.${contract.state.name}`;
    let shape = shapes.get(name);
    if (shape === undefined) shapes.set(name, (shape = canonicalShape(contract.state, book)));
    return shape;
  };
  return { events, book, event, shapeOf };
}

function findStateField(record: AvroRecord, file: string): AvroField {
  const candidates = record.fields.filter((field) => !ENVELOPE.has(field.name));
  if (candidates.length === 1) return candidates[0]!;
  throw new UsageError(
    `${file}: ${record.name} must have exactly one field beside meta, changedFields and changeReason: the state`,
  );
}

function asRecord(schema: AvroSchema, book: SchemaBook, where: string): AvroRecord {
  const node = isUnion(schema) ? undefined : resolveNode(schema, book);
  if (node !== undefined && 'fields' in node) return node;
  throw new UsageError(`${where} must be a record`);
}
