import type { Json } from './json.ts';
import { canonicalText } from './canonical.ts';
import { compareRevisions, joinRevisions, type Revision } from './revision.ts';

/** Why an atom could not be merged without a loss. A closed union, used unchanged in the table and on screen. */
export const CONFLICT_REASONS = {
  BOTH_CHANGED: 'Both sides changed it to different values; the value of its owner stands.',
  EDITED_AND_DELETED: 'One side deleted it while the other edited it; it is kept.',
  STATUS_CLASH: 'Neither status can follow the other; the status of the insurer stands.',
  FRONT_SEALED: 'Both drivers have signed: the front stays as it was sealed.',
  SEALED_TWICE: 'Both sides sealed different fronts; the front of the insurer stands.',
  NOT_ALLOWED: "The change was not its author's right and was not taken over.",
  NO_COMMON_BASE: 'The state that both sides started from is gone, so that every difference is shown.',
} as const;
export type ConflictReason = keyof typeof CONFLICT_REASONS;

export type Side = 'ours' | 'theirs';

/** What one merge found. Absent is null. */
export interface ConflictDraft {
  readonly atom: string;
  readonly base: Json;
  readonly ours: Json;
  readonly theirs: Json;
  /** Whose value the merged state has. */
  readonly stands: Side;
  readonly reason: ConflictReason;
  /** Critical for the seal and for the status. */
  readonly severity: 'critical' | 'normal';
}

/** Where the value of one side comes from. */
export interface ConflictAuthor {
  readonly author: string;
  readonly eventId: string;
  readonly revision: Revision;
  /** By the author's clock, for people to read. */
  readonly occurredAt: string;
}

export interface ConflictValue extends ConflictAuthor {
  readonly side: Side;
  readonly value: Json;
}

/** An open conflict, of which an entity has one at most per atom. */
export interface OpenConflict {
  readonly atom: string;
  /** What both sides started from when it was opened. */
  readonly base: Json;
  /** Every value that has met here, in the order of arrival; each side's last one is its present value. */
  readonly values: readonly ConflictValue[];
  /** Whose last value the merged state has. */
  readonly stands: Side;
  readonly reason: ConflictReason;
  readonly severity: 'critical' | 'normal';
  /** Has seen every value here: who settles it must have seen this revision. */
  readonly revision: Revision;
}

/** Opens a conflict, or lets the values of a later merge join the open one (SYNC.md: one open conflict per entity and
 *  atom). No value that joined is ever dropped, and a value that its side has already brought joins once. `merged`: the
 *  revision of the merge. */
export function joinConflict(
  open: OpenConflict | null,
  draft: ConflictDraft,
  authors: Readonly<Record<Side, ConflictAuthor>>,
  merged: Revision,
): OpenConflict {
  const values = [...(open?.values ?? [])];
  for (const side of ['ours', 'theirs'] as const) {
    const value = draft[side];
    const last = values.findLast((known) => known.side === side);
    if (last === undefined || canonicalText(last.value) !== canonicalText(value))
      values.push({ side, value, ...authors[side] });
  }
  return {
    atom: draft.atom,
    base: open === null ? draft.base : open.base,
    values,
    stands: draft.stands,
    reason: draft.reason,
    severity: open?.severity === 'critical' ? 'critical' : draft.severity,
    revision: open === null ? merged : joinRevisions(open.revision, merged),
  };
}

/** What a person decided: one side's last value, or another one. */
export type Settlement =
  | { readonly choose: Side; readonly basedOn: Revision }
  | { readonly value: Json; readonly basedOn: Revision };

export type Settled =
  | { readonly status: 'settled'; readonly value: Json }
  /** A value joined, or the entity moved, that the person had not seen. */
  | { readonly status: 'moved' };

/** The value that settles the conflict, to be written by an ordinary edit of its atom. Refused when it rests on a
 *  revision that had not seen every value in it: nobody settles what they have not read. */
export function settleConflict(conflict: OpenConflict, settlement: Settlement): Settled {
  if (!hasSeen(settlement.basedOn, conflict.revision)) return { status: 'moved' };
  if ('value' in settlement) return { status: 'settled', value: settlement.value };
  return { status: 'settled', value: lastValue(conflict, settlement.choose) };
}

/** Whether an ordinary edit by staff settles the conflict: it touches the atom, the record around it or a part of it,
 *  and its author had seen every value in it. A provider's edit settles nothing. */
export function isSettledBy(
  conflict: OpenConflict,
  edit: { readonly changedAtoms: readonly string[]; readonly basedOn: Revision },
): boolean {
  const touches = edit.changedAtoms.some(
    (atom) => isWithin(atom, conflict.atom) || isWithin(conflict.atom, atom),
  );
  return touches && hasSeen(edit.basedOn, conflict.revision);
}

/** The side's present value; null when it brought none. */
export function lastValue(conflict: OpenConflict, side: Side): Json {
  return conflict.values.findLast((value) => value.side === side)?.value ?? null;
}

function hasSeen(revision: Revision, other: Revision): boolean {
  const order = compareRevisions(revision, other);
  return order === 'equal' || order === 'dominates';
}

function isWithin(atom: string, around: string): boolean {
  return atom === around || atom.startsWith(`${around}/`);
}
