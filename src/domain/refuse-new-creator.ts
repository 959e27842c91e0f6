import type { JsonObject } from './json.ts';
import type { RefusedChange, StoredSummary } from './kind.ts';
import { text } from './read-state.ts';

/** Who opened an entity is never changed: rights hang on it. A state that doesn't say is no change. */
export function refuseNewCreator(stored: StoredSummary, state: JsonObject): readonly RefusedChange[] {
  const createdBy = text(state['createdBy']);
  if (createdBy === null || createdBy === stored.createdBy) return [];
  return [{ atom: 'createdBy', reason: 'Nobody changes who opened an entity.' }];
}
