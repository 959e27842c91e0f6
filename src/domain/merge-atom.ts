import { isChangedByThem, isChangedByUs, type AtomVersions, type Decision } from './atom-versions.ts';
import type { ConflictDraft, ConflictReason, Side } from './conflict.ts';
import type { Json } from './json.ts';
import { decideOnFront, type FrontMerge } from './merge-front.ts';
import { decideStatus } from './merge-status.ts';
import type { MergeRules } from './kind.ts';

/** What one merge knows and collects while it walks the atoms. */
export interface AtomMerge {
  readonly rules: MergeRules;
  readonly owner: (atom: string) => 'provider' | 'eassurance';
  readonly baseMissing: boolean;
  /** Atoms in which the incoming change was not its originator's right. */
  readonly refused: ReadonlySet<string>;
  /** Null while no side has sealed. */
  readonly front: FrontMerge | null;
  readonly conflicts: ConflictDraft[];
}

/** The merged value of one atom (SYNC.md, Merge: per atom): one of its versions, never another one. A value that is lost
 *  goes into exactly one conflict. `presence`: the atom is an element of a list, so that being there is part of it. */
export function mergeAtom(
  atom: string,
  versions: AtomVersions,
  merge: AtomMerge,
  presence = false,
): Json | undefined {
  const { ours, theirs, same } = versions;
  // Not changed, or changed to the same.
  if (same(ours, theirs)) return ours;
  if (merge.front?.seal.holds(atom)) return versions[decideOnFront(atom, versions, merge.front)];
  const { stands, reason } = decide(atom, versions, merge, presence);
  if (reason !== undefined) merge.conflicts.push(draftConflict(atom, versions, stands, reason, merge));
  return versions[stands];
}

/** Two values that differ. */
function decide(atom: string, versions: AtomVersions, merge: AtomMerge, presence: boolean): Decision {
  if (merge.refused.has(atom)) return { stands: 'ours', reason: 'NOT_ALLOWED' };
  const { baseMissing, rules } = merge;
  if (!baseMissing && !isChangedByThem(versions)) return { stands: 'ours' };
  if (!baseMissing && !isChangedByUs(versions)) return { stands: 'theirs' };
  if (atom === rules.status?.atom) return decideStatus(versions, rules.status, baseMissing);
  const reason = baseMissing ? 'NO_COMMON_BASE' : 'BOTH_CHANGED';
  if (presence && !baseMissing) {
    if (isAbsent(versions.theirs)) return { stands: 'ours', reason: 'EDITED_AND_DELETED' };
    if (isAbsent(versions.ours)) return { stands: 'theirs', reason: 'EDITED_AND_DELETED' };
  }
  return { stands: merge.owner(atom) === 'provider' ? 'theirs' : 'ours', reason };
}

function draftConflict(
  atom: string,
  { base = null, ours = null, theirs = null }: AtomVersions,
  stands: Side,
  reason: ConflictReason,
  { rules }: AtomMerge,
): ConflictDraft {
  const severity = atom === rules.status?.atom ? 'critical' : 'normal';
  return { atom, base, ours, theirs, stands, reason, severity };
}

function isAbsent(value: Json | undefined): boolean {
  return value === undefined || value === null;
}
