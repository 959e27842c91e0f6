import { measureRates, type Rates } from './rates.ts';
import { unsettledFrom, type AppliedPosition, type PartitionSample } from './sample.ts';
import type { LagThresholds } from './thresholds.ts';
import type { Judgement, LagVerdict } from './verdict.ts';

export interface PartitionName {
  readonly provider: string;
  readonly topic: string;
  readonly partition: number;
}

/** Everything that a rule looks at. */
export interface View {
  readonly name: PartitionName;
  /** `topic/partition` */
  readonly place: string;
  readonly samples: readonly PartitionSample[];
  readonly last: PartitionSample;
  readonly was: LagVerdict | null;
  readonly nowMs: number;
  readonly t: LagThresholds;
  /** As of the last sample in which the log could be read. */
  readonly waiting: number;
  readonly behindMs: number;
  readonly rates: Rates | null;
}

export type Finding = Pick<Judgement, 'verdict' | 'cause' | 'next'>;
export type Rule = (view: View) => Finding | null;

export function composeView(
  name: PartitionName,
  samples: readonly PartitionSample[],
  nowMs: number,
  was: LagVerdict | null,
  t: LagThresholds,
): View {
  const readable = samples.findLast(({ log }) => log !== null);
  return {
    name,
    place: `${name.topic}/${name.partition}`,
    samples,
    last: samples.at(-1)!,
    was,
    nowMs,
    t,
    ...measure(readable, nowMs),
    rates: measureRates(samples.flatMap(toReading), t.rateWindowMs),
  };
}

/** How many wait, and the age of the oldest. The number may include markers and gaps behind the oldest. */
function measure(
  sample: PartitionSample | undefined,
  nowMs: number,
): { readonly waiting: number; readonly behindMs: number } {
  const log = sample?.log;
  if (log === undefined || log === null || log.oldest === null) return { waiting: 0, behindMs: 0 };
  return {
    waiting: Math.max(1, Number(log.end - log.oldest.offset)),
    behindMs: Math.max(0, nowMs - log.oldest.atMs),
  };
}

export function toReading({ atMs, log, position }: PartitionSample) {
  if (log === null) return [];
  return [{ atMs, settled: Number(unsettledFrom(position, log).from), arrived: Number(log.end) }];
}

/** The applied position was seen to change. */
export interface Step {
  readonly atMs: number;
  readonly before: AppliedPosition;
  readonly after: AppliedPosition;
}

/** Oldest first. */
export function stepsOf(samples: readonly PartitionSample[]): readonly Step[] {
  const known = samples.flatMap(({ atMs, position }) => (position === null ? [] : [{ atMs, position }]));
  return known.slice(1).flatMap(({ atMs, position: after }, i) => {
    const before = known[i]!.position;
    return after.next === before.next ? [] : [{ atMs, before, after }];
  });
}
