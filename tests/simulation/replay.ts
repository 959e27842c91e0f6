import type { Failure, RunOptions } from './run-seed.ts';

export interface FailedRun {
  readonly options: RunOptions;
  readonly failure: Failure;
}

/** The command that runs exactly this history again. */
export function replayCommand({ seed, edits, tier, oneWriter, skip, without }: RunOptions): string {
  return [
    `npm run simulate:protocol -- --seed ${seed} --edits ${edits} --tier ${tier}`,
    ...(oneWriter ? ['--one-writer'] : []),
    ...(skip.size > 0 ? [`--skip ${[...skip].join()}`] : []),
    ...(without.size > 0 ? [`--without ${[...without].join()}`] : []),
  ].join(' ');
}
