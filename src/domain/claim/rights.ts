import { HUB } from '../event.ts';
import type { JsonObject } from '../json.ts';
import type { RefusedChange, StoredSummary } from '../kind.ts';
import { text } from '../read-state.ts';
import { refuseNewCreator } from '../refuse-new-creator.ts';

/** E-assurance opens a claim and adds to it; where it stands is the insurer's to say. */
export function refusedChanges(
  stored: StoredSummary,
  state: JsonObject,
  _seal: string | null,
  originator: string,
): readonly RefusedChange[] {
  const status = text(state['status']);
  const refused = refuseNewCreator(stored, state);
  const opens = stored.status === null && status === 'OPENED';
  if (originator !== HUB || status === stored.status || opens) return refused;
  return [...refused, { atom: 'status', reason: 'Where a claim stands is decided by its insurer.' }];
}
