import { sleep } from '../../src/runtime/sleep.ts';

/** Calls `act` `count` times, each at its own time and whatever has become of the ones before: a load that does not wait
 *  hides no delay. Returns by how many milliseconds the latest call was late. */
export async function pace(
  {
    count,
    perSecond,
    signal,
  }: { readonly count: number; readonly perSecond: number; readonly signal: AbortSignal },
  act: (index: number) => void,
): Promise<number> {
  const start = performance.now();
  let latest = 0;
  for (let done = 0; done < count;) {
    const dueMs = start + (done * 1_000) / perSecond;
    const lateMs = performance.now() - dueMs;
    if (lateMs < 0) {
      await sleep(1, signal);
      continue;
    }
    latest = Math.max(latest, lateMs);
    act(done);
    done += 1;
  }
  return latest;
}
