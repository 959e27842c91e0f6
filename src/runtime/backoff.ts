export interface Backoff {
  /** The longest first wait. */
  readonly minMs: number;
  /** No wait is longer than this. */
  readonly maxMs: number;
  /** In [0, 1); Math.random unless a test says otherwise. */
  readonly random?: () => number;
}

/** For what is away: short enough that work goes on within seconds of its return, however long it was away. */
export const OUTAGE_BACKOFF: Backoff = { minMs: 200, maxMs: 1_500 };

/** Whether the `attempt`-th failure in a row is worth a line in the log: the first, and then ever more rarely, so that an
 *  hour's outage is told a dozen times and not a thousand. */
export function isWorthTelling(attempt: number): boolean {
  return Number.isInteger(Math.log2(attempt));
}

/** How long to wait after the `attempt`-th failure (from 1): doubling up to `maxMs`, of which a random half to the
 *  whole is taken, so that many who failed together do not return together. */
export function backoffMs(attempt: number, { minMs, maxMs, random = Math.random }: Backoff): number {
  const ceiling = Math.min(maxMs, minMs * 2 ** Math.min(attempt - 1, 30));
  return Math.round(ceiling * (0.5 + random() / 2));
}
