import type { IdempotencyRow } from '../ports.ts';
import { reach } from '../runtime/crash-points.ts';
import { announceEdit, type Composed } from './compose-edit.ts';
import type { EditDeps } from './create-edits.ts';
import type { EditContext } from './edit.ts';

/** Writes an edit and announces it; when it resolves, the edit is durable and on its way. Where its idempotency key was
 *  used before, nothing is written, and what the first request made is returned. */
export async function commitEdit(
  composed: Composed,
  context: EditContext,
  deps: EditDeps,
): Promise<IdempotencyRow | null> {
  const { idempotency } = composed.plan;
  const repeated = await deps.store.transaction(async (tx) => {
    const seen = idempotency && (await tx.readIdempotency(idempotency.apiKeyId, idempotency.key));
    if (seen) return seen;
    await tx.write(composed.plan);
    reach('edit:written');
    return null;
  });
  if (repeated) return repeated;
  reach('edit:committed');
  announceEdit(composed, context, deps);
  reach('edit:relay-woken');
  return null;
}
