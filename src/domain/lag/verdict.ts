/** What can be said of one partition, one way out or one provider. A closed union, used unchanged in `bridge lag`,
 *  `GET /v1/lag`, as metric label and in assertions; in docs/runbook.md each has a section. Worst first. */
export const LAG_VERDICTS = [
  'RETENTION_LOSS',
  'PAUSED_DATABASE',
  'STOPPED',
  'STALLED',
  'PAUSED_FUSE',
  'LEADERLESS',
  'REWOUND',
  'FALLING_BEHIND',
  'POISON',
  'PROVIDER_BEHIND',
  'PROVIDER_SILENT',
  'CATCHING_UP',
  'OK',
] as const;

export type LagVerdict = (typeof LAG_VERDICTS)[number];

/** Lower is worse. */
export function rankOfVerdict(verdict: LagVerdict): number {
  return LAG_VERDICTS.indexOf(verdict);
}

/** Whether somebody should act: what catches up by itself needs nobody. */
export function needsAttention(verdict: LagVerdict): boolean {
  return verdict !== 'OK' && verdict !== 'CATCHING_UP';
}

/** Seconds until nothing waits, at the present net rate; `never`: as much arrives as is settled, or more. Null while that
 *  can't be known yet. */
export type DrainEstimate = number | 'never' | null;

/** A verdict with everything that its reader needs. No number is ever negative or NaN. */
export interface Judgement {
  readonly verdict: LagVerdict;
  /** One sentence; names topics, offsets and codes, never a person's data. */
  readonly cause: string;
  /** What to type next; null when there is nothing to do. */
  readonly next: string | null;
  /** Age of the oldest that waits; 0 when nothing does, null when it can't be known. */
  readonly behindSeconds: number | null;
  readonly messages: number | null;
  /** Settled per second of late; null until two samples tell. */
  readonly ratePerSecond: number | null;
  readonly drainSeconds: DrainEstimate;
  /** When this verdict began. */
  readonly sinceMs: number;
}
