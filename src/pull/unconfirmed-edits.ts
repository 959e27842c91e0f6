import type { EditPosition } from '../ports.ts';

export interface UnconfirmedEdit {
  readonly id: string;
  /** Where the walk stood before it came to this edit. */
  readonly before: EditPosition;
}

interface Waiting extends UnconfirmedEdit {
  readonly tellings: number;
  readonly askAgainMs: number;
}

/** What one provider was asked about in one collection and did not have, oldest first. */
export interface UnconfirmedEdits {
  /** Those to be asked about again by now. */
  due(nowMs: number): readonly UnconfirmedEdit[];
  settle(id: string): void;
  /** Remembers an edit to be asked about again, later with every time that it was told in vain; false when it was told
   *  too often and is given up. What is merely in flight is waited for without an end. */
  keep(
    edit: UnconfirmedEdit,
    found: 'in-flight' | 'republished' | 'unreadable',
    when: { readonly clock: () => number; readonly graceMs: number },
  ): boolean;
  /** How many more can be remembered. */
  room(): number;
  /** Where a new walk would have to begin so as to meet them all; null when there are none. */
  oldest(): EditPosition | null;
  clear(): void;
}

/** The first at once, the others ever longer apart: with a grace of a minute, over a quarter of an hour. */
const MAX_TELLINGS = 5;

export function createUnconfirmedEdits(capacity: number): UnconfirmedEdits {
  const waiting = new Map<string, Waiting>();
  return {
    due: (nowMs) => [...waiting.values()].filter(({ askAgainMs }) => askAgainMs <= nowMs),
    settle: (id) => void waiting.delete(id),
    keep({ id, before }, found, { clock, graceMs }) {
      const known = waiting.get(id);
      const tellings = (known?.tellings ?? 0) + (found === 'in-flight' ? 0 : 1);
      if (tellings >= MAX_TELLINGS) {
        waiting.delete(id);
        return false;
      }
      const askAgainMs = clock() + graceMs * 2 ** Math.max(0, tellings - 1);
      // One that the walk meets again keeps its first place, which the stored cursor may not pass.
      waiting.set(id, { id, before: known?.before ?? before, tellings, askAgainMs });
      return true;
    },
    room: () => capacity - waiting.size,
    oldest: () => waiting.values().next().value?.before ?? null,
    clear: () => waiting.clear(),
  };
}
