import type { JsonObject } from '../json.ts';
import type { RefusedChange, StoredSummary } from '../kind.ts';
import { text } from '../read-state.ts';
import { refuseNewCreator } from '../refuse-new-creator.ts';
import { mayReach } from './lifecycle.ts';

/** Changes that are not their originator's right: a step of the lifecycle, the front once it is sealed, and who opened
 *  the constat. */
export function refusedChanges(
  stored: StoredSummary,
  state: JsonObject,
  seal: string | null,
  originator: string,
): readonly RefusedChange[] {
  const refused: RefusedChange[] = [...refuseNewCreator(stored, state)];
  const status = text(state['status']);
  if (!mayReach(stored.status, status, originator, stored.createdBy)) {
    const from = stored.status ?? 'nothing';
    refused.push({
      atom: 'status',
      reason: `${originator} may not take a constat from ${from} to ${status ?? 'nothing'}.`,
    });
  }
  if (stored.seal !== null && seal !== stored.seal) {
    refused.push({ atom: 'front', reason: 'Nobody changes the front after both have signed.' });
  }
  return refused;
}
