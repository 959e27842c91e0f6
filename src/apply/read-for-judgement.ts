import { needsHistory } from '../domain/judge.ts';
import type { EntityKind } from '../domain/kind.ts';
import type { Revision } from '../domain/revision.ts';
import type { LineageEntry, StoredEntity, StoreTransaction } from '../ports.ts';
import type { JsonObject } from '../domain/json.ts';
import { allInOrder } from '../runtime/all-in-order.ts';
import type { Arrival, ReadableArrival } from './apply-batch.ts';

export interface KnownEvent {
  readonly digest: string;
  readonly origin: string;
  readonly entityId: string;
}

export interface HistoryEntry {
  readonly revision: Revision;
  readonly digest: string;
}

/** All that the judgement of a batch needs, read in a handful of statements. The maps are working copies: judging an
 *  arrival updates them, so that the next one of the same entity is judged against its predecessor. */
export interface ReadSet {
  readonly entities: Map<string, StoredEntity>;
  readonly events: Map<string, KnownEvent>;
  /** `entityKey` → what the history holds of it, as far as it was asked for. */
  readonly history: Map<string, HistoryEntry[]>;
  /** For the entities that need a merge: every state the history holds, in the order of writing. */
  readonly lineages: Map<string, LineageEntry[]>;
  /** By event id, the states that those merges look at. */
  readonly states: Map<string, JsonObject>;
}

export const entityKey = (kind: EntityKind, entityId: string): string => `${kind.name}|${entityId}`;

export async function readForJudgement(arrivals: readonly Arrival[], tx: StoreTransaction): Promise<ReadSet> {
  const readable = arrivals.filter((arrival): arrival is ReadableArrival => arrival.readable);
  const read: ReadSet = {
    entities: new Map(),
    events: new Map(),
    history: new Map(),
    lineages: new Map(),
    states: new Map(),
  };
  if (readable.length === 0) return read;

  const eventIds = unique(readable.map((arrival) => arrival.event.meta.eventId));
  const kinds = [...Map.groupBy(readable, (arrival) => arrival.kind)];
  const [known, ...entities] = await allInOrder([
    tx.readEvents(eventIds),
    ...kinds.map(([kind, ofKind]) => {
      const ids = unique(ofKind.map((arrival) => arrival.event.meta.entityId));
      return tx.readEntities(kind, ids);
    }),
  ]);
  for (const [id, event] of known) read.events.set(id, event);

  for (const [i, [kind, ofKind]] of kinds.entries()) {
    const stored = entities[i]!;
    for (const [id, entity] of stored) read.entities.set(entityKey(kind, id), entity);

    const pairs = ofKind
      .map(({ event: { meta } }) => ({ entityId: meta.entityId, revision: meta.revision }))
      .filter(({ entityId, revision }) => {
        const entity = stored.get(entityId);
        return entity !== undefined && needsHistory(entity, revision);
      });
    if (pairs.length === 0) continue;
    for (const { entityId, revision, digest } of await tx.readHistory(kind, pairs))
      noteHistory(read, entityKey(kind, entityId), { revision, digest });
  }
  return read;
}

export function noteHistory({ history }: ReadSet, key: string, entry: HistoryEntry): void {
  const entries = history.get(key);
  if (entries === undefined) history.set(key, [entry]);
  else entries.push(entry);
}

function unique(values: readonly string[]): string[] {
  return [...new Set(values)];
}
