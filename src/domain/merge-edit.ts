import type { JsonObject } from './json.ts';
import type { EntityKind } from './kind.ts';
import { mergeFields } from './merge-atoms.ts';
import { EVERY_FIELD } from './merge-states.ts';

/** Puts an edit that was made on `base` on top of how the entity stands now (SYNC.md, Staff edits): the atoms that it
 *  changed are as it says, all others as they are now. It takes more than a merge patch, which replaces a list as a whole
 *  and would take away what others have added to it since. The caller has made sure that no atom has moved on both sides.
 *  Rights are not judged here. */
export function mergeEdit(
  kind: EntityKind,
  { base, current, edited }: Readonly<Record<'base' | 'current' | 'edited', JsonObject>>,
): JsonObject {
  const rules = kind.merge ?? EVERY_FIELD;
  const versions = { base, ours: current, theirs: edited, hub: [], edits: [] };
  const merged = mergeFields('', versions, rules.table, kind.shape, {
    rules,
    owner: () => 'provider',
    baseMissing: false,
    refused: new Set(),
    front: null,
    conflicts: [],
  });
  return { ...merged, updatedAt: edited['updatedAt'] ?? null };
}
