import { formatCount, formatSeconds } from './format.ts';
import { LAG_THRESHOLDS, type LagThresholds } from './thresholds.ts';
import type { Judgement } from './verdict.ts';

/** When a provider writes: all that is needed to tell silence from a pause. */
export interface Rhythm {
  readonly lastArrivalMs: number;
  /** Its longest pause of late: halved for every week that it was not reached again, so that nights and weekends count as
   *  usual and a busy first day does not set the measure for ever. */
  readonly usualMs: number;
  /** Pauses seen so far. */
  readonly pauses: number;
}

const HALF_LIFE_MS = 7 * 86_400_000;
/** Fewer pauses say nothing about what is usual. */
const PAUSES_NEEDED = 5;

/** The rhythm after something arrived from the provider at `arrivalMs`; the same one when that was known already. */
export function learnRhythm(known: Rhythm | null, arrivalMs: number): Rhythm {
  if (known === null) return { lastArrivalMs: arrivalMs, usualMs: 0, pauses: 0 };
  const pauseMs = arrivalMs - known.lastArrivalMs;
  if (pauseMs <= 0) return known;
  const faded = known.usualMs * 2 ** (-pauseMs / HALF_LIFE_MS);
  return { lastArrivalMs: arrivalMs, usualMs: Math.max(pauseMs, faded), pauses: known.pauses + 1 };
}

/** Whether the provider has fallen silent, given that nothing of it waits here; null while its rhythm is not known. */
export function judgeRhythm(
  provider: string,
  rhythm: Rhythm | null,
  nowMs: number,
  previous: Judgement | null,
  t: LagThresholds = LAG_THRESHOLDS,
): Judgement | null {
  if (rhythm === null || rhythm.pauses < PAUSES_NEEDED) return null;
  const silentMs = Math.max(0, nowMs - rhythm.lastArrivalMs);
  // It can only end by an arrival, which puts the silence far below the limit: nothing to flap.
  const limitMs = Math.max(t.silentIntervals * rhythm.usualMs, t.silentAtLeastMs);
  const silent = silentMs >= limitMs;
  const verdict = silent ? 'PROVIDER_SILENT' : 'OK';
  const last = `${formatSeconds(silentMs / 1000)} ago`;
  return {
    verdict,
    cause: silent
      ? `Nothing has come from ${provider} for ${formatSeconds(silentMs / 1000)}; its longest pause of late was ${formatSeconds(rhythm.usualMs / 1000)}.`
      : `The last event of ${provider} came ${last}.`,
    next: silent ? 'bridge doctor' : null,
    behindSeconds: 0,
    messages: 0,
    ratePerSecond: null,
    drainSeconds: 0,
    sinceMs: previous?.verdict === verdict ? previous.sinceMs : nowMs,
  };
}

/** Our records in one topic that none of the provider's consumer groups has read, over all partitions. */
export interface UnreadSample {
  readonly unread: number;
  /** When Kafka acknowledged the oldest of them; null when there is none. */
  readonly oldestAtMs: number | null;
  /** Names of its groups that have committed offsets in the topic. */
  readonly groups: readonly string[];
}

/** Whether the provider reads what we write. */
export function judgeReading(
  provider: string,
  topic: string,
  { unread, oldestAtMs, groups }: UnreadSample,
  nowMs: number,
  previous: Judgement | null,
  t: LagThresholds = LAG_THRESHOLDS,
): Judgement {
  const ageMs = oldestAtMs === null ? 0 : Math.max(0, nowMs - oldestAtMs);
  const limitMs = previous?.verdict === 'PROVIDER_BEHIND' ? t.unreadUntilMs : t.unreadFromMs;
  const behind = unread > 0 && ageMs >= limitMs;
  const verdict = behind ? 'PROVIDER_BEHIND' : 'OK';
  const reader =
    groups.length === 0
      ? `no group of ${provider} has read this topic yet`
      : `its group ${groups.join(', ')} has not come that far`;
  return {
    verdict,
    cause: behind
      ? `${provider} does not read ${topic}: ${formatCount(unread, 'event')} of ours wait${unread === 1 ? 's' : ''} for it, the oldest for ${formatSeconds(ageMs / 1000)}; ${reader}.`
      : `${provider} reads ${topic}.`,
    next: behind ? `bridge lag --provider ${provider}` : null,
    behindSeconds: ageMs / 1000,
    messages: unread,
    ratePerSecond: null,
    drainSeconds: null,
    sinceMs: previous?.verdict === verdict ? previous.sinceMs : nowMs,
  };
}
