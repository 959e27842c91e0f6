import { randomUUID } from 'node:crypto';
import path from 'node:path';
import { pino } from 'pino';
import type { Arrival, ReadableArrival } from '../../../src/apply/apply-batch.ts';
import { applyBatch } from '../../../src/apply/apply-batch.ts';
import { createEdits } from '../../../src/apply/create-edits.ts';
import type { PatchEdit } from '../../../src/apply/edit.ts';
import { createCodec } from '../../../src/avro/create-codec.ts';
import { loadContracts } from '../../../src/avro/load-contracts.ts';
import { loadTopology } from '../../../src/config/load-topology.ts';
import type { EventMeta } from '../../../src/domain/event.ts';
import type { JsonObject } from '../../../src/domain/json.ts';
import { formatRevision, type Revision } from '../../../src/domain/revision.ts';
import type { EntityReader, Log, PositionAdvance, StoreTransaction } from '../../../src/ports.ts';
import { newId } from '../../../src/runtime/new-id.ts';
import { createMetrics } from '../../../src/telemetry/metrics.ts';
import { createMemoryStore, type MemoryStore } from '../../fakes/memory-store.ts';

const root = path.resolve(import.meta.dirname, '../../..');
const contracts = loadContracts([path.join(root, 'schemas')]);
/** The project's own: SAA shares its verifications, Trust does not. */
export const topology = await loadTopology({
  topicsFile: path.join(root, 'topics.yaml'),
  kindsDirs: [path.join(root, 'src/domain')],
  shapeOf: contracts.shapeOf,
});
export const constat = topology.kinds.get('constat')!;

export const NOW = Date.parse('2026-05-10T12:00:00.000Z');
export const CREATED = 'saa-constat.created';
export const UPDATED = 'saa-constat.updated';

/** The apply step on a store in memory, with the real kinds, contracts and codec. */
export function setup(log: Log = pino({ level: 'silent' })) {
  const clock = () => NOW;
  const store = createMemoryStore({ clock });
  const definitions: string[] = [];
  const codec = createCodec({
    contracts,
    topology,
    clock,
    topicSchemaIds: new Map([...topology.routes.keys()].map((topic, i) => [topic, i + 1])),
    registry: { fetchSchema: () => Promise.reject(new Error('the registry is not needed here')) },
    schemaTable: {
      intern: async (definition) => {
        if (!definitions.includes(definition)) definitions.push(definition);
        return definitions.indexOf(definition) + 1;
      },
      load: async (schemaRef) => definitions[schemaRef - 1]!,
    },
  });
  const woken: string[] = [];
  const deps = {
    store,
    topology,
    codec,
    metrics: createMetrics(),
    log,
    clock,
    newId,
    allottedWriterIds: (provider: string) => topology.providers.get(provider)?.writerIds ?? [],
    wakeRelay: (shards: readonly string[]) => void woken.push(...shards),
  };
  const edits = createEdits({ ...deps, reader: readerOf(store) });

  /** An event as it arrives: SAA's own unless `meta` says otherwise. */
  const arrival = async (
    topic: string,
    state: JsonObject,
    revision: Revision,
    meta: Partial<EventMeta> = {},
    source: 'topic' | 'pull' = 'topic',
  ): Promise<ReadableArrival> => {
    const eventType = topic.slice(topic.indexOf('-') + 1);
    const kind = topology.kinds.get(eventType.split('.')[0]!)!;
    const event = {
      meta: {
        eventId: randomUUID(),
        eventType,
        providerId: 'saa',
        origin: 'saa',
        entityType: kind.name,
        entityId: state[kind.idField] as string,
        revision,
        occurredAt: new Date(NOW - 1_000).toISOString(),
        correlationId: null,
        causationId: null,
        actor: 'USER',
        replay: false,
        ...meta,
      },
      state: codec.normalise(kind, state),
      changedFields: [],
      changeReason: null,
    };
    const { bytes, schemaRef } = await codec.encode(topic, event);
    const position = source === 'topic' ? { partition: 0, offset: 7n } : { partition: null, offset: null };
    const key = Buffer.from(event.meta.entityId);
    return {
      ...position,
      source,
      topic,
      key,
      value: bytes,
      headers: {},
      readable: true,
      kind,
      event,
      schemaRef,
    };
  };

  return {
    store,
    deps,
    edits,
    woken,
    arrival,
    apply: (arrivals: readonly Arrival[], position: PositionAdvance | null = null) =>
      applyBatch(arrivals, position, deps),
    outcomes: async (arrivals: readonly Arrival[], position: PositionAdvance | null = null) =>
      (await applyBatch(arrivals, position, deps)).map(({ outcome, code }) => code ?? outcome),
    patch: (
      id: string,
      patch: JsonObject,
      condition: PatchEdit['condition'],
      more: Partial<PatchEdit> = {},
    ) =>
      edits.patch({
        kind: constat,
        id,
        providers: null,
        patch,
        condition,
        changeReason: null,
        context: AUTHOR,
        ...more,
      }),
    stored: async (id: string) => {
      const entity = store.entity('constat', id)!;
      const event = store.tables().events.find(({ eventId }) => eventId === entity.eventId)!;
      return { ...entity, state: (await codec.decodeStored(event.bytes, event.schemaRef)).state };
    },
  };
}

export const AUTHOR = { author: 'Nadia', correlationId: null, traceparent: null };

/** Lets `meanwhile` happen once, between what the next transaction reads and what it writes. */
export function interleave(store: MemoryStore, meanwhile: () => Promise<unknown>): void {
  const { transaction } = store;
  store.transaction = async (work) => {
    store.transaction = transaction;
    return transaction((tx) =>
      work({
        ...tx,
        write: async (plan: Parameters<StoreTransaction['write']>[0]) => {
          await meanwhile();
          return tx.write(plan);
        },
      }),
    );
  };
}

function readerOf(store: MemoryStore): EntityReader {
  return {
    find: async (kind, id) => {
      const entity = store.entity(kind.name, id);
      const event = entity && store.tables().events.find(({ eventId }) => eventId === entity.eventId);
      if (!entity || !event) return null;
      const openConflicts = store
        .tables()
        .conflicts.filter((conflict) => conflict.status === 'open' && conflict.entityId === id).length;
      // An edit looks at no flags.
      return { ...entity, openConflicts, flags: [], bytes: event.bytes, schemaRef: event.schemaRef };
    },
    findRevision: async (kind, id, revision) =>
      store
        .tables()
        .events.find(
          (event) =>
            event.kind === kind.name &&
            event.entityId === id &&
            formatRevision(event.revision) === formatRevision(revision),
        ) ?? null,
    list: () => Promise.reject(new Error('edits list nothing')),
    history: () => Promise.reject(new Error('edits read no history')),
  };
}
