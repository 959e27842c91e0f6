import { digestOf, sealOf } from '../domain/canonical.ts';
import { HUB, type EntityEvent, type Outcome } from '../domain/event.ts';
import { judge, type Judgement, type MergeReason } from '../domain/judge.ts';
import type { RuleContext } from '../domain/kind.ts';
import { compareRevisions, type Revision } from '../domain/revision.ts';
import type { EntityWrite, PositionAdvance, StoredEntity, WritePlan } from '../ports.ts';
import { reach } from '../runtime/crash-points.ts';
import type { ApplyDeps, Arrival, ReadableArrival, Settled } from './apply-batch.ts';
import { composeMerge } from './compose-merge.ts';
import { EMPTY_PLAN } from './empty-plan.ts';
import { arrivalRow, deliveryRow, quarantineRow } from './compose-rows.ts';
import { entityKey, noteHistory, type HistoryEntry, type ReadSet } from './read-for-judgement.ts';
import { dayInAlgiers } from './rule-context.ts';
import { shareVerification } from './share-verification.ts';

export interface Judged {
  readonly settled: readonly Settled[];
  readonly plan: WritePlan;
  /** Keys of the entities that need a merge and whose lineage was not read: read it, and judge the batch again. */
  readonly unread: ReadonlySet<string>;
}

export type Lists = 'events' | 'outbox' | 'deliveries' | 'quarantined' | 'conflicts' | 'flags';
export type Draft = { -readonly [K in Lists]: WritePlan[K][number][] };

export interface Judging {
  readonly read: ReadSet;
  readonly draft: Draft;
  readonly writes: Map<string, EntityWrite>;
  readonly unread: Set<string>;
  readonly rules: RuleContext;
  readonly deps: ApplyDeps;
  /** The event of ours that answered these arrivals before a database was restored: what needs a merge is kept, and is
   *  not answered again. Null where a merge makes its own answer. */
  readonly answeredBy: string | null;
}

/** Judges the arrivals in their order against `read`, which is brought forward with each of them, and collects what one
 *  transaction has to write. Several events of one entity all become event rows; only the last state is written to its
 *  entity row, against the revision that was read from the database. */
export async function judgeArrivals(
  arrivals: readonly Arrival[],
  read: ReadSet,
  positions: readonly PositionAdvance[],
  deps: ApplyDeps,
): Promise<Judged> {
  const judging = newJudging(read, deps, null);
  const { draft } = judging;
  const settled: Settled[] = [];
  for (const arrival of arrivals) {
    if (!arrival.readable) {
      draft.quarantined.push(quarantineRow(arrival, arrival.code, arrival.cause, deps.topology));
      settled.push({ outcome: 'quarantined', code: arrival.code, eventId: null, entityId: null });
      continue;
    }
    const digest = digestOf(arrival.event.state, arrival.kind.shape);
    const judgement = judgeOne(arrival, digest, read, deps);
    const { eventId, entityId } = arrival.event.meta;
    const code = judgement.outcome === 'quarantined' ? judgement.code : null;
    const settling = settle(arrival, digest, judgement, judging);
    const outcome = typeof settling === 'string' ? settling : await settling;
    settled.push({ outcome, code, eventId, entityId });
  }
  const plan = {
    ...EMPTY_PLAN,
    ...draft,
    entities: [...judging.writes.values()],
    settledRecords: arrivals.flatMap(({ topic, key, value }, i) => {
      const { outcome } = settled[i]!;
      return outcome === 'quarantined' ? [] : [{ topic, key, value, outcome }];
    }),
    positions,
  };
  return { settled, plan, unread: judging.unread };
}

export function newJudging(read: ReadSet, deps: ApplyDeps, answeredBy: string | null): Judging {
  const draft: Draft = { events: [], outbox: [], deliveries: [], quarantined: [], conflicts: [], flags: [] };
  const rules = { today: dayInAlgiers(deps.clock()) };
  return { read, draft, writes: new Map(), unread: new Set(), rules, deps, answeredBy };
}

export function judgeOne(
  arrival: ReadableArrival,
  digest: string,
  read: ReadSet,
  deps: ApplyDeps,
): Judgement {
  const { kind, event, source } = arrival;
  const { entityId, eventId, revision } = event.meta;
  const route = deps.topology.routes.get(arrival.topic);
  const stored = read.entities.get(entityKey(kind, entityId)) ?? null;
  return judge({
    kind,
    event,
    digest,
    seal: sealOf(kind, event.state, stored),
    source,
    topicProvider: route?.providerId ?? '',
    writers: route?.writers ?? [],
    allottedWriterIds: deps.allottedWriterIds(route?.providerId ?? ''),
    stored,
    known: read.events.get(eventId) ?? null,
    history: digestsAt(revision, read.history.get(entityKey(kind, entityId))),
    issued: stored?.revision[HUB] ?? 0,
  });
}

/** Digests that the history holds at exactly this revision; null when there is none. */
function digestsAt(
  revision: Revision,
  history: readonly HistoryEntry[] | undefined,
): ReadonlySet<string> | null {
  const held = history?.filter((entry) => compareRevisions(entry.revision, revision) === 'equal') ?? [];
  return held.length === 0 ? null : new Set(held.map(({ digest }) => digest));
}

/** Turns one judgement into rows, brings the working copy forward, and says what it came to. At once, but for what has to
 *  be encoded: a promise for every event would cost more than most of the rules. */
export function settle(
  arrival: ReadableArrival,
  digest: string,
  judgement: Judgement,
  to: Judging,
): Outcome | Promise<Outcome> {
  const { read, draft, deps } = to;
  const { event } = arrival;
  const { outcome } = judgement;
  if (outcome === 'quarantined') {
    draft.quarantined.push(quarantineRow(arrival, judgement.code, judgement.cause, deps.topology));
    return outcome;
  }
  if (outcome === 'echo') return outcome;
  if (read.events.has(event.meta.eventId)) {
    const delivery = deliveryRow(arrival, outcome);
    if (delivery) draft.deliveries.push(delivery);
    return outcome;
  }
  if (outcome === 'merged') return merge(arrival, digest, judgement.why, to);
  // A pulled record that says nothing new is asked for again with every walk: it is counted, not stored.
  if (arrival.source === 'pull' && outcome !== 'applied') return outcome;
  draft.events.push(arrivalRow(arrival, digest, outcome));
  remember(arrival, event, digest, outcome, read);
  if (outcome !== 'applied') return outcome;
  return writeEntity(arrival, event, digest, to)?.then(() => outcome) ?? outcome;
}

/** The incoming state and the merged one are both kept; the merged one becomes the entity's, and is published always, even
 *  when it equals one side: else that side never learns of a revision that dominates its own (SYNC.md, Merge). */
async function merge(
  arrival: ReadableArrival,
  digest: string,
  why: MergeReason,
  to: Judging,
): Promise<Outcome> {
  const { read, draft } = to;
  const key = entityKey(arrival.kind, arrival.event.meta.entityId);
  if (!read.lineages.has(key)) {
    to.unread.add(key);
    return 'merged';
  }
  const merged = await composeMerge(arrival, read, to.deps);
  reach('merge:composed');
  if (why === 'skewed' && merged.row.digest === digest && merged.conflicts.length === 0) {
    return settle(arrival, digest, { outcome: 'applied' }, to);
  }
  draft.events.push(arrivalRow(arrival, digest, 'merged'));
  if (why === 'reused') draft.flags.push(merged.flag);
  remember(arrival, arrival.event, digest, 'merged', read);
  const { answeredBy } = to;
  if (answeredBy !== null) {
    draft.conflicts.push(...merged.conflicts.map((conflict) => ({ ...conflict, eventId: answeredBy })));
    return 'merged';
  }
  draft.events.push(merged.row);
  draft.outbox.push(merged.outbox);
  draft.conflicts.push(...merged.conflicts);
  remember(arrival, merged.event, merged.row.digest, 'applied', read);
  await writeEntity(arrival, merged.event, merged.row.digest, to);
  return 'merged';
}

/** What a later arrival of this batch has to know of an event that was just settled. */
export function remember(
  { kind }: ReadableArrival,
  { meta, state }: EntityEvent,
  digest: string,
  outcome: Outcome,
  read: ReadSet,
  /** By our own people: what arrives or is merged here is not. */
  edit = false,
): void {
  const { eventId, entityId, origin, revision } = meta;
  read.events.set(eventId, { digest, origin, entityId });
  noteHistory(read, entityKey(kind, entityId), { revision, digest });
  const lineage = read.lineages.get(entityKey(kind, entityId));
  if (!lineage || (outcome !== 'applied' && outcome !== 'merged')) return;
  const accepted = outcome === 'applied';
  const occurredAtMs = Date.parse(meta.occurredAt);
  lineage.push({
    eventId,
    revision,
    digest,
    byHub: origin === HUB,
    author: origin,
    occurredAtMs,
    accepted,
    edit,
    pruned: false,
  });
  read.states.set(eventId, state);
}

/** A promise where the event is shared too, which has to be encoded. */
export function writeEntity(
  { kind }: Pick<ReadableArrival, 'kind'>,
  event: EntityEvent,
  digest: string,
  to: Judging,
): Promise<void> | undefined {
  const { read, writes, draft, rules, deps } = to;
  const key = entityKey(kind, event.meta.entityId);
  const before = read.entities.get(key);
  const entity: StoredEntity = {
    id: event.meta.entityId,
    provider: event.meta.providerId,
    revision: event.meta.revision,
    digest,
    status: kind.status(event.state),
    seal: sealOf(kind, event.state, before ?? null),
    createdBy: before?.createdBy ?? kind.createdBy(event.state) ?? event.meta.origin,
    erased: false,
    eventId: event.meta.eventId,
    updatedAtMs: deps.clock(),
  };
  const pending = writes.get(key);
  writes.set(key, {
    kind,
    expected: pending ? pending.expected : (before?.revision ?? null),
    entity,
    violations: kind.violations(event.state, rules),
    state: event.state,
  });
  read.entities.set(key, entity);

  return shareVerification(kind, event, digest, deps)?.then((shared) => {
    draft.events.push(shared.event);
    draft.outbox.push(shared.outbox);
  });
}
