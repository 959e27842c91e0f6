import type { Change } from '../domain/explanation.ts';
import { tabulateAtoms } from '../domain/atom-table.ts';
import { diffAtoms } from '../domain/diff-atoms.ts';
import type { EntityKind } from '../domain/kind.ts';
import { compareRevisions } from '../domain/revision.ts';
import type { HistoryView } from '../ports.ts';
import type { Evidence, ShowValue } from './compose-episodes.ts';

/** Whether the entity's row has pointed at this event: what came in and was merged never was the state. */
export function madeState(row: HistoryView): boolean {
  return row.source !== 'share' && (row.outcome === 'applied' || row.source === 'merge');
}

/** What an event changed, piece by piece: of one that became the state, against what stood here; of one that was merged or
 *  came too late, against the newest state that its author had seen. */
export function describeChanges(
  index: number,
  evidence: Evidence,
  show: ShowValue,
): { readonly changes: readonly Change[] | null; readonly changesUnknown: string | null } {
  const { events, decoded } = evidence;
  const kind = withOpenFront(evidence.kind);
  const row = events[index]!;
  const unknown = (changesUnknown: string) => ({ changes: null, changesUnknown });
  if (row.source === 'share' || row.source === 'republish') return { changes: [], changesUnknown: null };
  const after = decoded.get(row.eventId);
  if (!after) return unknown('What it changed is not known: its bytes were emptied (pruned or erased).');
  const base = madeState(row)
    ? events.slice(0, index).findLast(madeState)
    : newestSeenBy(row, events.slice(0, index));
  if (base === undefined) {
    return evidence.unshown > 0 || !isFirst(row, events)
      ? unknown('What it changed is not told: the state before it is not among the events that were read.')
      : unknown('It is the first state here: all of it is new.');
  }
  const before = decoded.get(base.eventId);
  if (!before)
    return unknown(
      'What it changed is not known: the bytes of the state before it were emptied (pruned or erased).',
    );
  const [old, current] = [kind.atoms(before.state), kind.atoms(after.state)];
  const changes = diffAtoms(kind, before.state, after.state).map((atom) => ({
    atom,
    before: show(atom, old.get(atom) ?? null),
    after: show(atom, current.get(atom) ?? null),
  }));
  return { changes, changesUnknown: null };
}

/** A seal makes one atom of the front, for merging; people ask which field of it changed. */
function withOpenFront(kind: EntityKind): EntityKind {
  const { merge } = kind;
  return merge === undefined ? kind : { ...kind, atoms: (state) => tabulateAtoms(state, merge.table) };
}

function isFirst(row: HistoryView, events: readonly HistoryView[]): boolean {
  return events.find(madeState) === row;
}

/** Of the states that the event's revision has seen, the one that was written last. */
function newestSeenBy(row: HistoryView, earlier: readonly HistoryView[]): HistoryView | undefined {
  const seen = earlier.filter(
    ({ source, outcome, revision }) =>
      (outcome === 'applied' || outcome === 'merged') &&
      source !== 'share' &&
      compareRevisions(revision, row.revision) === 'dominated',
  );
  return seen.findLast((entry) =>
    seen.every(({ revision }) => compareRevisions(revision, entry.revision) !== 'dominates'),
  );
}
