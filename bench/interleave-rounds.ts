import { setImmediate } from 'node:timers/promises';
import type { Figure } from './figures.ts';

export interface Subject {
  readonly name: string;
  /** Per second of one core. */
  readonly goal: number;
  /** Works through its load once and says how many it has done. */
  readonly once: () => number;
}

/** Measures the subjects in turn, round by round, so that what slows the machine down for a while slows all of them. A
 *  round of each takes about `roundMs` of CPU time; two rounds before are not counted, in which the code gets warm. */
export async function interleaveRounds(
  subjects: readonly Subject[],
  {
    rounds,
    roundMs,
    signal,
  }: { readonly rounds: number; readonly roundMs: number; readonly signal: AbortSignal },
): Promise<readonly Figure[]> {
  const rates = subjects.map(() => [] as number[]);
  for (let round = -2; round < rounds; round++) {
    for (const [i, { once }] of subjects.entries()) {
      const rate = measure(once, roundMs);
      if (round >= 0) rates[i]!.push(rate);
      // Lets a request to stop be heard.
      await setImmediate(undefined, { signal });
    }
  }
  return subjects.map(({ name, goal }, i) => ({
    name,
    unit: 'events/s of a core',
    values: rates[i]!,
    goal: { atLeast: goal },
  }));
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
