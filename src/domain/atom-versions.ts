import type { ConflictReason, Side } from './conflict.ts';
import type { Json } from './json.ts';

/** One atom in every state that its merge looks at; undefined where it is absent. */
export interface AtomVersions {
  readonly base: Json | undefined;
  readonly ours: Json | undefined;
  readonly theirs: Json | undefined;
  /** In the hub's own states above the base. */
  readonly hub: readonly (Json | undefined)[];
  /** What the hub's edits beside the base were made upon and what they made of it, in turn. */
  readonly edits: readonly (Json | undefined)[];
  readonly same: (a: Json | undefined, b: Json | undefined) => boolean;
}

/** Who wins an atom, and why the other value goes into a conflict, if it does. */
export interface Decision {
  readonly stands: Side;
  readonly reason?: ConflictReason;
}

export function isChangedByThem({ base, theirs, same }: AtomVersions): boolean {
  return !same(theirs, base);
}

/** Changed and changed back is a change: an edit that they had not seen when they made theirs. */
export function isChangedByUs({ base, ours, hub, edits, same }: AtomVersions): boolean {
  if (!same(ours, base) || hub.some((state) => !same(state, base))) return true;
  for (let i = edits.length - 2; i >= 0; i -= 2) {
    // Our last edit of it counts as long as its value stands: one that a merge has overruled is in a conflict already.
    if (!same(edits[i], edits[i + 1])) return same(edits[i + 1], ours);
  }
  return false;
}
