import { rankOfVerdict, type DrainEstimate, type Judgement } from './verdict.ts';

/** `in`: what we have not settled; `out`: edits of ours that Kafka has not acknowledged; `read`: what the provider has not
 *  read of ours; `silence`: whether it writes at all. */
export type LagDirection = 'in' | 'out' | 'read' | 'silence';

/** One line of `bridge lag`: partitions of one topic that have the same verdict. */
export interface LagRow extends Judgement {
  readonly direction: LagDirection;
  readonly provider: string;
  /** Null for what concerns all topics of the provider. */
  readonly topic: string | null;
  /** Null for all that there are. */
  readonly partitions: readonly number[] | null;
}

export interface JudgedPartition {
  readonly partition: number;
  readonly judgement: Judgement;
}

/** A row for each verdict that partitions of the topic have, so that one without a leader hides none of the others. The
 *  age is the oldest's, messages and rates are sums, cause and command are of the partition that is furthest behind. */
export function rollUpTopic(
  provider: string,
  topic: string,
  partitions: readonly JudgedPartition[],
): readonly LagRow[] {
  const groups = Map.groupBy(partitions, ({ judgement }) => judgement.verdict);
  return [...groups.values()].map((group) => {
    const worst = group.toSorted(
      (a, b) => (b.judgement.behindSeconds ?? 0) - (a.judgement.behindSeconds ?? 0),
    )[0]!.judgement;
    const each = group.map(({ judgement }) => judgement);
    return {
      ...worst,
      direction: 'in',
      provider,
      topic,
      partitions: groups.size === 1 ? null : group.map(({ partition }) => partition),
      messages: sum(each.map(({ messages }) => messages)),
      ratePerSecond: sum(each.map(({ ratePerSecond }) => ratePerSecond)),
      drainSeconds: slowest(each.map(({ drainSeconds }) => drainSeconds)),
      sinceMs: Math.min(...each.map(({ sinceMs }) => sinceMs)),
    };
  });
}

/** Worst first: by verdict, then by age, then by number. */
export function worstFirst(a: LagRow, b: LagRow): number {
  return (
    rankOfVerdict(a.verdict) - rankOfVerdict(b.verdict) ||
    (b.behindSeconds ?? 0) - (a.behindSeconds ?? 0) ||
    (b.messages ?? 0) - (a.messages ?? 0) ||
    a.provider.localeCompare(b.provider) ||
    (a.topic ?? '').localeCompare(b.topic ?? '')
  );
}

/** Of what is known; null when nothing is. */
function sum(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : known.reduce((total, value) => total + value, 0);
}

function slowest(estimates: readonly DrainEstimate[]): DrainEstimate {
  if (estimates.includes('never')) return 'never';
  const known = estimates.filter((estimate) => typeof estimate === 'number');
  return known.length === 0 ? null : Math.max(...known);
}
