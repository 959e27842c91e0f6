import { TransientError } from '../domain/errors.ts';
import { backoffMs, OUTAGE_BACKOFF } from './backoff.ts';
import type { Backoff } from './backoff.ts';
import { sleep } from './sleep.ts';

export interface RetryOptions {
  readonly signal: AbortSignal;
  /** Told before each wait. */
  readonly onWait?: (error: TransientError, waitMs: number, attempt: number) => void;
  /** Called at every `heartbeatMs` of a wait; when it throws, the retrying ends with what it threw. */
  readonly heartbeat?: () => Promise<void>;
  readonly heartbeatMs?: number;
  readonly backoff?: Backoff;
}

const DEFAULT_HEARTBEAT_MS = 3_000;

/** Calls `work` until it succeeds, waiting after each TransientError: as long as the other side asked, else ever longer
 *  with jitter, without an end but `signal`. Anything that is not a TransientError is thrown on at once. After an abort
 *  nothing is started again and the signal's reason is thrown, but a result that `work` was already at is returned: it
 *  may stand for something durable. (p-retry throws such a result away, hence the loop here.) */
export async function retryTransient<T>(work: () => Promise<T>, options: RetryOptions): Promise<T> {
  options.signal.throwIfAborted();
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof TransientError)) throw error;
      options.signal.throwIfAborted();
      const waitMs = error.retryAfterMs ?? backoffMs(attempt, options.backoff ?? OUTAGE_BACKOFF);
      options.onWait?.(error, waitMs, attempt);
      await waitBeating(waitMs, options);
    }
  }
}

async function waitBeating(waitMs: number, options: RetryOptions): Promise<void> {
  const beatMs = options.heartbeat === undefined ? waitMs : (options.heartbeatMs ?? DEFAULT_HEARTBEAT_MS);
  let leftMs = waitMs;
  do {
    const stepMs = Math.min(beatMs, leftMs);
    await sleep(stepMs, options.signal);
    leftMs -= stepMs;
    // Also after a short wait: many short ones in a row must not starve the membership.
    await options.heartbeat?.();
  } while (leftMs > 0);
}
