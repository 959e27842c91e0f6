import { diffAtoms } from '../domain/diff-atoms.ts';
import type { JsonObject } from '../domain/json.ts';
import type { EntityKind } from '../domain/kind.ts';
import { mergeEdit } from '../domain/merge-edit.ts';
import type { AtomClash } from './edit.ts';

/** Puts an edit that was made on `base` on top of how the entity stands now, or tells the atoms that have moved on both
 *  sides to different values since (SYNC.md, Staff edits). */
export function putOnTop(
  kind: EntityKind,
  states: { readonly base: JsonObject; readonly current: JsonObject; readonly edited: JsonObject },
): { readonly state: JsonObject } | { readonly clashes: readonly AtomClash[] } {
  const { base, current, edited } = states;
  const moved = new Set(diffAtoms(kind, base, current));
  const apart = new Set(diffAtoms(kind, current, edited));
  const clashing = diffAtoms(kind, base, edited).filter((atom) => moved.has(atom) && apart.has(atom));
  if (clashing.length === 0) return { state: mergeEdit(kind, states) };
  const [baseAtoms, theirAtoms, yourAtoms] = [base, current, edited].map((state) => kind.atoms(state));
  return {
    clashes: clashing.map((atom) => ({
      atom,
      base: baseAtoms!.get(atom) ?? null,
      theirs: theirAtoms!.get(atom) ?? null,
      yours: yourAtoms!.get(atom) ?? null,
    })),
  };
}
