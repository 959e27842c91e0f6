/** When a finding becomes a verdict, and when the verdict ends: never at the same value, so that nothing on the border
 *  flaps. All in milliseconds unless said otherwise. */
export interface LagThresholds {
  /** Rates are taken over this long. */
  readonly rateWindowMs: number;
  /** Behind from this age of the oldest record … */
  readonly behindFromMs: number;
  /** … until it has been below this for `behindClearMs`. */
  readonly behindUntilMs: number;
  readonly behindClearMs: number;
  /** FALLING_BEHIND turns into CATCHING_UP when the net rate over `trendWindowMs` has been above this share of the flow for
   *  `trendHeldMs`, and back when it has been below its negative for as long. */
  readonly netShare: number;
  readonly trendWindowMs: number;
  readonly trendHeldMs: number;
  /** Records waiting and none settled for so long: longer than a rebalance or a rolling deployment takes. */
  readonly stalledAfterMs: number;
  /** Whether a stand counts only from when it was first seen; else what PostgreSQL says of the last move counts too. */
  readonly watchFirst: boolean;
  /** No group member for so long: longer than a deployment takes. */
  readonly stoppedAfterMs: number;
  /** No leader for so long: longer than an election takes. */
  readonly leaderlessAfterMs: number;
  readonly pausedAfterMs: number;
  /** A finding must be gone for so long before its verdict ends. */
  readonly clearAfterMs: number;
  /** How long data that is gone, and a log that began anew, stay visible after the consumer went on. */
  readonly lossShownMs: number;
  readonly rewindShownMs: number;
  /** New entries in quarantine within `POISON_WINDOW_MS`. */
  readonly poisonFrom: number;
  /** An edit of ours that Kafka has not acknowledged, or a record of ours that the provider has not read. */
  readonly unreadFromMs: number;
  readonly unreadUntilMs: number;
  /** A provider is silent after this many times its usual interval, but never before `silentAtLeastMs`. */
  readonly silentIntervals: number;
  readonly silentAtLeastMs: number;
}

/** Quarantine is said to grow by what came within the first, and to rest when nothing came within the second. */
export const POISON_WINDOW_MS = 5 * 60_000;
export const POISON_REST_MS = 15 * 60_000;

/** Everything in proportion to one number: how long it may stand still before somebody should know, longer than a
 *  rebalance or a deployment takes. */
export function thresholdsFor(patienceMs: number): LagThresholds {
  return {
    rateWindowMs: patienceMs,
    behindFromMs: patienceMs / 2,
    behindUntilMs: patienceMs / 6,
    behindClearMs: patienceMs / 2,
    netShare: 0.05,
    trendWindowMs: patienceMs / 2,
    trendHeldMs: patienceMs / 3,
    stalledAfterMs: patienceMs,
    watchFirst: true,
    stoppedAfterMs: patienceMs,
    leaderlessAfterMs: patienceMs / 3,
    pausedAfterMs: patienceMs / 4,
    clearAfterMs: patienceMs / 4,
    lossShownMs: 60 * 60_000,
    rewindShownMs: 15 * 60_000,
    poisonFrom: 3,
    unreadFromMs: 5 * patienceMs,
    unreadUntilMs: patienceMs,
    silentIntervals: 3,
    silentAtLeastMs: 5 * patienceMs,
  };
}

/** For whoever samples all the time, unless told otherwise. */
export const LAG_THRESHOLDS: LagThresholds = thresholdsFor(60_000);

/** For one look at a moment: what is seen counts at once. */
export const AT_ONCE: LagThresholds = {
  ...LAG_THRESHOLDS,
  watchFirst: false,
  stoppedAfterMs: 0,
  leaderlessAfterMs: 0,
  pausedAfterMs: 0,
  clearAfterMs: 0,
  behindClearMs: 0,
};
