export interface ProviderApiLimits {
  readonly connectTimeoutMs: number;
  /** Without a byte. */
  readonly readTimeoutMs: number;
  /** From the request to the last byte of the answer, whatever trickles in meanwhile. */
  readonly answerTimeoutMs: number;
  readonly maxAnswerBytes: number;
  /** Requests after the first, for what a later one may mend. */
  readonly retries: number;
  readonly minRetryMs: number;
  /** A longer `Retry-After` is left to the caller. */
  readonly maxRetryAfterMs: number;
  /** The bulkhead: requests to this provider at the same time, and those that may queue for their turn. */
  readonly concurrency: number;
  readonly maxQueued: number;
  /** Failures before the circuit can open, and how long it stays open. */
  readonly breakerVolume: number;
  readonly breakerResetMs: number;
}

export const DEFAULT_LIMITS: ProviderApiLimits = {
  connectTimeoutMs: 2_000,
  readTimeoutMs: 10_000,
  answerTimeoutMs: 20_000,
  maxAnswerBytes: 16 * 1024 * 1024,
  retries: 2,
  minRetryMs: 250,
  maxRetryAfterMs: 5_000,
  concurrency: 4,
  maxQueued: 100,
  breakerVolume: 10,
  breakerResetMs: 15_000,
};
