import { formatCount, formatSeconds } from './format.ts';
import { stepsOf, toReading, type Finding, type Rule, type View } from './partition-view.ts';
import { heldSince, lasts, persists } from './persistence.ts';
import { estimateDrain, measureRates, type Rates } from './rates.ts';
import type { PartitionSample } from './sample.ts';

export const stalled: Rule = (view) => {
  const { place, last, samples, waiting, behindMs, was, nowMs, t } = view;
  const explain = `bridge explain ${place}/${last.log?.oldest?.offset ?? 0n}`;
  const { obstacle } = last;
  if (obstacle?.kind === 'halted') {
    return {
      verdict: 'STALLED',
      cause: `${place} stopped on a failure that nothing explains (${obstacle.code}); nothing is skipped, the others go on.`,
      next: explain,
    };
  }
  if (waiting === 0) return null;
  const moves = stepsOf(samples).map(({ atMs }) => atMs);
  // A consumer that has just begun is given its time, however old the backlog.
  const watchedFromMs = t.watchFirst ? heldSince(samples, ({ consumed }) => consumed !== false) : null;
  const stillForMs =
    nowMs - Math.max(moves.at(-1) ?? last.position?.movedAtMs ?? 0, nowMs - behindMs, watchedFromMs ?? 0);
  // One batch that got through after a long stand does not end it; two in a row do.
  const crawls = was === 'STALLED' && moves.filter((atMs) => nowMs - atMs < t.stalledAfterMs).length < 2;
  if (stillForMs < t.stalledAfterMs && !crawls) return null;
  const why =
    obstacle !== null
      ? `it waits (${obstacle.code})`
      : last.log?.openTransaction === true
        ? 'a producer has not ended its transaction, so nobody can read on'
        : 'its consumer settles none';
  return {
    verdict: 'STALLED',
    cause: `${formatCount(waiting, 'event')} wait${waiting === 1 ? 's' : ''} in ${place}, none settled for ${formatSeconds(stillForMs / 1000)}: ${why}.`,
    next: explain,
  };
};

/** Behind by age; for what was behind, until the age has been small for a while. */
function isBehind({ samples, was, nowMs, t }: View): boolean {
  const wasBehind = was === 'CATCHING_UP' || was === 'FALLING_BEHIND' || was === 'STALLED';
  const limitMs = wasBehind ? t.behindUntilMs : t.behindFromMs;
  return persists(samples, (sample) => ageMs(sample) >= limitMs, wasBehind, {
    enterMs: 0,
    leaveMs: t.behindClearMs,
    nowMs,
  });
}

function ageMs({ log, atMs }: PartitionSample): number {
  return log === null || log.oldest === null ? 0 : atMs - log.oldest.atMs;
}

/** Whether more arrives than is settled, clearly and for a while, since somebody consumes. Once said, it takes the opposite,
 *  as clearly and for as long, to change it. */
function falls({ samples: all, was, nowMs, t }: View): boolean {
  const sinceMs = heldSince(all, ({ consumed }) => consumed !== false);
  const samples = sinceMs === null ? all : all.filter(({ atMs }) => atMs >= sinceMs);
  const trends = samples.slice(-TRENDS_KEPT).map(({ atMs }, i, recent) => {
    const until = samples.length - recent.length + i + 1;
    return { atMs, rates: measureRates(samples.slice(0, until).flatMap(toReading), t.trendWindowMs) };
  });
  const net = (rates: Rates | null) => (rates === null ? 0 : rates.settledPerSecond - rates.arrivedPerSecond);
  const margin = (rates: Rates | null) =>
    rates === null ? 0 : t.netShare * Math.max(rates.settledPerSecond, rates.arrivedPerSecond);
  const grows = ({ rates }: (typeof trends)[number]) => net(rates) < -margin(rates);
  const shrinks = ({ rates }: (typeof trends)[number]) => net(rates) > margin(rates);
  return was === 'FALLING_BEHIND'
    ? !lasts(trends, shrinks, t.trendHeldMs, nowMs)
    : lasts(trends, grows, t.trendHeldMs, nowMs);
}

/** More than `trendHeldMs` needs at any usual interval between samples. */
const TRENDS_KEPT = 12;

export const fallingBehind: Rule = (view) => {
  if (!isBehind(view) || !falls(view)) return null;
  const { place, rates, waiting, behindMs } = view;
  const flow =
    rates === null
      ? ''
      : `; ${rates.arrivedPerSecond.toFixed(1)}/s arrive and ${rates.settledPerSecond.toFixed(1)}/s are settled`;
  return {
    verdict: 'FALLING_BEHIND',
    cause: `${place} is ${formatSeconds(behindMs / 1000)} and ${formatCount(waiting, 'event')} behind${flow}.`,
    next: 'bridge lag --watch',
  };
};

export const poison: Rule = ({ name, last: { quarantine }, was, t }) => {
  const grows = was === 'POISON' ? quarantine.sinceRest > 0 : quarantine.lately >= t.poisonFrom;
  return grows
    ? {
        verdict: 'POISON',
        cause: `Quarantine grows: ${formatCount(quarantine.lately, 'new entry').replace('entrys', 'entries')} of ${name.topic} in 5 min, ${quarantine.open} not settled.`,
        next: `bridge quarantine list --topic ${name.topic}`,
      }
    : null;
};

export const catchingUp: Rule = (view) => {
  if (!isBehind(view)) return null;
  const { place, waiting, rates } = view;
  const drain = estimateDrain(waiting, rates);
  const estimate = typeof drain === 'number' ? `, done in about ${formatSeconds(drain)}` : '';
  return {
    verdict: 'CATCHING_UP',
    cause:
      waiting === 0
        ? `${place} has just caught up.`
        : `${place} works off ${formatCount(waiting, 'event')}${estimate}.`,
    next: null,
  };
};

export function fine({ place, waiting }: View): Finding {
  const cause = waiting === 0 ? `Everything in ${place} is settled.` : `${place} is settled as it comes.`;
  return { verdict: 'OK', cause, next: null };
}
