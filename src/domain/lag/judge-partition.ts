import { composeView, type PartitionName, type Rule, type View } from './partition-view.ts';
import { catchingUp, fallingBehind, fine, poison, stalled } from './progress-rules.ts';
import { estimateDrain } from './rates.ts';
import type { PartitionSample } from './sample.ts';
import { fuse, leaderless, pausedDatabase, retentionLoss, rewound, stopped } from './stopping-rules.ts';
import { LAG_THRESHOLDS, type LagThresholds } from './thresholds.ts';
import type { Judgement } from './verdict.ts';

/** What stops everything comes before what slows it down. */
const RULES: readonly Rule[] = [
  leaderless,
  retentionLoss,
  pausedDatabase,
  stopped,
  fuse,
  stalled,
  rewound,
  fallingBehind,
  poison,
  catchingUp,
];

/** What is to be said of a partition, from its samples (oldest first, at least one) and from what was said of it before.
 *  The rules are asked in their order, and the first that finds something answers. */
export function judgePartition(
  name: PartitionName,
  samples: readonly PartitionSample[],
  nowMs: number,
  previous: Judgement | null,
  thresholds: LagThresholds = LAG_THRESHOLDS,
): Judgement {
  const view = composeView(name, samples, nowMs, previous?.verdict ?? null, thresholds);
  const { verdict, cause, next } = firstFinding(view) ?? fine(view);
  const known = view.last.log !== null;
  return {
    verdict,
    cause,
    next,
    behindSeconds: known ? view.behindMs / 1000 : null,
    messages: known ? view.waiting : null,
    ratePerSecond: view.rates?.settledPerSecond ?? null,
    drainSeconds: known ? estimateDrain(view.waiting, view.rates) : null,
    sinceMs: previous?.verdict === verdict ? previous.sinceMs : nowMs,
  };
}

function firstFinding(view: View) {
  for (const rule of RULES) {
    const finding = rule(view);
    if (finding !== null) return finding;
  }
  return null;
}
