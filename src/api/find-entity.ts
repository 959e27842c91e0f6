import type { EntityKind } from '../domain/kind.ts';
import type { EntityView } from '../ports.ts';
import type { ApiDeps } from './api-deps.ts';
import { maySee, type Caller } from './endpoint.ts';
import { entityDocument, type EntityDocument } from './entity-document.ts';
import { ProblemError } from './problem.ts';

/** The entity's row. Another provider's entity is `not-found` in the same words as one that doesn't exist, so that ids
 *  cannot be probed. */
export async function findVisible(
  kind: EntityKind,
  id: string,
  caller: Caller,
  reader: ApiDeps['reader'],
): Promise<EntityView> {
  const view = await reader.find(kind, id);
  if (view === null || !maySee(caller, view.provider)) throw missing(kind);
  if (view.erased)
    throw new ProblemError('erased', `The ${kind.name} was erased; only its id and revision are kept.`);
  return view;
}

export function missing(kind: EntityKind): ProblemError {
  return new ProblemError('not-found', `There is no ${kind.name} with this id.`);
}

/** The document of a stored entity: its state is the bytes of the event that made it. */
export async function documentOf(
  kind: EntityKind,
  view: EntityView,
  codec: ApiDeps['codec'],
): Promise<EntityDocument> {
  const event = await codec.decodeStored(view.bytes, view.schemaRef);
  return entityDocument(kind, { ...view, state: event.state });
}
