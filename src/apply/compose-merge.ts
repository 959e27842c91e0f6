import { digestOf } from '../domain/canonical.ts';
import { HUB, type EntityEvent } from '../domain/event.ts';
import type { JsonObject } from '../domain/json.ts';
import type { EntityKind } from '../domain/kind.ts';
import { findBase, hubEditsBeside, hubStatesAbove, isAtMost, mergedRevision } from '../domain/merge-base.ts';
import { mergeStates } from '../domain/merge-states.ts';
import type { Revision } from '../domain/revision.ts';
import type { ConflictRow, EventRow, FlagRow, LineageEntry, WritePlan } from '../ports.ts';
import type { ApplyDeps, ReadableArrival } from './apply-batch.ts';
import { eventRow } from './compose-rows.ts';
import { entityKey, type ReadSet } from './read-for-judgement.ts';

interface ComposedMerge {
  readonly event: EntityEvent;
  readonly row: EventRow;
  readonly outbox: WritePlan['outbox'][number];
  readonly conflicts: readonly ConflictRow[];
  /** To be raised when a counter was used twice. */
  readonly flag: FlagRow;
}

/** Merges an arrival with the stored state (SYNC.md, Merge): the event of the merged state, encoded, with a revision that
 *  dominates both, and the conflicts that it leaves to staff. */
export async function composeMerge(
  arrival: ReadableArrival,
  read: ReadSet,
  deps: ApplyDeps,
): Promise<ComposedMerge> {
  const { kind, event: incoming } = arrival;
  const { entityId, providerId } = incoming.meta;
  const stored = read.entities.get(entityKey(kind, entityId))!;
  const lineage = read.lineages.get(entityKey(kind, entityId))!;
  const base = findBase(lineage, stored.revision, incoming.meta.revision);
  const baseState = base.kind === 'entry' ? stateOf(base.entry.eventId, read) : null;
  const provider = deps.topology.providers.get(providerId)!;
  const merged = mergeStates({
    kind,
    base: baseState,
    baseMissing: base.kind === 'missing',
    ours: stateOf(stored.eventId, read),
    hubStates: hubStatesAbove(lineage, base).map(({ eventId }) => stateOf(eventId, read)),
    hubEdits: hubEditsBeside(lineage, base, incoming.meta.revision).map(({ before, after }) => ({
      before: (before && read.states.get(before.eventId)) ?? baseState ?? {},
      after: stateOf(after.eventId, read),
    })),
    theirs: incoming.state,
    absentFields: incoming.absentFields ?? [],
    owner: (atom) => (owns(provider.hubOwns?.[kind.name] ?? [], atom) ? 'eassurance' : 'provider'),
    provider: providerId,
    createdBy: stored.createdBy,
    sealSeen:
      stored.seal !== null && base.kind === 'entry' && hadSeal(kind, lineage, base.entry.revision, read),
  });

  const eventId = deps.newId();
  const action = Object.keys(kind.events).at(-1)!;
  const event: EntityEvent = {
    meta: {
      ...incoming.meta,
      eventId,
      eventType: `${kind.name}.${action}`,
      origin: HUB,
      revision: mergedRevision(stored.revision, incoming.meta.revision),
      occurredAt: new Date(deps.clock()).toISOString(),
      causationId: incoming.meta.eventId,
      actor: 'SYSTEM',
      replay: false,
    },
    state: deps.codec.normalise(kind, merged.state),
    changedFields: [],
    changeReason: null,
  };
  const topic = `${providerId}-${event.meta.eventType}`;
  const { bytes, schemaRef } = await deps.codec.encode(topic, event);
  const digest = digestOf(event.state, kind.shape);
  const ours = lineage.find((entry) => entry.eventId === stored.eventId);
  return {
    event,
    row: eventRow(event, digest, {
      source: 'merge',
      topic,
      outcome: 'applied',
      author: HUB,
      schemaRef,
      bytes,
    }),
    outbox: { eventId, shard: providerId, traceparent: traceOf(arrival) },
    conflicts: merged.conflicts.map(({ reason, ...conflict }) => ({
      ...conflict,
      code: reason,
      kind: kind.name,
      entityId,
      provider: providerId,
      eventId,
      oursAuthor: ours?.author ?? HUB,
      oursAtMs: ours?.occurredAtMs ?? stored.updatedAtMs,
      theirsAuthor: incoming.meta.origin,
      theirsAtMs: Date.parse(incoming.meta.occurredAt),
    })),
    flag: {
      kind: kind.name,
      entityId,
      provider: providerId,
      code: 'REVISION_REUSED',
      eventId: incoming.meta.eventId,
    },
  };
}

/** The incoming event's trace context (W3C, version 00), continued; null where there is none that can be believed. */
function traceOf({ headers }: ReadableArrival): string | null {
  const { traceparent } = headers;
  return traceparent !== undefined && /^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/.test(traceparent)
    ? traceparent
    : null;
}

/** Whether a state at or below `revision` was sealed, be it one that was merged. */
function hadSeal(
  kind: EntityKind,
  lineage: readonly LineageEntry[],
  revision: Revision,
  read: ReadSet,
): boolean {
  return lineage.some((entry) => {
    const state = read.states.get(entry.eventId);
    return state !== undefined && isAtMost(entry.revision, revision) && kind.sealedFront(state) !== null;
  });
}

/** An atom belongs to E-assurance when topics.yaml names it, or something that contains it. */
function owns(owned: readonly string[], atom: string): boolean {
  return owned.some((name) => atom === name || atom.startsWith(`${name}/`));
}

function stateOf(eventId: string, read: ReadSet): JsonObject {
  const state = read.states.get(eventId);
  if (!state) throw new Error(`the state of event ${eventId} was not read for a merge`);
  return state;
}
