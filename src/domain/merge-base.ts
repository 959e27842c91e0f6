import { compareRevisions, joinRevisions, nextRevision, type Revision } from './revision.ts';
import { HUB } from './event.ts';

/** One state of an entity that the history knows: applied, made here, or merged. Never a quarantined one. */
export interface HistoryEntry {
  readonly eventId: string;
  readonly revision: Revision;
  /** Of the hub's own making: an edit by staff or a merge. */
  readonly byHub: boolean;
  /** Its bytes are gone. */
  readonly pruned: boolean;
  readonly digest: string;
  /** It became the entity's state. */
  readonly accepted: boolean;
  /** An edit by E-assurance's own people, which a merge is not. */
  readonly edit: boolean;
}

/** What one of the hub's edits did: the state that it was made upon (null: it opened the entity), and its own. */
export interface HubEdit {
  readonly before: HistoryEntry | null;
  readonly after: HistoryEntry;
}

export type Base =
  | { readonly kind: 'entry'; readonly entry: HistoryEntry }
  /** `{}`, before creation: both sides opened the entity without having seen the other. */
  | { readonly kind: 'empty' }
  /** NO_COMMON_BASE. */
  | { readonly kind: 'missing' };

/** The greatest revision in the history that is ≤ both (SYNC.md, Merge). `history` is every settled event of the entity,
 *  oldest first, the incoming one left out; of two with the same revision the later counts. An entry at the incoming
 *  revision is no base: its counter was used twice (rule 6), and it is another edit than the one that came now. A base
 *  that is pruned, or that is not unique, is missing: a lower one would bring overruled values back. */
export function findBase(history: readonly HistoryEntry[], ours: Revision, theirs: Revision): Base {
  const common = history.filter(
    ({ revision }) => compareRevisions(revision, theirs) === 'dominated' && isAtMost(revision, ours),
  );
  const greatest = common.findLast((entry) =>
    common.every(({ revision }) => isAtMost(revision, entry.revision)),
  );
  if (greatest !== undefined)
    return greatest.pruned ? { kind: 'missing' } : { kind: 'entry', entry: greatest };
  return common.length === 0 && sawNothing(ours, theirs) ? { kind: 'empty' } : { kind: 'missing' };
}

/** Entries of the hub's making above the base, in their order: an atom in which one of them differs from the base was
 *  changed here, even if it was changed back. */
export function hubStatesAbove(history: readonly HistoryEntry[], base: Base): readonly HistoryEntry[] {
  if (base.kind === 'missing') return [];
  const floor = base.kind === 'entry' ? base.entry.revision : {};
  return history.filter(
    (entry) => entry.byHub && !entry.pruned && compareRevisions(entry.revision, floor) === 'dominates',
  );
}

/** Edits of the hub beside the base, which the incoming edit had not seen. Where the base is a state of theirs that was
 *  merged, ours of the same time do not lie above it, and yet what they changed, even if they changed it back, was changed
 *  by us. Each is told by what it was made upon: against the base, what the provider changed would count as ours. */
export function hubEditsBeside(
  history: readonly HistoryEntry[],
  base: Base,
  theirs: Revision,
): readonly HubEdit[] {
  if (base.kind !== 'entry') return [];
  const floor = base.entry.revision;
  return history.flatMap((after, i) => {
    if (!after.edit || after.pruned || isAtMost(after.revision, theirs) || isAtMost(floor, after.revision))
      return [];
    return [{ before: history.slice(0, i).findLast((entry) => entry.accepted) ?? null, after }];
  });
}

/** The revision of what the hub merged: the entry-wise maximum with the hub's own counter + 1. It dominates both sides,
 *  so that both take it. */
export function mergedRevision(ours: Revision, theirs: Revision): Revision {
  return nextRevision(joinRevisions(ours, theirs), HUB);
}

/** `a` ≤ `b`: nothing in `a` that `b` has not seen. */
export function isAtMost(a: Revision, b: Revision): boolean {
  const order = compareRevisions(a, b);
  return order === 'equal' || order === 'dominated';
}

/** Whether nothing can lie below both: they have no writer in common, or the incoming edit is its writer's first and
 *  knows no other. */
function sawNothing(ours: Revision, theirs: Revision): boolean {
  const writers = Object.keys(theirs).filter((writer) => (theirs[writer] ?? 0) > 0);
  const first = writers.length === 1 && theirs[writers[0]!] === 1;
  return first || writers.every((writer) => (ours[writer] ?? 0) === 0);
}
