import mergePatch from 'json-merge-patch';
import { tabulateAtoms } from '../domain/atom-table.ts';
import { digestOf } from '../domain/canonical.ts';
import { contentOf, diffContents } from '../domain/diff-atoms.ts';
import { MovedError, TransientError } from '../domain/errors.ts';
import { HUB } from '../domain/event.ts';
import type { JsonObject } from '../domain/json.ts';
import type { EntityKind } from '../domain/kind.ts';
import { compareRevisions, nextRevision } from '../domain/revision.ts';
import type { EntityView } from '../ports.ts';
import { commitEdit } from './commit-edit.ts';
import { composeEdit, editRoute, newViolations, shapeState, tooLarge } from './compose-edit.ts';
import type { CommitDeps, EditDeps } from './create-edits.ts';
import type { EditedEntity, EditResult, PatchEdit } from './edit.ts';
import { putOnTop } from './put-on-top.ts';

const MAX_ATTEMPTS = 20;

/** Changes an entity by a merge patch (RFC 7396), on the condition that its author has seen what it replaces
 *  (SYNC.md, Staff edits). The compare-and-set on the revision makes the check hold until the write: an entity that
 *  moved in between is read and judged again. */
export async function patchEntity(edit: PatchEdit, deps: CommitDeps): Promise<EditResult> {
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
    try {
      return await patchOnce(edit, deps);
    } catch (error) {
      if (!(error instanceof MovedError)) throw error;
    }
  }
  throw new TransientError('CONTENDED', `another writer was faster ${MAX_ATTEMPTS} times in a row`);
}

async function patchOnce(edit: PatchEdit, deps: CommitDeps): Promise<EditResult> {
  const { kind } = edit;
  const before = await deps.reader.find(kind, edit.id);
  if (!before || before.erased || (edit.providers && !edit.providers.includes(before.provider))) {
    return { status: 'missing' };
  }
  const route = editRoute(kind, before.provider, 'later', deps);
  const { state: current } = await deps.codec.decodeStored(before.bytes, before.schemaRef);
  const wanted = await patchOnTop(edit, before, current, deps);
  if ('status' in wanted) return wanted;

  const patched = shapeState(kind, wanted.state, deps);
  if (!patched.ok) return { status: 'invalid', violations: patched.violations };
  const { state } = patched;
  if (digestOf(state, kind.shape) === before.digest)
    return { status: 'unchanged', entity: shownEntity(before, current) };
  const violations = newViolations(kind, { stored: before, state: current }, state, deps);
  if (violations.length > 0) return { status: 'invalid', violations };

  const [was, is] = [contentOf(kind, current), contentOf(kind, state)];
  // A conflict that is opened from here on is one that nobody has seen.
  const settlement = before.openConflicts > 0 && {
    atoms: touchedAtoms(kind, was, is),
    by: edit.context.author,
    seen: edit.condition.revision,
    reason: edit.changeReason,
  };
  const composed = await composeEdit(
    {
      kind,
      route,
      id: edit.id,
      revision: nextRevision(before.revision, HUB),
      state,
      before,
      changedFields: diffContents(kind.atoms, was, is),
      changeReason: edit.changeReason,
      context: edit.context,
      idempotency: null,
      settlement: settlement || null,
    },
    deps,
  );
  const refused = tooLarge(composed.bytes, route);
  if (refused) return refused;
  await commitEdit(composed, edit.context, deps);
  return { status: 'updated', entity: composed.entity };
}

/** The changed atoms of two contents under the names that conflicts have: a conflict is on a field of the front even where the seal has
 *  since made one atom of it, and one on the sealed front as a whole is settled on purpose alone. */
export function touchedAtoms(kind: EntityKind, was: JsonObject, is: JsonObject): readonly string[] {
  const table = kind.merge?.table;
  return diffContents(table ? (content) => tabulateAtoms(content, table) : kind.atoms, was, is);
}

/** The current state with the patch in it, or why it may not be applied. */
async function patchOnTop(
  edit: PatchEdit,
  before: EntityView,
  current: JsonObject,
  deps: EditDeps,
): Promise<EditResult | { readonly state: JsonObject }> {
  const { kind, condition } = edit;
  if (compareRevisions(condition.revision, before.revision) === 'equal')
    return { state: applyPatch(kind, current, edit.patch, deps) };
  if (condition.mode === 'exact') return { status: 'moved', current: shownEntity(before, current) };

  const stored = await deps.reader.findRevision(kind, edit.id, condition.revision);
  if (!stored) return { status: 'unknown-base', current: shownEntity(before, current) };
  const { state: base } = await deps.codec.decodeStored(stored.bytes, stored.schemaRef);
  const yours = shapeState(kind, applyPatch(kind, base, edit.patch, deps), deps);
  if (!yours.ok) return { status: 'invalid', violations: yours.violations };

  const placed = putOnTop(kind, { base, current, edited: yours.state });
  if ('state' in placed) return placed;
  return { status: 'clash', current: shownEntity(before, current), atoms: placed.clashes };
}

/** What the hub sets itself stays as it is, whatever the patch says. */
function applyPatch(kind: EntityKind, state: JsonObject, patch: JsonObject, deps: EditDeps): JsonObject {
  const patched = mergePatch.apply<JsonObject>(structuredClone(state), patch);
  return {
    ...patched,
    [kind.idField]: state[kind.idField],
    providerId: state['providerId'],
    createdBy: state['createdBy'],
    createdAt: state['createdAt'],
    updatedAt: new Date(deps.clock()).toISOString(),
    ...('sealedContentHash' in state ? { sealedContentHash: state['sealedContentHash'] } : {}),
  };
}

/** The stored entity with its state, as people see it. */
export function shownEntity(view: EntityView, state: JsonObject): EditedEntity {
  const { kind, id, provider, revision, violations, updatedAtMs } = view;
  return { kind, id, provider, revision, state, violations, updatedAtMs };
}
