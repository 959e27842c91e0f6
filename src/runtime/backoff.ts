export interface Backoff {
  /** The longest first wait. */
  readonly minMs: number;
  /** No wait is longer than this. */
  readonly maxMs: number;
  /** In [0, 1); Math.random unless a test says otherwise. */
  readonly random?: () => number;
}

/** How long to wait after the `attempt`-th failure (from 1): doubling up to `maxMs`, of which a random half to the
 *  whole is taken, so that many who failed together do not return together. */
export function backoffMs(attempt: number, { minMs, maxMs, random = Math.random }: Backoff): number {
  const ceiling = Math.min(maxMs, minMs * 2 ** Math.min(attempt - 1, 30));
  return Math.round(ceiling * (0.5 + random() / 2));
}
