import type { Json, JsonObject } from '../../src/domain/json.ts';
import { compareRevisions, type Revision } from '../../src/domain/revision.ts';
import { readAtom } from './atoms.ts';

/** An edit that somebody was told is saved. */
export interface AcknowledgedEdit {
  readonly by: 'staff' | 'agent';
  readonly entityId: string;
  /** As in `ATOMS`, or the name of one element of a list. */
  readonly atom: string;
  /** Unique to this edit; null for a deletion. */
  readonly value: string | null;
  readonly revision: Revision;
}

export interface FoundConflict {
  readonly atom: string;
  readonly ours: Json;
  readonly theirs: Json;
  readonly joined: readonly { readonly ours: Json; readonly theirs: Json }[];
}

export type Fate = 'final' | 'replaced' | 'in conflict' | 'unaccounted';

/** What became of an edit: its value is the final one, or it was replaced by an edit of the same atom whose author had
 *  seen it, or it stands in a conflict. Anything else is a lost edit. Knows nothing of how the hub merges: only the
 *  revisions that both sides acknowledged their edits with. */
export function fateOf(
  edit: AcknowledgedEdit,
  all: readonly AcknowledgedEdit[],
  final: JsonObject | null,
  conflicts: readonly FoundConflict[],
): Fate {
  if (final !== null && readAtom(final, edit.atom) === edit.value) return 'final';
  const replaced = all.some(
    (later) =>
      later.entityId === edit.entityId &&
      later.atom === edit.atom &&
      compareRevisions(later.revision, edit.revision) === 'dominates',
  );
  if (replaced) return 'replaced';
  return conflicts.some((conflict) => holds(conflict, edit)) ? 'in conflict' : 'unaccounted';
}

function holds({ atom, ours, theirs, joined }: FoundConflict, edit: AcknowledgedEdit): boolean {
  const values = [ours, theirs, ...joined.flatMap((later) => [later.ours, later.theirs])];
  if (edit.value === null)
    return atom === 'front'
      ? values.some((value) => (value as JsonObject | null)?.[edit.atom] === null)
      : atom === edit.atom && values.includes(null);
  // Unique, so that wherever it stands it is this edit's.
  return values.some((value) => JSON.stringify(value).includes(edit.value!));
}
