import Table from 'cli-table3';

export interface Subject {
  readonly name: string;
  /** Per second; shown beside, never a gate. */
  readonly goal: number;
  /** Works through its load once and says how many it has done. */
  readonly once: () => number;
}

export interface Measured extends Subject {
  /** Per second, one number a round. */
  readonly rates: readonly number[];
}

/** Measures the subjects in turn, round by round, so that what slows the machine down for a while slows all of them. A
 *  round of each lasts about `roundMs`; two rounds before are not counted, in which the code gets warm. */
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

function measure(once: () => number, roundMs: number): number {
  const start = performance.now();
  let done = 0;
  let elapsed: number;
  do {
    done += once();
    elapsed = performance.now() - start;
  } while (elapsed < roundMs);
  return (done / elapsed) * 1_000;
}

function perSecond(rate: number): string {
  return Math.round(rate).toLocaleString('en');
}
