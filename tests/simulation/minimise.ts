import type { FailedRun } from './replay.ts';
import { runSeed, type Failure, type RunOptions } from './run-seed.ts';
import { FAULTS } from './tiers.ts';

/** Leaves out faults and edits, one after another, as long as the run still breaks the same promise: fewer lines to read. */
export async function minimise({ options, failure }: FailedRun): Promise<{
  readonly options: RunOptions;
  readonly failure: Failure;
  readonly trace: readonly string[];
}> {
  const first = await runSeed(options);
  let least = { options, failure: first.failure ?? failure, trace: first.trace };
  const attempt = async (smaller: RunOptions): Promise<void> => {
    const result = await runSeed(smaller);
    if (result.failure?.invariant === failure.invariant && result.trace.length <= least.trace.length)
      least = { options: smaller, failure: result.failure, trace: result.trace };
  };
  for (const fault of FAULTS)
    await attempt({ ...least.options, without: new Set([...least.options.without, fault]) });
  for (let pass = 0; pass < 2; pass++) {
    for (let edit = 1; edit <= options.edits; edit++) {
      if (!least.options.skip.has(edit))
        await attempt({ ...least.options, skip: new Set([...least.options.skip, edit]) });
    }
  }
  return least;
}
