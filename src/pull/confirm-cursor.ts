import type { EditPosition } from '../ports.ts';

const START: EditPosition = { updatedAtMs: 0, id: '00000000-0000-0000-0000-000000000000' };

/** The name under which the cursors of a provider keep the time (RFC 3339) until which everything is to be asked about once
 *  more, because the provider may have lost it. */
export function recheckCursor(collection: string): string {
  return `${collection}/recheck`;
}

export function writeConfirmCursor({ updatedAtMs, id }: EditPosition, recheckUntilMs: number): string {
  return [new Date(updatedAtMs).toISOString(), id, new Date(recheckUntilMs).toISOString()].join(' ');
}

/** The stored position, or the very beginning when there is none or when it belongs to a walk before this recheck. */
export function readConfirmCursor(stored: string | null, recheckUntilMs: number): EditPosition {
  const [at, id, until] = stored?.split(' ') ?? [];
  if (at === undefined || id === undefined || until === undefined) return START;
  if (Date.parse(until) !== recheckUntilMs) return START;
  return { updatedAtMs: Date.parse(at), id };
}
