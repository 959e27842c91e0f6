import { MovedError } from '../../src/domain/errors.ts';
import { HUB } from '../../src/domain/event.ts';
import type { Json } from '../../src/domain/json.ts';
import type { EntityKind, Violation } from '../../src/domain/kind.ts';
import { formatRevision } from '../../src/domain/revision.ts';
import type {
  AuditEntry,
  DeliveryRow,
  EventRow,
  FlagRow,
  FuseBlow,
  IdempotencyRow,
  LineageEntry,
  Store,
  StoredEntity,
  StoreTransaction,
  WritePlan,
} from '../../src/ports.ts';
import { openConflicts, raiseFlags, settleConflicts } from './memory-conflicts.ts';
import type { MemoryConflict } from './memory-conflicts.ts';
import { changeQuarantine, sameRecord, type MemoryQuarantineRow } from './memory-quarantine.ts';

export interface MemoryEntity extends StoredEntity {
  readonly kind: string;
  readonly violations: readonly Violation[];
  /** The kind's search columns. */
  readonly columns: Readonly<Record<string, Json>>;
}

/** Everything that is committed. Lists are in the order of writing. */
export interface MemoryTables {
  readonly entities: ReadonlyMap<string, MemoryEntity>;
  readonly events: readonly EventRow[];
  readonly outbox: readonly (WritePlan['outbox'][number] & { readonly sequence: bigint })[];
  readonly deliveries: readonly DeliveryRow[];
  readonly quarantined: readonly MemoryQuarantineRow[];
  readonly audit: readonly AuditEntry[];
  readonly positions: ReadonlyMap<string, { readonly next: bigint; readonly topicId: string }>;
  readonly idempotency: readonly IdempotencyRow[];
  readonly conflicts: readonly MemoryConflict[];
  readonly flags: readonly FlagRow[];
  readonly blows: readonly FuseBlow[];
}

export interface MemoryStore extends Store {
  /** What is committed now; a snapshot that later writes leave alone. */
  tables(): MemoryTables;
  entity(kind: string, id: string): MemoryEntity | undefined;
  /** Deletes these outbox rows and notes the deliveries, in one transaction. */
  settleOutbox(sequences: readonly bigint[], deliveries: readonly DeliveryRow[]): Promise<void>;
  /** Empties the bytes of these events, but not of one that is an entity's present state or waits in the outbox; tells how
   *  many were emptied. */
  emptyBytes(eventIds: readonly string[]): Promise<number>;
}

const entityKey = (kind: string, id: string) => `${kind}/${id}`;
const positionKey = (topic: string, partition: number) => `${topic}/${partition}`;

/** A Store in memory with the transactions of the real one: reads see what is committed and what the transaction itself
 *  wrote; a transaction that writes makes other writers wait until it ends, and what they then find decides whether
 *  they have moved; a rejected `work` leaves nothing. tests/contract holds it against PostgreSQL. */
export function createMemoryStore(options: { readonly clock?: () => number } = {}): MemoryStore {
  const clock = options.clock ?? Date.now;
  let committed: MemoryTables = {
    entities: new Map(),
    events: [],
    outbox: [],
    deliveries: [],
    quarantined: [],
    audit: [],
    positions: new Map(),
    idempotency: [],
    conflicts: [],
    flags: [],
    blows: [],
  };
  let sequence = 0n;
  let lastWriter: Promise<void> = Promise.resolve();

  /** Waits until no other transaction can commit; `release` lets the next one go on. */
  async function takeTurn(): Promise<() => void> {
    const before = lastWriter;
    let release = () => {};
    lastWriter = new Promise((resolve) => (release = resolve));
    await before;
    return release;
  }

  async function transaction<T>(work: (tx: StoreTransaction) => Promise<T>): Promise<T> {
    // Undefined until the first write; from then on no other transaction can commit.
    let own: MemoryTables | undefined;
    let release: (() => void) | undefined;
    const now = () => own ?? committed;

    const tx: StoreTransaction = {
      readEntities: async (kind, ids) => pick(ids, (id) => now().entities.get(entityKey(kind.name, id))),
      readEvents: async (eventIds) =>
        pick(eventIds, (id) => now().events.find((event) => event.eventId === id)),
      readHistory: async (kind, pairs) =>
        pairs.flatMap(({ entityId, revision }) => {
          const held = now().events.filter(
            (event) =>
              event.kind === kind.name &&
              event.entityId === entityId &&
              formatRevision(event.revision) === formatRevision(revision),
          );
          const digests = new Set(held.map((event) => event.digest));
          return [...digests].map((digest) => ({ entityId, revision, digest }));
        }),
      readLineage: async (kind, entityIds) =>
        new Map(
          entityIds.map((id) => [
            id,
            now()
              .events.filter((event) => event.kind === kind.name && event.entityId === id && isState(event))
              .map(lineageEntry),
          ]),
        ),
      readStates: async (eventIds) =>
        new Map(
          [
            ...pick(eventIds, (id) => now().events.find((event) => event.eventId === id && !isPruned(event))),
          ].map(([id, { bytes, schemaRef }]) => [id, { bytes, schemaRef }]),
        ),
      readBytes: async (eventId) => {
        const event = now().events.find((row) => row.eventId === eventId);
        return event === undefined || isPruned(event)
          ? null
          : { bytes: event.bytes, schemaRef: event.schemaRef };
      },
      readIdempotency: async (keys) =>
        now().idempotency.filter((row) => keys.some((asked) => isSameKey(asked, row))),
      areNewToQuarantine: async (records) =>
        records.map(
          (record, i) =>
            !now().quarantined.some((row) => sameRecord(row, record)) &&
            !records.slice(0, i).some((earlier) => sameRecord(earlier, record)),
        ),
      write: async (plan) => {
        release ??= await takeTurn();
        own = applyPlan(now(), plan, clock(), () => (sequence += 1n));
      },
    };

    try {
      const result = await work(tx);
      if (own !== undefined) committed = own;
      return result;
    } finally {
      release?.();
    }
  }

  return {
    transaction,
    readPosition: async (topic, partition) => committed.positions.get(positionKey(topic, partition)) ?? null,
    readPositions: async (topics) =>
      [...committed.positions].flatMap(([key, position]) => {
        const [topic, partition] = [key.slice(0, key.lastIndexOf('/')), key.slice(key.lastIndexOf('/') + 1)];
        return topics.includes(topic) ? [{ topic, partition: Number(partition), ...position }] : [];
      }),
    tables: () => committed,
    entity: (kind, id) => committed.entities.get(entityKey(kind, id)),
    async settleOutbox(sequences, deliveries) {
      const release = await takeTurn();
      const settled = new Set(sequences);
      committed = {
        ...committed,
        outbox: committed.outbox.filter((row) => !settled.has(row.sequence)),
        deliveries: [...committed.deliveries, ...deliveries],
      };
      release();
    },
    async emptyBytes(eventIds) {
      const release = await takeTurn();
      const present = [...committed.entities.values()].map(({ eventId }) => eventId);
      const kept = new Set([...present, ...committed.outbox.map(({ eventId }) => eventId)]);
      const due = new Set(eventIds.filter((id) => !kept.has(id)));
      let emptied = 0;
      const events = committed.events.map((row) => {
        if (!due.has(row.eventId) || isPruned(row)) return row;
        emptied += 1;
        return { ...row, bytes: Buffer.alloc(0) };
      });
      if (emptied > 0) committed = { ...committed, events };
      release();
      return emptied;
    },
  };
}

function isSameKey(a: Pick<IdempotencyRow, 'apiKeyId' | 'key'>, b: typeof a): boolean {
  return a.apiKeyId === b.apiKeyId && a.key === b.key;
}

/** An event whose bytes are gone has none in memory. */
const isPruned = ({ bytes }: EventRow): boolean => bytes.length === 0;

/** The tables after the plan; the ones before are left as they are. Throws MovedError like the real store. */
function applyPlan(
  before: MemoryTables,
  plan: WritePlan,
  nowMs: number,
  nextSequence: () => bigint,
): MemoryTables {
  const positions = new Map(before.positions);
  for (const { topic, partition, expected, next, topicId } of plan.positions) {
    const key = positionKey(topic, partition);
    if ((positions.get(key)?.next ?? null) !== expected) throw new MovedError('position', `${key} has moved`);
    positions.set(key, { next, topicId });
  }

  const entities = new Map(before.entities);
  for (const { kind, entity, expected, violations, state } of plan.entities) {
    const key = entityKey(kind.name, entity.id);
    const stored = entities.get(key);
    const asRead =
      expected === null ? stored === undefined : stored !== undefined && sameRevision(stored, expected);
    if (!asRead) throw new MovedError('entity', `${key} has moved`);
    entities.set(key, {
      ...entity,
      kind: kind.name,
      updatedAtMs: nowMs,
      violations,
      columns: searchColumns(kind, state),
    });
  }

  for (const { kind, id, revision } of plan.unmoved ?? []) {
    const stored = before.entities.get(entityKey(kind.name, id));
    if (stored === undefined || !sameRevision(stored, revision))
      throw new MovedError('entity', `${entityKey(kind.name, id)} has moved`);
  }

  for (const { kind, id, revision } of plan.unmoved ?? []) {
    const key = entityKey(kind.name, id);
    const stored = entities.get(key);
    if (stored === undefined || !sameRevision(stored, revision))
      throw new MovedError('entity', `${key} has moved`);
  }

  const known = new Set(before.events.map((event) => event.eventId));
  for (const { eventId } of plan.events) {
    if (known.has(eventId)) throw new MovedError('event', `event ${eventId} is already settled`);
    known.add(eventId);
  }

  const taken = plan.idempotency.some(
    (row, i) =>
      before.idempotency.some((known) => isSameKey(known, row)) ||
      plan.idempotency.slice(0, i).some((earlier) => isSameKey(earlier, row)),
  );
  if (taken) throw new MovedError('event', 'another request with this idempotency key was faster');

  const revisionOf = (eventId: string) => before.events.find((event) => event.eventId === eventId)?.revision;
  return {
    entities,
    positions,
    events: [...before.events, ...plan.events],
    outbox: [...before.outbox, ...plan.outbox.map((row) => ({ ...row, sequence: nextSequence() }))],
    deliveries: [...before.deliveries, ...plan.deliveries],
    quarantined: changeQuarantine(before.quarantined, plan),
    audit: [...before.audit, ...(plan.audit ?? [])],
    idempotency: [...before.idempotency, ...plan.idempotency],
    conflicts: openConflicts(
      settleConflicts(before.conflicts, plan.settlements, revisionOf, nowMs),
      plan.conflicts,
      nowMs,
    ),
    flags: raiseFlags(before.flags, plan.flags),
    blows:
      plan.blow === undefined || before.blows.some(({ topic }) => topic === plan.blow?.topic)
        ? before.blows
        : [...before.blows, plan.blow],
  };
}

const isState = ({ outcome, source }: EventRow): boolean =>
  (outcome === 'applied' || outcome === 'merged') && source !== 'republish';

function lineageEntry(row: EventRow): LineageEntry {
  const { eventId, revision, digest, author, occurredAtMs, origin, outcome } = row;
  return {
    eventId,
    revision,
    digest,
    byHub: origin === HUB,
    author,
    occurredAtMs,
    accepted: outcome === 'applied',
    edit: row.source === 'api',
    pruned: isPruned(row),
  };
}

function sameRevision(stored: StoredEntity, expected: StoredEntity['revision']): boolean {
  return formatRevision(stored.revision) === formatRevision(expected);
}

function searchColumns(kind: EntityKind, state: Parameters<EntityKind['status']>[0]): Record<string, Json> {
  return Object.fromEntries(kind.columns.map((column) => [column.name, column.value(state)]));
}

function pick<T>(ids: readonly string[], find: (id: string) => T | undefined): ReadonlyMap<string, T> {
  const found = new Map<string, T>();
  for (const id of ids) {
    const row = find(id);
    if (row !== undefined) found.set(id, row);
  }
  return found;
}
