import { Buffer } from 'node:buffer';
import type { Message } from './network.ts';

/** An insurer's platform in small, with code of its own: it shares the contract with the hub and nothing else. */
export type Counters = Readonly<Record<string, number>>;
export type Content = { readonly [field: string]: unknown };

export interface ProviderRecord {
  readonly revision: Counters;
  readonly state: Content;
}

interface Database {
  readonly records: Map<string, ProviderRecord>;
  readonly outbox: Message[];
  writerId: string;
}

export interface ProviderModel {
  readonly id: string;
  record(id: string): ProviderRecord | undefined;
  ids(): readonly string[];
  /** Opens a record with the first revision of its own. */
  create(id: string, state: Content): ProviderRecord;
  /** Saves a form that was opened at `base`; null when the record has another revision by now. */
  edit(id: string, base: Counters, state: Content): ProviderRecord | null;
  /** Its whole duty on receipt: apply what dominates, ignore the rest. One transaction. */
  receive(value: Buffer): 'applied' | 'ignored' | 'own';
  /** Publications that wait, oldest first. */
  outbox(): readonly Message[];
  /** Kafka has acknowledged the publication. */
  sent(message: Message): void;
  backUp(): void;
  hasBackup(): boolean;
  /** The database is as it was when it was backed up; with a writer id of a new life unless told otherwise. */
  restore(options: { readonly writerId: string }): void;
}

export function createProviderModel(deps: {
  readonly id: string;
  readonly newId: () => string;
  readonly now: () => number;
}): ProviderModel {
  const { id } = deps;
  let database: Database = { records: new Map(), outbox: [], writerId: id };
  let backup: Database | null = null;

  function save(entityId: string, action: string, revision: Counters, state: Content): ProviderRecord {
    const saved = { revision, state };
    database.records.set(entityId, saved);
    const eventType = `constat.${action}`;
    const meta = {
      eventId: deps.newId(),
      eventType,
      providerId: id,
      origin: id,
      entityType: 'constat',
      entityId,
      revision,
      occurredAt: new Date(deps.now()).toISOString(),
      correlationId: null,
      causationId: null,
      actor: 'USER',
      replay: false,
    };
    const value = Buffer.from(JSON.stringify({ meta, state, changedFields: [], changeReason: null }));
    database.outbox.push({ topic: `${id}-${eventType}`, key: entityId, value, headers: {} });
    return saved;
  }

  const increment = (revision: Counters): Counters => ({
    ...revision,
    [database.writerId]: (revision[database.writerId] ?? 0) + 1,
  });

  return {
    id,
    record: (entityId) => database.records.get(entityId),
    ids: () => [...database.records.keys()],
    create: (entityId, state) => save(entityId, 'created', increment({}), state),
    edit(entityId, base, state) {
      const held = database.records.get(entityId);
      if (held === undefined || !same(held.revision, base)) return null;
      return save(entityId, 'updated', increment(held.revision), state);
    },
    receive(value) {
      const { meta, state } = parse(value);
      if (meta.origin === id) return 'own';
      const held = database.records.get(meta.entityId);
      if (held !== undefined && !dominates(meta.revision, held.revision)) return 'ignored';
      database.records.set(meta.entityId, { revision: meta.revision, state });
      return 'applied';
    },
    outbox: () => database.outbox,
    sent(message) {
      const at = database.outbox.indexOf(message);
      if (at >= 0) database.outbox.splice(at, 1);
    },
    backUp: () => void (backup = copy(database)),
    hasBackup: () => backup !== null,
    restore({ writerId }) {
      database = { ...copy(backup!), writerId };
    },
  };
}

interface Event {
  readonly meta: { readonly origin: string; readonly entityId: string; readonly revision: Counters };
  readonly state: Content;
}
/** What arrives twice is parsed once; records are never changed, only replaced. */
const parsed = new WeakMap<Buffer, Event>();
function parse(value: Buffer): Event {
  let event = parsed.get(value);
  if (event === undefined) parsed.set(value, (event = JSON.parse(value.toString()) as Event));
  return event;
}

function copy({ records, outbox, writerId }: Database): Database {
  return { records: new Map(records), outbox: [...outbox], writerId };
}

function same(a: Counters, b: Counters): boolean {
  return !dominates(a, b) && covers(a, b);
}

export function dominates(a: Counters, b: Counters): boolean {
  return covers(a, b) && !covers(b, a);
}

function covers(a: Counters, b: Counters): boolean {
  return Object.keys(b).every((writer) => (a[writer] ?? 0) >= b[writer]!);
}
