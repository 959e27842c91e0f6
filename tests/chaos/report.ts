import type { Verdict } from '../soak/compare-sides.ts';
import type { Desk } from '../soak/people.ts';
import type { Disruption } from './disrupt.ts';
import type { MemorySample } from './keep-replicas.ts';
import type { Delay, Reckoning } from './reckon.ts';

export interface Ending {
  readonly desk: Desk;
  readonly disruptions: readonly Disruption[];
  readonly memory: readonly MemorySample[];
  readonly quietAfterMs: number;
  /** Replicas that died by themselves. */
  readonly deaths: readonly string[];
  readonly sides: Verdict;
  readonly reckoning: Reckoning;
}

/** After this many seconds a process has loaded what it needs. */
const WARM_AGE = 60;
const MEGABYTE = 1024 * 1024;

/** True when nothing was lost, nothing took effect twice and no side differs. */
export function printReport(ending: Ending, say: (line: string) => void): boolean {
  const { reckoning, sides, desk } = ending;
  const lost = [
    ...reckoning.lost,
    ...sides.unaccounted.map(
      (edit) => `unaccounted: ${edit.by} ${edit.entityId} ${edit.atom} at ${JSON.stringify(edit.revision)}`,
    ),
  ];
  for (const line of [...lost, ...reckoning.twice, ...sides.different].slice(0, 20)) say(`  ${line}`);
  for (const line of ending.deaths.slice(0, 10)) say(`  died by itself: ${line}`);

  const counts = Map.groupBy(ending.disruptions, ({ what }) => what.replace(/^bridge-\d+/, 'a bridge'));
  say(`disruptions: ${[...counts].map(([what, all]) => `${all.length} × ${what}`).join(', ')}`);
  const { records, byInsurers, overHttp } = reckoning.acknowledged;
  say(
    `acknowledged: ${records} records on the topics (${byInsurers} events by insurers), ${overHttp} over HTTP`,
  );
  say(
    `refused or without an answer: ${describe(desk.refusals)}, ${desk.unanswered.length} edits not answered`,
  );
  say(`outcomes: ${describe(reckoning.outcomes)}`);
  say(`edits: ${describe(sides.fates)}`);
  for (const delay of worst(reckoning.delays)) say(`worst delay: ${explain(delay, ending.disruptions)}`);
  say(
    `at rest ${(ending.quietAfterMs / 1000).toFixed(1)} s after the last edit; replicas that died by themselves: ${ending.deaths.length}`,
  );
  say(`memory: ${describeMemory(ending.memory)}`);
  say(`constats: ${sides.equal} equal`);
  say(`lost: ${lost.length}`);
  say(`effects twice: ${reckoning.twice.length}`);
  say(`sides that differ: ${sides.different.length}`);
  return lost.length === 0 && reckoning.twice.length === 0 && sides.different.length === 0;
}

function describe(counts: ReadonlyMap<string, number>): string {
  return (
    [...counts]
      .sort(([, a], [, b]) => b - a)
      .map(([what, n]) => `${what} ${n}`)
      .join(', ') || 'none'
  );
}

function worst(delays: readonly Delay[]): readonly Delay[] {
  return [...delays].sort((a, b) => b.toMs - b.fromMs - (a.toMs - a.fromMs)).slice(0, 3);
}

function explain({ what, fromMs, toMs }: Delay, disruptions: readonly Disruption[]): string {
  const meanwhile = disruptions
    .filter((disruption) => disruption.fromMs < toMs && disruption.toMs > fromMs - 1_000)
    .map((disruption) => disruption.what);
  return `${((toMs - fromMs) / 1000).toFixed(1)} s, ${what}; meanwhile: ${meanwhile.join(', ') || 'nothing that we did'}`;
}

/** Least squares over the age of the processes: what one gains the longer it runs. */
function describeMemory(samples: readonly MemorySample[]): string {
  const most = Math.max(...samples.map(({ bytes }) => bytes)) / MEGABYTE;
  const oldest = Math.max(...samples.map(({ age }) => age));
  const said = `at most ${most.toFixed(0)} MB; the oldest process lived ${oldest.toFixed(0)} s`;
  const warm = samples.filter(({ age }) => age >= WARM_AGE);
  if (oldest < 2 * WARM_AGE) return `${said}, too short for a slope`;
  const mean = (of: (sample: MemorySample) => number) =>
    warm.reduce((sum, sample) => sum + of(sample), 0) / warm.length;
  const [meanAge, meanBytes] = [mean(({ age }) => age), mean(({ bytes }) => bytes)];
  const covariance = mean(({ age, bytes }) => (age - meanAge) * (bytes - meanBytes));
  const slope = (covariance / mean(({ age }) => (age - meanAge) ** 2) / MEGABYTE) * 60;
  return `${said}; slope ${slope.toFixed(1)} MB a minute from its ${WARM_AGE}th second on`;
}
