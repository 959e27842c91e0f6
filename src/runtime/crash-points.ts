/** Every place at which the crash matrix (docs/reliability.md) ends a real process: one between any two effects that could
 *  come apart. Each stands in the code as `reach('…')`, right after what its name says. */
export const CRASH_POINTS = [
  // Starting
  'start:migrations-checked',
  'start:providers-recorded',
  'start:compatibility-set',
  'start:schemas-registered',
  'start:schema-stored',
  // In: topic → PostgreSQL → offset
  'rebalance:begun',
  'rebalance:joined',
  'consume:fetched',
  'consume:decoded',
  'apply:read',
  'apply:written',
  'apply:committed',
  'consume:committed',
  // A merge, on the way in
  'merge:composed',
  'merge:committed',
  // Edits by the API
  'edit:written',
  'edit:committed',
  'edit:relay-woken',
  // Out: outbox → topic
  'relay:read',
  'relay:sent',
  'relay:parked',
  'relay:acknowledged',
  // Pulling
  'pull:fetched',
  'pull:applied',
  'pull:walked',
  'pull:cursor-moved',
  'republish:written',
  'republish:committed',
  // Pruning
  'prune:read',
  'prune:emptied',
  // Recovering
  'recover:surveyed',
  'recover:written',
  'recover:adopted',
  // Stopping
  'stop:asked',
  'stop:left',
  'stop:ended',
] as const;

export type CrashPoint = (typeof CRASH_POINTS)[number];

let armed: { readonly point: CrashPoint; passagesLeft: number; readonly crash: () => void } | null = null;

/** Does nothing, unless this very point was armed: then `crash` happens at the passage that was asked for. */
export function reach(point: CrashPoint): void {
  if (armed?.point !== point) return;
  armed.passagesLeft -= 1;
  if (armed.passagesLeft === 0) armed.crash();
}

/** For the crash matrix alone, once, when the process starts. */
export function armCrashPoint(point: CrashPoint, passage: number, crash: () => void): void {
  armed = { point, passagesLeft: passage, crash };
}
