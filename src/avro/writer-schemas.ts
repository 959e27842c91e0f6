import type { Buffer } from 'node:buffer';
import type avsc from 'avsc';
import pLimit from 'p-limit';
import type { Clock, SchemaTable } from '../ports.ts';
import { findAbsentFields } from './absent-fields.ts';
import { avroType, definitionOf } from './avro-types.ts';
import { compileReader } from './compile-reader.ts';
import type { BytesReader } from './compile-reader.ts';
import type { RegistryClient } from './create-registry-client.ts';
import type { AvroSchema } from './avro-schema.ts';
import { Unreadable } from './logical-values.ts';

/** A schema that somebody wrote events with, ready to read them. */
export interface WriterSchema {
  readonly schemaRef: number;
  /** Reads bytes (without framing) as a value of `reader`; throws Unreadable. */
  read(reader: ReaderSchema, bytes: Buffer): unknown;
  /** Fields of the reader's state that this schema lacks; undefined when it is the reader's very own. */
  absentFields(reader: ReaderSchema, stateField: string): readonly string[] | undefined;
  /** Full name of the writer's record. */
  readonly record: string | undefined;
}
export interface ReaderSchema {
  readonly type: avsc.Type;
  readonly definition: string;
}
export type Preparation =
  | { readonly status: 'ready'; readonly writer: WriterSchema }
  | { readonly status: 'unusable'; readonly code: 'UNKNOWN_SCHEMA' | 'UNDECODABLE'; readonly cause: string };

export interface WriterSchemasDeps {
  readonly registry: Pick<RegistryClient, 'fetchSchema'>;
  readonly schemaTable: SchemaTable;
  readonly clock: Clock;
}

/** How long a "no such schema" is believed: an id may be registered a moment after the first look. */
const UNKNOWN_MS = 5000;
const CONCURRENCY = 8;

/** Writers' schemas by registry id and by our own reference, each asked for once however many batches wait for it.
 *  A failure is never kept: the next batch asks again. */
export function createWriterSchemas(deps: WriterSchemasDeps) {
  const limit = pLimit(CONCURRENCY);
  const byId = new Map<number, Promise<Preparation>>();
  const settled = new Map<number, Preparation>();
  const unusable = new Map<number, { readonly until: number; readonly preparation: Preparation }>();
  const byRef = new Map<number, Promise<WriterSchema>>();

  async function fetch(id: number): Promise<Preparation> {
    const found = await deps.registry.fetchSchema(id);
    if (found.status === 'unknown')
      return {
        status: 'unusable',
        code: 'UNKNOWN_SCHEMA',
        cause: `The schema registry has no schema ${id}.`,
      };
    if (found.status === 'unusable')
      return {
        status: 'unusable',
        code: 'UNDECODABLE',
        cause: `Schema ${id} can't be used: ${found.cause}.`,
      };
    try {
      const type = avroType(JSON.parse(found.definition) as AvroSchema);
      const definition = definitionOf(type);
      const readPlainly = compileReader(type);
      return {
        status: 'ready',
        writer: writerSchema(type, definition, readPlainly, await deps.schemaTable.intern(definition)),
      };
    } catch (error) {
      if (!(error instanceof Unreadable)) throw error;
      return {
        status: 'unusable',
        code: 'UNDECODABLE',
        cause: `Schema ${id} can't be used: ${error.message}.`,
      };
    }
  }

  async function prepare(id: number): Promise<Preparation> {
    const preparation = await fetch(id);
    if (preparation.status === 'ready') settled.set(id, preparation);
    else unusable.set(id, { until: deps.clock() + UNKNOWN_MS, preparation });
    return preparation;
  }

  /** What was learned about an id, if it still counts. */
  function known(id: number): Preparation | undefined {
    const ready = settled.get(id);
    if (ready !== undefined) return ready;
    const memory = unusable.get(id);
    if (memory === undefined) return undefined;
    if (memory.until > deps.clock()) return memory.preparation;
    unusable.delete(id);
    return undefined;
  }

  return {
    /** Prepares the ids that are not known yet. Throws TransientError when the registry or the table can't be asked. */
    async prepareAll(ids: ReadonlySet<number>): Promise<ReadonlyMap<number, Preparation>> {
      const prepared = new Map<number, Preparation>();
      const waits: Promise<void>[] = [];
      for (const id of ids) {
        const preparation = known(id);
        if (preparation !== undefined) prepared.set(id, preparation);
        else
          waits.push(
            shared(byId, id, () => limit(() => prepare(id))).then((found) => void prepared.set(id, found)),
          );
      }
      if (waits.length > 0) await Promise.all(waits);
      return prepared;
    },

    /** The schema behind a reference in our own table; no registry is needed. */
    load(schemaRef: number): Promise<WriterSchema> {
      let loading = byRef.get(schemaRef);
      if (loading === undefined) {
        loading = deps.schemaTable.load(schemaRef).then((definition) => {
          const type = avroType(JSON.parse(definition) as AvroSchema);
          return writerSchema(type, definitionOf(type), compileReader(type), schemaRef);
        });
        byRef.set(schemaRef, loading);
        loading.catch(() => byRef.delete(schemaRef));
      }
      return loading;
    },
  };
}

/** Joins the work under way for `key`, or starts it; it is forgotten when it ends. */
function shared<K, V>(underWay: Map<K, Promise<V>>, key: K, start: () => Promise<V>): Promise<V> {
  let promise = underWay.get(key);
  if (promise === undefined) {
    promise = start().finally(() => underWay.delete(key));
    underWay.set(key, promise);
  }
  return promise;
}

function writerSchema(
  type: avsc.Type,
  definition: string,
  readPlainly: BytesReader,
  schemaRef: number,
): WriterSchema {
  const resolvers = new Map<ReaderSchema, avsc.Resolver | Unreadable | undefined>();
  const resolverFor = (reader: ReaderSchema): avsc.Resolver | undefined => {
    if (!resolvers.has(reader))
      // The very same schema needs no resolving, and reads faster without.
      resolvers.set(reader, reader.definition === definition ? undefined : createResolver(reader.type, type));
    const resolver = resolvers.get(reader);
    if (resolver instanceof Unreadable) throw resolver;
    return resolver;
  };
  const absent = new Map<ReaderSchema, readonly string[]>();
  return {
    schemaRef,
    record: type.name,
    absentFields(reader, stateField) {
      if (reader.definition === definition) return undefined;
      let found = absent.get(reader);
      if (found === undefined) {
        const [ours, theirs] = [reader.type, type].map((record) => stateTypeOf(record, stateField));
        absent.set(reader, (found = ours && theirs ? findAbsentFields(ours, theirs) : []));
      }
      return found;
    },
    read(reader, bytes) {
      const resolver = resolverFor(reader);
      const value = readPlainly(bytes);
      return resolver === undefined ? value : (reader.type.fromBuffer(bytes, resolver) as unknown);
    },
  };
}

function stateTypeOf(record: avsc.Type, stateField: string): avsc.Type | undefined {
  return (record as avsc.types.RecordType).fields.find(({ name }) => name === stateField)?.type;
}

function createResolver(reader: avsc.Type, writer: avsc.Type): avsc.Resolver | Unreadable {
  try {
    return reader.createResolver(writer);
  } catch {
    return new Unreadable("the writer's schema is not compatible with the contract");
  }
}
