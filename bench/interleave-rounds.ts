import Table from 'cli-table3';

export interface Subject {
  readonly name: string;
  /** Per second; shown beside, never a gate. */
  readonly goal: number;
  /** Works through its load once and says how many it has done. */
  readonly once: () => number;
}

export interface Measured extends Subject {
  /** Per second of one core, one number a round. */
  readonly rates: readonly number[];
}

/** Measures the subjects in turn, round by round, so that what slows the machine down for a while slows all of them. A
 *  round of each takes about `roundMs` of CPU time; two rounds before are not counted, in which the code gets warm. */
export function interleaveRounds(
  subjects: readonly Subject[],
  { rounds, roundMs }: { readonly rounds: number; readonly roundMs: number },
): readonly Measured[] {
  const rates = subjects.map(() => [] as number[]);
  for (let round = -2; round < rounds; round++) {
    subjects.forEach(({ once }, i) => {
      const rate = measure(once, roundMs);
      if (round >= 0) rates[i]!.push(rate);
    });
  }
  return subjects.map((subject, i) => ({ ...subject, rates: rates[i]! }));
}

export function printRates(measured: readonly Measured[]): void {
  const table = new Table({
    head: ['', 'median/s', 'min/s', 'max/s', 'goal/s'],
    style: { head: [], border: [] },
    colAligns: ['left', 'right', 'right', 'right', 'right'],
  });
  for (const { name, goal, rates } of measured) {
    const sorted = rates.toSorted((a, b) => a - b);
    const shown = [sorted[Math.floor(sorted.length / 2)]!, sorted[0]!, sorted.at(-1)!].map(perSecond);
    table.push([name, ...shown, perSecond(goal)]);
  }
  console.log(table.toString());
}

/** Per second of CPU time of this thread: what else the machine does takes nothing away but its caches. */
function measure(once: () => number, roundMs: number): number {
  const start = process.threadCpuUsage();
  let done = 0;
  let elapsedMs: number;
  do {
    done += once();
    const { user, system } = process.threadCpuUsage(start);
    elapsedMs = (user + system) / 1_000;
  } while (elapsedMs < roundMs);
  return (done / elapsedMs) * 1_000;
}

function perSecond(rate: number): string {
  return Math.round(rate).toLocaleString('en');
}
