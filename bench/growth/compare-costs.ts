import type { Figure } from '../figures.ts';

export interface Cost {
  readonly perSecond: number;
  /** Of the bridge, milliseconds. */
  readonly cpuPer1000: number;
}

export const GOAL = { atMost: 1.3 };

/** What an event costs in each circumstance, the least of which comes first, and in the last against the first. */
export function compareCosts(costs: ReadonlyMap<string, readonly Cost[]>): readonly Figure[] {
  const all = [...costs];
  const ratios = (costOf: (cost: Cost) => number) => {
    const [[, first], [, last]] = [all[0]!, all.at(-1)!];
    return last.map((cost, round) => costOf(cost) / costOf(first[round]!));
  };
  const ends = `${all.at(-1)![0]}, against ${all[0]![0]}`;
  return [
    ...all.map(([name, rounds]) => ({
      ...{ name, unit: 'events/s', goal: null },
      values: rounds.map(({ perSecond }) => perSecond),
    })),
    ...all.map(([name, rounds]) => ({
      ...{ name: `CPU: ${name}`, unit: 'ms per 1,000 events', goal: null },
      values: rounds.map(({ cpuPer1000 }) => cpuPer1000),
    })),
    { name: `time: ${ends}`, unit: '×', values: ratios(({ perSecond }) => 1 / perSecond), goal: GOAL },
    { name: `CPU: ${ends}`, unit: '×', values: ratios(({ cpuPer1000 }) => cpuPer1000), goal: GOAL },
  ];
}
