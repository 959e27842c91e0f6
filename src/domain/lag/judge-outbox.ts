import { formatCount, formatSeconds } from './format.ts';
import { persists } from './persistence.ts';
import { LAG_THRESHOLDS, type LagThresholds } from './thresholds.ts';
import type { DrainEstimate, Judgement } from './verdict.ts';

/** What waits in one shard of the outbox at one moment. */
export interface OutboxSample {
  readonly atMs: number;
  readonly waiting: number;
  /** Sequence and time of the oldest edit that Kafka has not acknowledged; null when there is none. */
  readonly oldest: { readonly sequence: bigint; readonly atMs: number } | null;
  /** Refused by Kafka for good, set aside for people. */
  readonly parked: number;
  readonly database: boolean;
}

type Finding = Pick<Judgement, 'verdict' | 'cause' | 'next'>;

/** Whether our edits leave. `samples`: of one shard, oldest first, at least one. */
export function judgeOutbox(
  shard: string,
  samples: readonly OutboxSample[],
  nowMs: number,
  previous: Judgement | null,
  t: LagThresholds = LAG_THRESHOLDS,
): Judgement {
  const last = samples.at(-1)!;
  const ageMs = last.oldest === null ? 0 : Math.max(0, nowMs - last.oldest.atMs);
  const net = netPerSecond(samples, t.rateWindowMs);
  const drainSeconds: DrainEstimate =
    last.waiting === 0 ? 0 : net === null ? null : net > 0 ? last.waiting / net : 'never';
  const { verdict, cause, next } = find(shard, samples, { ageMs, net, nowMs, previous, t });
  return {
    verdict,
    cause,
    next,
    behindSeconds: last.database ? ageMs / 1000 : null,
    messages: last.database ? last.waiting : null,
    ratePerSecond: null,
    drainSeconds: last.database ? drainSeconds : null,
    sinceMs: previous?.verdict === verdict ? previous.sinceMs : nowMs,
  };
}

interface Seen {
  readonly ageMs: number;
  readonly net: number | null;
  readonly nowMs: number;
  readonly previous: Judgement | null;
  readonly t: LagThresholds;
}

function find(
  shard: string,
  samples: readonly OutboxSample[],
  { ageMs, net, nowMs, previous, t }: Seen,
): Finding {
  const last = samples.at(-1)!;
  const was = previous?.verdict;
  const limits = { enterMs: t.pausedAfterMs, leaveMs: t.clearAfterMs, nowMs };
  if (persists(samples, ({ database }) => !database, was === 'PAUSED_DATABASE', limits)) {
    const cause = "PostgreSQL can't be used: edits are neither taken nor sent.";
    return { verdict: 'PAUSED_DATABASE', cause, next: 'bridge doctor' };
  }
  const edits = formatCount(last.waiting, 'edit');
  const wasBehind = was === 'CATCHING_UP' || was === 'FALLING_BEHIND' || was === 'STALLED';
  if (last.oldest === null || ageMs < (wasBehind ? t.behindUntilMs : t.behindFromMs)) {
    const parked = last.parked === 0 ? '' : `; ${last.parked} parked, which Kafka refused`;
    return { verdict: 'OK', cause: `Edits for ${shard} leave as they come${parked}.`, next: null };
  }
  const oldest = last.oldest.sequence;
  const unmoved = samples.findLastIndex((sample) => sample.oldest?.sequence !== oldest);
  const stillForMs = t.watchFirst ? nowMs - samples[unmoved + 1]!.atMs : ageMs;
  if (stillForMs >= t.stalledAfterMs) {
    return {
      verdict: 'STALLED',
      cause: `${edits} for ${shard} wait${last.waiting === 1 ? 's' : ''}, and Kafka has acknowledged none for ${formatSeconds(stillForMs / 1000)}.`,
      next: 'bridge doctor',
    };
  }
  if (net !== null && net < 0) {
    const cause = `${edits} for ${shard} wait, and more are made than leave.`;
    return { verdict: 'FALLING_BEHIND', cause, next: 'bridge lag --watch' };
  }
  return { verdict: 'CATCHING_UP', cause: `${edits} for ${shard} are on their way.`, next: null };
}

/** By how much the outbox shrinks; null until two samples tell. */
function netPerSecond(samples: readonly OutboxSample[], windowMs: number): number | null {
  const last = samples.at(-1)!;
  const first = samples.find(({ atMs }) => atMs >= last.atMs - windowMs)!;
  if (first.atMs >= last.atMs) return null;
  return ((first.waiting - last.waiting) * 1000) / (last.atMs - first.atMs);
}
