import type { Json } from './json.ts';

/** Why an atom could not be merged without a loss. A closed union, used unchanged in the table and on screen. */
export const CONFLICT_REASONS = {
  BOTH_CHANGED: 'Both sides changed it to different values; the value of its owner stands.',
  EDITED_AND_DELETED: 'One side deleted it while the other edited it; it is kept.',
  STATUS_CLASH: 'Neither status can follow the other; the status of the insurer stands.',
  FRONT_SEALED: 'Both drivers have signed: the front stays as it was sealed.',
  SEALED_TWICE: 'Both sides sealed different fronts; the front of the insurer stands.',
  NOT_ALLOWED: "The change was not its author's right and was not taken over.",
  NO_COMMON_BASE: 'The state that both sides started from is gone, so that every difference is shown.',
} as const;
export type ConflictReason = keyof typeof CONFLICT_REASONS;

export type Side = 'ours' | 'theirs';

/** What one merge found. Absent is null. */
export interface ConflictDraft {
  readonly atom: string;
  readonly base: Json;
  readonly ours: Json;
  readonly theirs: Json;
  /** Whose value the merged state has. */
  readonly stands: Side;
  readonly reason: ConflictReason;
  /** Critical for the seal and for the status. */
  readonly severity: 'critical' | 'normal';
}
