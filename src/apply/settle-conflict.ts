import { digestOf } from '../domain/canonical.ts';
import type { Side } from '../domain/conflict.ts';
import { diffAtoms } from '../domain/diff-atoms.ts';
import { MovedError } from '../domain/errors.ts';
import { HUB } from '../domain/event.ts';
import type { Json } from '../domain/json.ts';
import { compareRevisions, nextRevision } from '../domain/revision.ts';
import { writeAtom } from '../domain/write-atom.ts';
import type { Conflict } from '../ports.ts';
import { commitEdit } from './commit-edit.ts';
import { composeEdit, editRoute, newViolations, shapeState, tooLarge } from './compose-edit.ts';
import type { CommitDeps } from './create-edits.ts';
import type { SettleEdit, SettleResult } from './edit.ts';
import { EMPTY_PLAN } from './empty-plan.ts';
import { shownEntity } from './patch-entity.ts';

/** Settles a conflict by an ordinary edit: the chosen value is written into the current state and published, and the
 *  conflict is closed in the same transaction. When the state has that value already, the conflict is closed and nothing
 *  else changes (`unchanged`). Its author must have read the current revision, for nobody settles what they have not
 *  seen; the compare-and-set makes that hold until the write. Of two who settle at once, one is told `closed` or `moved`. */
export async function settleConflict(edit: SettleEdit, deps: CommitDeps): Promise<SettleResult> {
  try {
    return await settleOnce(edit, deps);
  } catch (error) {
    if (!(error instanceof MovedError)) throw error;
    if (error.what === 'conflict') return { status: 'closed' };
    // The entity moved meanwhile. Its revision never returns, so the second look says `moved`.
    return settleOnce(edit, deps);
  }
}

async function settleOnce(edit: SettleEdit, deps: CommitDeps): Promise<SettleResult> {
  const { conflict, providers, context, reason } = edit;
  const kind = deps.topology.kinds.get(conflict.kind);
  if (!kind || (providers && !providers.includes(conflict.provider))) return { status: 'missing' };
  if (conflict.status !== 'open') return { status: 'closed' };
  const before = await deps.reader.find(kind, conflict.entityId);
  if (!before || before.erased) return { status: 'missing' };
  const { state: current } = await deps.codec.decodeStored(before.bytes, before.schemaRef);
  if (compareRevisions(edit.revision, before.revision) !== 'equal')
    return { status: 'moved', current: shownEntity(before, current) };

  const settlement = {
    atoms: [conflict.atom],
    by: context.author,
    seen: edit.revision,
    reason,
    conflictId: conflict.id,
  };
  const written = writeAtom(kind, current, conflict.atom, chosenValue(conflict, edit.choice));
  if (written === null) return { status: 'invalid', violations: [noPlaceFor(conflict)] };
  const shaped = shapeState(kind, { ...written, updatedAt: new Date(deps.clock()).toISOString() }, deps);
  if (!shaped.ok) return { status: 'invalid', violations: shaped.violations };
  const { state } = shaped;
  if (digestOf(state, kind.shape) === before.digest) {
    const unmoved = [{ kind, id: before.id, revision: before.revision }];
    const row = { ...settlement, kind: kind.name, entityId: before.id, eventId: null };
    await deps.store.transaction((tx) => tx.write({ ...EMPTY_PLAN, unmoved, settlements: [row] }));
    return { status: 'unchanged', entity: shownEntity(before, current) };
  }
  const violations = newViolations(kind, { stored: before, state: current }, state, deps);
  if (violations.length > 0) return { status: 'invalid', violations };

  const route = editRoute(kind, before.provider, 'later', deps);
  const composed = await composeEdit(
    {
      kind,
      route,
      id: before.id,
      revision: nextRevision(before.revision, HUB),
      state,
      before,
      changedFields: diffAtoms(kind, current, state),
      changeReason: reason,
      context,
      idempotency: null,
      settlement,
    },
    deps,
  );
  const refused = tooLarge(composed.bytes, route);
  if (refused) return refused;
  await commitEdit(composed, context, deps);
  return { status: 'updated', entity: composed.entity };
}

/** The side's newest value: what it holds now, or held when the last merge overruled it. */
export function newestValue(conflict: Conflict, side: Side): Json {
  return (conflict.joined.at(-1) ?? conflict)[side];
}

function chosenValue(conflict: Conflict, choice: SettleEdit['choice']): Json {
  return typeof choice === 'string' ? newestValue(conflict, choice) : choice.value;
}

function noPlaceFor({ atom }: Conflict) {
  return {
    pointer: `/${atom}`,
    code: 'NO_SUCH_ATOM',
    message: 'The state has no place for this value: what it belongs to is gone, or it is of another form',
  };
}
