import { diffAtoms } from '../domain/diff-atoms.ts';
import { HUB, type EntityEvent } from '../domain/event.ts';
import type { JsonObject } from '../domain/json.ts';
import type { EntityKind, Violation } from '../domain/kind.ts';
import { findBase, mergedRevision } from '../domain/merge-base.ts';
import { compareRevisions, type Revision } from '../domain/revision.ts';
import type { EntityView, TopicRoute } from '../ports.ts';
import { composeEdit, newViolations, shapeState, tooLarge } from './compose-edit.ts';
import type { EditDeps } from './create-edits.ts';
import type { EditContext, EditedEntity, EditResult } from './edit.ts';
import type { EditPlan } from './join-edits.ts';
import { shownEntity } from './patch-entity.ts';
import { putOnTop } from './put-on-top.ts';
import type { FoundRecord } from './read-quarantined.ts';

export interface Correction {
  readonly record: FoundRecord;
  /** The whole state as it should be, but for what the hub sets itself. */
  readonly state: JsonObject;
  /** The revision on which it was made; undefined: what the record's author had seen, as far as that is known. */
  readonly base: Revision | null | undefined;
  readonly reason: string;
  readonly context: EditContext;
}

/** Why nothing can come of a correction. */
export type RefusedCorrection =
  /** A sentence: which entity it is about can't be known, or that is another provider's. */
  | { readonly status: 'unattributable'; readonly why: string }
  | Extract<EditResult, { readonly status: 'clash' | 'unknown-base' | 'invalid' | 'too-large' }>;

export interface ComposedCorrection {
  readonly status: 'composed';
  readonly kind: EntityKind;
  readonly base: Revision | null;
  /** As it stands now; null while the entity doesn't exist here. */
  readonly current: JsonObject | null;
  readonly entity: EditedEntity;
  readonly plan: EditPlan;
  readonly route: TopicRoute;
}

export interface CorrectionDeps extends EditDeps {
  readonly allottedWriterIds: (providerId: string) => readonly string[];
}

/** The edit of ours that a correction becomes: a full state on top of how the entity stands now, under the rules of any
 *  staff edit, with a revision that dominates what is stored as well as the event that lies in quarantine. So both sides
 *  take it, also the provider that made that event; it is published even when it equals what is stored. */
export async function composeCorrection(
  correction: Correction,
  deps: CorrectionDeps,
): Promise<ComposedCorrection | RefusedCorrection> {
  const { record, context } = correction;
  const found = await findSubject(correction, deps);
  if ('status' in found) return found;
  const { kind, id, route, before } = found;
  const { event } = record.read;
  const seen = credibleRevision(event, route.providerId, deps);

  const current = before && (await deps.codec.decodeStored(before.bytes, before.schemaRef)).state;
  const nowMs = deps.clock();
  const own = ownFields(
    kind,
    { id, provider: route.providerId, current, given: correction.state, event },
    nowMs,
  );
  const edited = shapeState(kind, { ...correction.state, ...own }, deps);
  if (!edited.ok) return { status: 'invalid', violations: edited.violations };

  const base = correction.base === undefined ? await chooseBase(kind, before, seen, deps) : correction.base;
  const wanted = await onTop({ kind, base, before, current, edited: edited.state }, deps);
  if ('status' in wanted) return wanted;
  const shaped = shapeState(kind, wanted.state, deps);
  if (!shaped.ok) return { status: 'invalid', violations: shaped.violations };
  const { state } = shaped;
  const violations = violationsOf(kind, { before, current, state, event, provider: route.providerId }, deps);
  if (violations.length > 0) return { status: 'invalid', violations };

  const composed = await composeEdit(
    {
      ...{ kind, route, id, state, before, context },
      revision: mergedRevision(before?.revision ?? {}, seen),
      changedFields: current ? diffAtoms(kind, current, state) : [],
      changeReason: correction.reason,
      causationId: event?.meta.eventId ?? null,
      idempotency: null,
      settlement: null,
    },
    deps,
  );
  const { plan, entity } = composed;
  const refused = tooLarge(composed.bytes, route);
  if (refused?.status === 'too-large') return refused;
  return { status: 'composed', kind, base, current, entity, plan, route };
}

interface Subject {
  readonly kind: EntityKind;
  readonly id: string;
  readonly route: TopicRoute;
  readonly before: EntityView | null;
}

/** The entity that the correction is about, and the topic on which it travels (docs/adr/0001: also where E-assurance makes
 *  no edits of its own). */
async function findSubject(
  { record, state }: Correction,
  { topology, reader }: CorrectionDeps,
): Promise<Subject | RefusedCorrection> {
  const refuse = (why: string): RefusedCorrection => ({ status: 'unattributable', why });
  const { kind, entityId } = record.read;
  const provider = topology.routes.get(record.topic)?.providerId;
  if (kind === null || provider === undefined) return refuse(`topics.yaml has no topic ${record.topic}.`);
  if (!topology.providers.has(provider)) return refuse(`${record.topic} carries no entities of a provider.`);
  const named = state[kind.idField];
  const id = entityId ?? named;
  if (typeof id !== 'string' || !UUID.test(id))
    return refuse(
      `Neither the record nor the state says which ${kind.name} it is: put a UUID into ${kind.idField}.`,
    );
  if (typeof named === 'string' && named.toLowerCase() !== id.toLowerCase())
    return refuse(`The record is about the ${kind.name} ${id}, the state about another one.`);
  const before = await reader.find(kind, id.toLowerCase());
  if (before?.erased) return refuse(`The ${kind.name} ${id} was erased.`);
  if (before && before.provider !== provider)
    return refuse(
      `The topic belongs to ${provider}, the ${kind.name} ${id} to ${before.provider}: discard the record.`,
    );
  const actions = Object.keys(kind.events);
  const action = before ? actions.at(-1) : actions[0];
  const route = topology.routes.get(`${provider}-${kind.name}.${action}`);
  return route
    ? { kind, id: id.toLowerCase(), route, before }
    : refuse(`${kind.name} of ${provider} travels no more.`);
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** What can be believed of the revision in quarantine: the entries of the hub and of allotted writers with a possible
 *  counter, as long as the event is the provider's or ours. Of one that can't be read nothing is guessed: an entry too
 *  high would make the provider's next edit look old. */
export function credibleRevision(
  event: EntityEvent | null,
  provider: string,
  { allottedWriterIds }: Pick<CorrectionDeps, 'allottedWriterIds'>,
): Revision {
  if (event === null || event.meta.providerId !== provider || ![HUB, provider].includes(event.meta.origin))
    return {};
  const writers = [HUB, ...allottedWriterIds(provider)];
  return Object.fromEntries(
    Object.entries(event.meta.revision).filter(
      ([writer, counter]) => writers.includes(writer) && Number.isSafeInteger(counter) && counter >= 1,
    ),
  );
}

/** What the hub sets itself, whatever the state says. */
function ownFields(
  kind: EntityKind,
  of: {
    readonly id: string;
    readonly provider: string;
    readonly current: JsonObject | null;
    readonly given: JsonObject;
    readonly event: EntityEvent | null;
  },
  nowMs: number,
): JsonObject {
  const { id, provider, current, given, event } = of;
  const now = new Date(nowMs).toISOString();
  const opened = current ?? {
    createdBy: given['createdBy'] === HUB ? HUB : provider,
    createdAt: given['createdAt'] ?? event?.state['createdAt'] ?? now,
  };
  const { createdBy = null, createdAt = null } = opened;
  return { [kind.idField]: id, providerId: provider, createdBy, createdAt, updatedAt: now };
}

/** What the author of the event in quarantine had seen of ours: the state on which a correction of it is made. */
async function chooseBase(
  kind: EntityKind,
  before: EntityView | null,
  seen: Revision,
  { store }: CorrectionDeps,
): Promise<Revision | null> {
  if (before === null) return null;
  const known = Object.keys(seen).length > 0;
  if (!known || compareRevisions(seen, before.revision) === 'dominates') return before.revision;
  const lineages = await store.transaction((tx) => tx.readLineage(kind, [before.id]));
  const base = findBase(lineages.get(before.id) ?? [], before.revision, seen);
  return base.kind === 'entry' ? base.entry.revision : before.revision;
}

async function onTop(
  edit: {
    readonly kind: EntityKind;
    readonly base: Revision | null;
    readonly before: EntityView | null;
    readonly current: JsonObject | null;
    readonly edited: JsonObject;
  },
  deps: CorrectionDeps,
): Promise<{ readonly state: JsonObject } | RefusedCorrection> {
  const { kind, base, before, current, edited } = edit;
  if (before === null || current === null) return { state: edited };
  if (base !== null && compareRevisions(base, before.revision) === 'equal') return { state: edited };
  // Proposed while it didn't exist here, everything in it was changed against nothing.
  const stored = base && (await deps.reader.findRevision(kind, before.id, base));
  if (base !== null && stored === null)
    return { status: 'unknown-base', current: shownEntity(before, current) };
  const baseState = stored ? (await deps.codec.decodeStored(stored.bytes, stored.schemaRef)).state : {};
  const placed = putOnTop(kind, { base: baseState, current, edited });
  if ('state' in placed) return placed;
  return { status: 'clash', current: shownEntity(before, current), atoms: placed.clashes };
}

/** As for any edit of ours, but that what the provider's own event says, and may say, is its right and not ours. */
function violationsOf(
  kind: EntityKind,
  of: {
    readonly before: EntityView | null;
    readonly current: JsonObject | null;
    readonly state: JsonObject;
    readonly event: EntityEvent | null;
    readonly provider: string;
  },
  deps: EditDeps,
): readonly Violation[] {
  const { before, current, state, event, provider } = of;
  const stored = before ?? { status: null, seal: null, createdBy: kind.createdBy(state) ?? HUB };
  const carried =
    event?.meta.origin === provider && event.meta.providerId === provider
      ? { originator: provider, state: event.state }
      : null;
  return newViolations(kind, { stored, state: current }, state, deps, carried);
}
