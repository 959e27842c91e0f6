import { CONFLICT_REASONS } from '../domain/conflict.ts';
import { HUB, type EntityEvent } from '../domain/event.ts';
import type { Episode, EventEpisode, Reader, Sending } from '../domain/explanation.ts';
import type { Json } from '../domain/json.ts';
import type { EntityKind } from '../domain/kind.ts';
import { QUARANTINE_EXPLANATIONS } from '../domain/quarantine-code.ts';
import type {
  CommittedOffset,
  Conflict,
  DeliveryView,
  FlagView,
  HistoryView,
  ParkedView,
  QuarantineView,
} from '../ports.ts';
import { describeChanges, madeState } from './describe-changes.ts';
import { explainOutcome } from './explain-outcome.ts';

/** Shows the value of an atom to somebody who has no need of its personal data. */
export type ShowValue = (atom: string, value: Json) => Json;

/** Everything that was read about one entity. */
export interface Evidence {
  /** The provider as people call it: `SAA`. */
  readonly provider: string;
  readonly erased: boolean;
  /** Oldest first; the first `unshown` of them only say what stood before. */
  readonly events: readonly HistoryView[];
  readonly unshown: number;
  /** By event id; null where the bytes are gone. */
  readonly decoded: ReadonlyMap<string, EntityEvent | null>;
  readonly kind: EntityKind;
  readonly deliveries: readonly DeliveryView[];
  readonly parked: readonly ParkedView[];
  readonly conflicts: readonly Conflict[];
  readonly flags: readonly FlagView[];
  readonly quarantined: readonly QuarantineView[];
  /** Null when Kafka could not be asked. */
  readonly committed: readonly CommittedOffset[] | null;
}

/** The story of an entity in the order in which it happened here. Events stand in the order of their sequence, whatever
 *  their clocks say; everything else by its time, after the events of that time. Pure. */
export function composeEpisodes(evidence: Evidence, show: ShowValue): readonly Episode[] {
  const events = evidence.events.map((_, i) => eventEpisode(i, evidence, show)).slice(evidence.unshown);
  let reached = -Infinity;
  const timed = events.map((episode): [number, Episode] => [
    (reached = Math.max(reached, episode.atMs)),
    episode,
  ]);
  const shown = new Set(events.map(({ eventId }) => eventId));
  const besides = [
    ...evidence.deliveries.filter(({ eventId }) => shown.has(eventId)).flatMap(arrivalEpisode),
    ...evidence.quarantined.map(quarantineEpisode),
    ...evidence.conflicts.flatMap((conflict) => conflictEpisodes(conflict, show)),
    ...evidence.flags.map(flagEpisode),
  ];
  // The sort is stable: of one time, events come first.
  return [...timed, ...besides.map((episode): [number, Episode] => [episode.atMs, episode])]
    .sort(([a], [b]) => a - b)
    .map(([, episode]) => episode);
}

function eventEpisode(index: number, evidence: Evidence, show: ShowValue): EventEpisode {
  const { events, conflicts } = evidence;
  const row = events[index]!;
  const merge =
    row.outcome === 'merged'
      ? (events.slice(index + 1).find(({ source }) => source === 'merge') ?? null)
      : null;
  const of = merge ?? (row.source === 'merge' ? row : null);
  const caused = of === null ? null : (evidence.decoded.get(of.eventId)?.meta.causationId ?? null);
  const incoming = events.find(({ eventId }) => eventId === caused);
  const stood = events.slice(0, index).findLast(madeState);
  const event = evidence.decoded.get(row.eventId) ?? null;
  return {
    what: 'event',
    atMs: row.recordedAtMs,
    eventId: row.eventId,
    eventType: row.eventType,
    origin: row.origin,
    author: row.author,
    source: row.source,
    revision: row.revision,
    occurredAtMs: row.occurredAtMs,
    outcome: row.outcome,
    why: explainOutcome(row, {
      provider: evidence.provider,
      before: stood?.revision ?? (evidence.unshown > 0 ? undefined : null),
      merge,
      conflicts: of === null ? [] : conflicts.filter((conflict) => metIn(conflict, of, incoming)),
      erased: evidence.erased,
    }),
    ...describeChanges(index, evidence, show),
    correlationId: event?.meta.correlationId ?? null,
    causationId: event?.meta.causationId ?? null,
    received: row.partition === null || row.offset === null ? null : positionOf(row, row.offset),
    sending: sendingOf(row, evidence),
  };
}

/** Opened by this merge, or joined: a value that joined is known by its author's time. */
function metIn(conflict: Conflict, merge: HistoryView, incoming: HistoryView | undefined): boolean {
  return (
    conflict.eventId === merge.eventId ||
    conflict.joined.some(({ atMs }) => incoming !== undefined && atMs === incoming.occurredAtMs)
  );
}

/** An event of the hub's own is sent; once Kafka has acknowledged it, it has left the outbox for the deliveries. */
function sendingOf(row: HistoryView, evidence: Evidence): Sending | null {
  if (row.origin !== HUB || row.source === 'topic' || row.source === 'pull') return null;
  const sent = evidence.deliveries.find(
    ({ eventId, outcome }) => eventId === row.eventId && outcome === 'published',
  );
  if (sent !== undefined) {
    const position = positionOf(sent, sent.offset);
    return {
      state: 'published',
      atMs: sent.atMs,
      position,
      readers: readersOf(position, evidence.committed),
    };
  }
  const parked = evidence.parked.find(({ eventId }) => eventId === row.eventId);
  if (parked === undefined) return { state: 'waiting' };
  return { state: 'parked', atMs: parked.atMs, code: parked.code, cause: parked.cause };
}

function readersOf(
  { topic, partition, offset }: { topic: string; partition: number; offset: bigint },
  committed: Evidence['committed'],
): readonly Reader[] | null {
  if (committed === null) return null;
  return committed
    .filter((one) => one.topic === topic && one.partition === partition)
    .map((one) => ({ group: one.group, committed: one.offset, past: one.offset > offset }));
}

function positionOf(of: { readonly topic: string; readonly partition: number | null }, offset: bigint) {
  return { topic: of.topic, partition: of.partition ?? 0, offset };
}

function arrivalEpisode(delivery: DeliveryView): Episode[] {
  const { eventId, outcome, atMs } = delivery;
  if (outcome === 'published') return [];
  const why = 'It came once more: its id was settled before.';
  return [{ what: 'arrival', atMs, eventId, outcome, why, position: positionOf(delivery, delivery.offset) }];
}

export function quarantineEpisode(row: QuarantineView): Episode {
  const { settledAtMs, settledHow } = row;
  return {
    what: 'quarantine',
    atMs: row.firstSeenMs,
    id: row.id,
    eventId: row.eventId,
    code: row.code,
    cause: row.cause,
    why: (QUARANTINE_EXPLANATIONS as Readonly<Record<string, string>>)[row.code] ?? row.code,
    position: row.partition === null || row.offset === null ? null : positionOf(row, row.offset),
    attempts: row.attempts,
    settled: settledAtMs === null ? null : { atMs: settledAtMs, how: settledHow ?? 'settled' },
  };
}

function conflictEpisodes(conflict: Conflict, show: ShowValue): Episode[] {
  const { id, atom, code, severity, stands, status, settledAtMs } = conflict;
  const opened: Episode = {
    what: 'conflict opened',
    atMs: conflict.openedAtMs,
    conflictId: id,
    ...{ atom, code, severity, stands, status },
    why: (CONFLICT_REASONS as Readonly<Record<string, string>>)[code] ?? code,
    ours: show(atom, conflict.ours),
    theirs: show(atom, conflict.theirs),
  };
  if (settledAtMs === null) return [opened];
  const { settledBy, settledReason: reason, settlingEventId: eventId } = conflict;
  const by = settledBy ?? 'somebody';
  return [opened, { what: 'conflict settled', atMs: settledAtMs, conflictId: id, atom, by, reason, eventId }];
}

function flagEpisode({ code, eventId, raisedAtMs, clearedAtMs }: FlagView): Episode {
  return { what: 'flag', atMs: raisedAtMs, code, eventId, clearedAtMs };
}
