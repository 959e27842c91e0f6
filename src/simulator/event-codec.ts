import type avsc from 'avsc';
import type { JsonObject } from './json.ts';
import type { PlatformKind } from './kinds.ts';
import type { Contracts } from './load-contracts.ts';
import { PlatformError } from './platform-error.ts';
import type { Revision } from './revision.ts';
import type { SchemaRegistry } from './schema-registry.ts';

const MAGIC = 0;
const HEADER_BYTES = 5;

export interface EventMeta {
  readonly eventId: string;
  readonly eventType: string;
  readonly providerId: string;
  readonly origin: string;
  readonly entityType: string;
  readonly entityId: string;
  readonly revision: Revision;
  readonly occurredAt: string;
  readonly correlationId: string | null;
  readonly causationId: string | null;
  readonly actor: string;
  readonly replay: boolean;
}

export interface PlatformEvent {
  readonly meta: EventMeta;
  readonly state: JsonObject;
  readonly changedFields: readonly string[];
  readonly changeReason: string | null;
}

export type Received =
  | { readonly readable: true; readonly event: PlatformEvent }
  | { readonly readable: false; readonly cause: string };

export interface EventCodec {
  /** Confluent framing under the id that the registry gives this platform's own contract of the topic. */
  encode(topic: string, kind: PlatformKind, record: string, event: PlatformEvent): Promise<Buffer>;
  /** Rejects only while the registry can't be asked about an id; whatever is wrong with the bytes is `readable: false`. */
  decode(kind: PlatformKind, record: string, value: Buffer | null): Promise<Received>;
  /** The state as the contract writes it: defaults filled in, decimals with their scale. Refuses what doesn't fit. */
  normalise(kind: PlatformKind, state: JsonObject): JsonObject;
}

export function createEventCodec(contracts: Contracts, registry: SchemaRegistry): EventCodec {
  const resolvers = new Map<string, avsc.Resolver>();

  function resolver(record: string, id: number, reader: avsc.Type, writer: avsc.Type): avsc.Resolver {
    const key = `${record}/${id}`;
    const known = resolvers.get(key) ?? reader.createResolver(writer);
    resolvers.set(key, known);
    return known;
  }

  return {
    async encode(topic, kind, record, event) {
      const type = contracts.type(record);
      const header = Buffer.alloc(HEADER_BYTES, MAGIC);
      header.writeInt32BE(await registry.idOf(`${topic}-value`, type), 1);
      return Buffer.concat([header, type.toBuffer(toAvro(kind, event))]);
    },
    async decode(kind, record, value) {
      if (value === null || value.length < HEADER_BYTES || value[0] !== MAGIC)
        return unreadable('not in Confluent framing');
      const id = value.readInt32BE(1);
      const writer = await registry.byId(id);
      if (!writer) return unreadable(`the registry knows no schema ${id}`);
      const reader = contracts.type(record);
      try {
        const decoded = reader.fromBuffer(
          value.subarray(HEADER_BYTES),
          resolver(record, id, reader, writer),
        ) as object;
        return { readable: true, event: fromAvro(kind, structuredClone(decoded) as JsonObject) };
      } catch (error) {
        return unreadable((error as Error).message);
      }
    },
    normalise(kind, state) {
      const type = stateType(contracts, kind);
      type.isValid(state, {
        noUndeclaredFields: true,
        errorHook: (path: string[], value: unknown, expected: avsc.Type) => {
          throw new PlatformError(422, 'INVALID_STATE', `/${path.join('/')} ${misfit(value, expected)}.`);
        },
      });
      return structuredClone(type.fromBuffer(type.toBuffer(state)) as object) as JsonObject;
    },
  };
}

/** Why avsc refused a value: a record holds a name that it doesn't know, or a value isn't of its type. */
function misfit(value: unknown, expected: avsc.Type): string {
  const fields = (expected as avsc.types.RecordType).fields?.map((field) => field.name);
  const unknown =
    fields && typeof value === 'object' && value !== null
      ? Object.keys(value).filter((name) => !fields.includes(name))
      : [];
  if (unknown.length > 0) return `has fields that the contract lacks: ${unknown.join(', ')}`;
  return `is ${value === undefined ? 'missing' : `no ${expected.typeName}`}`;
}

/** The Avro record of a kind's state, taken from the record of its opening event. */
export function stateType(contracts: Contracts, kind: PlatformKind): avsc.Type {
  const event = contracts.type(kind.records[kind.opening]!) as avsc.types.RecordType;
  return event.field(kind.name).type;
}

function toAvro(kind: PlatformKind, event: PlatformEvent): JsonObject {
  const { state, ...rest } = event;
  return { ...rest, [kind.name]: state } as unknown as JsonObject;
}

function fromAvro(kind: PlatformKind, decoded: JsonObject): PlatformEvent {
  const { [kind.name]: state, ...rest } = decoded;
  return { ...rest, state } as unknown as PlatformEvent;
}

function unreadable(cause: string): Received {
  return { readable: false, cause };
}
