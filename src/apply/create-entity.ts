import { MovedError, PermanentError } from '../domain/errors.ts';
import { HUB } from '../domain/event.ts';
import { nextRevision } from '../domain/revision.ts';
import { commitEdit } from './commit-edit.ts';
import { composeEdit, editRoute, newViolations, shapeState, tooLarge } from './compose-edit.ts';
import type { CommitDeps, EditDeps } from './create-edits.ts';
import type { CreateEdit, EditedEntity, EditResult } from './edit.ts';

/** Opens a new entity for a provider. With an idempotency key the same request gives the same entity, however often and
 *  however concurrently it arrives: the key is written in the edit's own transaction. */
export async function createEntity(edit: CreateEdit, deps: CommitDeps): Promise<EditResult> {
  const { kind } = edit;
  const route = editRoute(kind, edit.provider, 'first', deps);
  const id = deps.newId();
  const now = new Date(deps.clock()).toISOString();
  const shaped = shapeState(
    kind,
    {
      ...edit.state,
      [kind.idField]: id,
      providerId: edit.provider,
      createdBy: HUB,
      createdAt: now,
      updatedAt: now,
    },
    deps,
  );
  if (!shaped.ok) return { status: 'invalid', violations: shaped.violations };
  const { state } = shaped;
  const unborn = { status: null, seal: null, createdBy: HUB };
  const violations = newViolations(kind, { stored: unborn, state: null }, state, deps);
  if (violations.length > 0) return { status: 'invalid', violations };

  const composed = await composeEdit(
    {
      kind,
      route,
      id,
      revision: nextRevision({}, HUB),
      state,
      before: null,
      changedFields: [],
      changeReason: null,
      context: edit.context,
      idempotency: edit.idempotency,
      settlement: null,
    },
    deps,
  );
  const refused = tooLarge(composed.bytes, route);
  if (refused) return refused;

  try {
    const repeated = await commitEdit(composed, edit.context, deps);
    if (repeated) return await repeatedResult(edit, repeated, deps);
  } catch (error) {
    // The same key arrived twice at once and the other one was first: now it can be read.
    if (error instanceof MovedError && edit.idempotency) return createEntity(edit, deps);
    throw error;
  }
  return { status: 'created', entity: composed.entity };
}

/** Answers a repeated request with the entity as that request left it. */
async function repeatedResult(
  edit: CreateEdit,
  seen: { readonly requestDigest: string; readonly entityId: string; readonly eventId: string },
  deps: EditDeps,
): Promise<EditResult> {
  if (seen.requestDigest !== edit.idempotency?.requestDigest) return { status: 'key-reused' };
  const entity = await deps.reader.find(edit.kind, seen.entityId);
  const stored = await deps.store.transaction((tx) => tx.readBytes(seen.eventId));
  if (!entity || !stored)
    throw new PermanentError('ERASED', `${edit.kind.name} ${seen.entityId} was erased since`);
  const event = await deps.codec.decodeStored(stored.bytes, stored.schemaRef);
  const repeated: EditedEntity = {
    kind: edit.kind.name,
    id: seen.entityId,
    provider: entity.provider,
    revision: event.meta.revision,
    state: event.state,
    violations: [],
    updatedAtMs: Date.parse(event.meta.occurredAt),
  };
  return { status: 'repeated', entity: repeated };
}
