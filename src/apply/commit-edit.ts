import type { IdempotencyRow } from '../ports.ts';
import { reach } from '../runtime/crash-points.ts';
import { announceEdit, type Composed } from './compose-edit.ts';
import type { CommitDeps } from './create-edits.ts';
import type { EditContext } from './edit.ts';

/** Writes an edit and announces it; when it resolves, the edit is durable and on its way. Where its idempotency key was
 *  used before, nothing is written, and what the first request made is returned. */
export async function commitEdit(
  composed: Composed,
  context: EditContext,
  deps: CommitDeps,
): Promise<IdempotencyRow | null> {
  const repeated = await deps.write(composed.plan);
  if (repeated) return repeated;
  reach('edit:committed');
  announceEdit(composed, context, deps);
  reach('edit:relay-woken');
  return null;
}
