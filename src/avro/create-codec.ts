import { Buffer } from 'node:buffer';
import { PermanentError } from '../domain/errors.ts';
import type { EntityEvent, EventMeta } from '../domain/event.ts';
import type { JsonObject } from '../domain/json.ts';
import type { EntityKind } from '../domain/kind.ts';
import type { Clock, Decoded, EventCodec, SchemaTable, Topology } from '../ports.ts';
import type { AvroRecord } from './avro-schema.ts';
import { avroType, definitionOf } from './avro-types.ts';
import { conformRecord } from './conform-value.ts';
import type { RegistryClient } from './create-registry-client.ts';
import type { Contract, Contracts } from './load-contracts.ts';
import { Unreadable } from './logical-values.ts';
import { createWriterSchemas } from './writer-schemas.ts';
import type { Preparation, ReaderSchema } from './writer-schemas.ts';

export interface CodecDeps {
  readonly contracts: Contracts;
  readonly topology: Topology;
  readonly schemaTable: SchemaTable;
  readonly registry: Pick<RegistryClient, 'fetchSchema'>;
  /** Topic → id of its schema in the registry, from `registerSchemas`. */
  readonly topicSchemaIds: ReadonlyMap<string, number>;
  readonly clock?: Clock;
}

/** Magic byte and schema id. */
const HEADER_BYTES = 5;

/** A topic's contract, ready to read and write. */
interface TopicContract {
  readonly contract: Contract;
  /** As the contracts have it, with the very record of a state that `normalise` knows. */
  readonly definition: AvroRecord;
  readonly reader: ReaderSchema;
  readonly kind: EntityKind;
  readonly eventType: string;
  /** The state's field that must equal meta.entityId; null where the contract's state holds no id. */
  readonly idField: string | null;
}

/** Implements EventCodec (see its promises) over the composed contracts. Safe for concurrent batches. */
export function createCodec(deps: CodecDeps): EventCodec {
  const { contracts, topology } = deps;
  const writers = createWriterSchemas({ ...deps, clock: deps.clock ?? Date.now });
  const readers = new Map<string, ReaderSchema>();
  const topics = new Map<string, TopicContract>();
  const ownRefs = new Map<string, Promise<number>>();

  function readerOf(record: string): ReaderSchema {
    let reader = readers.get(record);
    if (reader === undefined) {
      const type = avroType(contracts.event(record).schema);
      readers.set(record, (reader = { type, definition: definitionOf(type) }));
    }
    return reader;
  }

  function topicContract(topic: string): TopicContract {
    let known = topics.get(topic);
    if (known === undefined) {
      const route = topology.routes.get(topic);
      const kind = route && topology.kinds.get(route.kind);
      if (!route || !kind) throw new Error(`topic ${topic} is not in the topology`);
      const contract = contracts.event(route.record);
      known = {
        contract,
        definition: contracts.book.get(contract.record) as AvroRecord,
        reader: readerOf(contract.record),
        kind,
        eventType: `${route.kind}.${route.action}`,
        idField: contract.state.fields.some((field) => field.name === kind.idField) ? kind.idField : null,
      };
      topics.set(topic, known);
    }
    return known;
  }

  /** Our own schema's reference; a failure to store it is not kept. */
  function ownRef(reader: ReaderSchema): Promise<number> {
    const known = ownRefs.get(reader.definition);
    if (known !== undefined) return known;
    const interning = deps.schemaTable.intern(reader.definition);
    ownRefs.set(reader.definition, interning);
    interning.catch(() => ownRefs.delete(reader.definition));
    return interning;
  }

  function preparationsFor(values: readonly (Buffer | null)[]): Promise<ReadonlyMap<number, Preparation>> {
    const ids = new Set<number>();
    for (const value of values) {
      const id = schemaIdOf(value);
      if (id !== null) ids.add(id);
    }
    return writers.prepareAll(ids);
  }

  return {
    async prepare(values) {
      await preparationsFor(values);
    },

    async decodeBatch(topic, values) {
      const target = topicContract(topic);
      const preparations = await preparationsFor(values);
      return values.map((value) => decode(value, target, preparations));
    },

    async encode(topic, event) {
      const target = topicContract(topic);
      const { contract, definition, reader } = target;
      const id = deps.topicSchemaIds.get(topic);
      if (id === undefined)
        throw new PermanentError('UNENCODABLE', `topic ${topic} has no registered schema`);
      const record = conformRecord(definition, toRecord(contract, event), contracts.book);
      const misfit = findMisfit(toEvent(contract, record), target);
      if (misfit !== null) throw new PermanentError('UNENCODABLE', misfit);
      return { bytes: frame(id, reader, record), schemaRef: await ownRef(reader) };
    },

    async decodeStored(bytes, schemaRef) {
      const writer = await writers.load(schemaRef);
      const contract = contracts.event(writer.record ?? '');
      try {
        return toEvent(
          contract,
          writer.read(readerOf(contract.record), bytes.subarray(HEADER_BYTES)) as JsonObject,
        );
      } catch (error) {
        if (!(error instanceof Unreadable)) throw error;
        throw new PermanentError('UNDECODABLE', `stored bytes can't be read: ${error.message}`, {
          cause: error,
        });
      }
    },

    normalise(kind, state) {
      const record = Object.values(kind.events).at(-1) ?? kind.name;
      return conformRecord(contracts.event(record).state, state, contracts.book);
    },
  };
}

/** Most records fit. avsc's own room is a kilobyte, and it writes what is larger twice. */
const ROOM = Buffer.alloc(65_536);

/** The record with its framing: the magic byte and the schema's id in the registry. */
function frame(id: number, { type }: ReaderSchema, record: JsonObject): Buffer {
  ROOM.writeInt32BE(id, 1);
  const end = type.encode(record, ROOM, HEADER_BYTES);
  if (end > 0) return Buffer.from(ROOM.subarray(0, end));
  return Buffer.concat([ROOM.subarray(0, HEADER_BYTES), type.toBuffer(record)]);
}

/** The registry id in the framing; null when the value is not framed. */
function schemaIdOf(value: Buffer | null): number | null {
  if (value === null || value.length < HEADER_BYTES || value[0] !== 0) return null;
  const id = value.readInt32BE(1);
  return id > 0 ? id : null;
}

function decode(
  value: Buffer | null,
  target: TopicContract,
  preparations: ReadonlyMap<number, Preparation>,
): Decoded {
  const schemaId = schemaIdOf(value);
  const undecodable = (cause: string): Decoded => ({ readable: false, code: 'UNDECODABLE', cause, schemaId });
  if (value === null) return undecodable('The record has no value.');
  if (schemaId === null)
    return undecodable('The value does not begin with a zero byte and the id of a schema.');
  const preparation = preparations.get(schemaId)!;
  if (preparation.status === 'unusable')
    return { readable: false, code: preparation.code, cause: preparation.cause, schemaId };
  const { contract, reader, kind } = target;
  const { writer } = preparation;
  if (writer.record !== contract.record)
    return undecodable(
      `Schema ${schemaId} is of the record ${writer.record ?? 'without a name'}, and the topic carries ${contract.record}.`,
    );
  try {
    const read = toEvent(contract, writer.read(reader, value.subarray(HEADER_BYTES)) as JsonObject);
    const absentFields = writer.absentFields(reader, contract.stateField);
    const event = absentFields === undefined ? read : { ...read, absentFields };
    const misfit = findMisfit(event, target);
    if (misfit === null) return { readable: true, event, kind, schemaRef: writer.schemaRef };
    const cause = `The event contradicts its topic or itself: ${misfit}.`;
    return { readable: false, code: 'UNDECODABLE', cause, schemaId, event };
  } catch (error) {
    if (error instanceof Unreadable) return undecodable(`The bytes can't be read: ${error.message}.`);
    throw error;
  }
}

function toEvent(contract: Contract, record: JsonObject): EntityEvent {
  return {
    meta: record['meta'] as unknown as EventMeta,
    state: record[contract.stateField] as JsonObject,
    changedFields: (record['changedFields'] as readonly string[] | undefined) ?? [],
    changeReason: (record['changeReason'] as string | null | undefined) ?? null,
  };
}

/** The record of an event; what its contract has no field for (a shared verification tells no reasons) is left out. */
function toRecord(contract: Contract, event: EntityEvent): JsonObject {
  const values: Record<string, unknown> = { ...event, [contract.stateField]: event.state };
  return Object.fromEntries(contract.schema.fields.map(({ name }) => [name, values[name]])) as JsonObject;
}

/** How the event contradicts its topic or itself; null when it doesn't. */
function findMisfit({ meta, state }: EntityEvent, target: TopicContract): string | null {
  const { contract, kind, eventType, idField } = target;
  if (meta.entityType !== kind.name) return `meta.entityType is not ${kind.name}`;
  if (meta.eventType !== eventType) return `meta.eventType is not ${eventType}`;
  if (idField !== null && state[idField] !== meta.entityId)
    return `${contract.stateField}.${idField} is not meta.entityId`;
  return null;
}
