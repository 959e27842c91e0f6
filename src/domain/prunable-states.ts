import { compareRevisions, type Revision } from './revision.ts';

/** One event of an entity whose bytes are still there. */
export interface HeldEvent {
  readonly eventId: string;
  readonly revision: Revision;
  /** The provider made it, and a topic or a pull brought it here. */
  readonly received: boolean;
  /** It became a state of the entity (applied or merged). */
  readonly isState: boolean;
  /** It still waits in the outbox. */
  readonly waiting: boolean;
  readonly recordedAtMs: number;
}

export interface PruneRules {
  /** The event that the entity row points at. */
  readonly presentEventId: string;
  /** What was recorded at this time or later stays. */
  readonly recordedBeforeMs: number;
  /** So many of an entity's newest states stay, whatever their age. */
  readonly keepStates: number;
}

/** The events, given in the order of writing, whose bytes may go (SYNC.md, History pruning): only what lies strictly below
 *  L, the newest revision received from the provider; without an L nothing. Whatever that provider still has on its way was
 *  made on top of L or before it, so the base of its merge is L or later. Where a counter was used twice, or a backup
 *  restored, several revisions are newest, none above the other: then only what lies below all of them. */
export function prunableStates(events: readonly HeldEvent[], rules: PruneRules): readonly string[] {
  const newest = newestOf(events.filter(({ received }) => received).map(({ revision }) => revision));
  if (newest.length === 0) return [];
  const states = events.filter(({ isState }) => isState);
  const kept = new Set(
    states.slice(Math.max(0, states.length - rules.keepStates)).map(({ eventId }) => eventId),
  );
  return events
    .filter(
      ({ eventId, revision, waiting, recordedAtMs }) =>
        !waiting &&
        eventId !== rules.presentEventId &&
        recordedAtMs < rules.recordedBeforeMs &&
        !kept.has(eventId) &&
        newest.every((received) => compareRevisions(revision, received) === 'dominated'),
    )
    .map(({ eventId }) => eventId);
}

/** Those that no other dominates. */
function newestOf(revisions: readonly Revision[]): readonly Revision[] {
  let newest: readonly Revision[] = [];
  for (const revision of revisions) {
    const orders = newest.map((other) => compareRevisions(revision, other));
    if (orders.some((order) => order === 'dominated' || order === 'equal')) continue;
    newest = [...newest.filter((_, i) => orders[i] !== 'dominates'), revision];
  }
  return newest;
}
