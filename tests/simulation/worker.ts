import { parentPort, workerData } from 'node:worker_threads';
import { addCoverage, count, type Coverage } from './coverage.ts';
import type { FailedRun } from './replay.ts';
import { runSeed, type RunOptions } from './run-seed.ts';
import type { Tier } from './tiers.ts';

export interface WorkerTask {
  readonly runs: readonly RunOptions[];
  readonly stopAtFirst: boolean;
}

export interface WorkerReport {
  readonly coverage: Partial<Record<Tier, Coverage>>;
  readonly failures: readonly FailedRun[];
  readonly runs: number;
}

/** Runs histories one after another, and counts what they came by. */
export async function runAll({ runs, stopAtFirst }: WorkerTask): Promise<WorkerReport> {
  const coverage: Partial<Record<Tier, Coverage>> = {};
  const failures: FailedRun[] = [];
  let done = 0;
  for (const options of runs) {
    const result = await runSeed(options);
    done += 1;
    const total = (coverage[options.tier] ??= {});
    addCoverage(total, result.coverage);
    count(total, 'runs');
    count(total, 'steps', result.steps);
    if (result.failure === null) continue;
    failures.push({ options, failure: result.failure });
    if (stopAtFirst) break;
  }
  return { coverage, failures, runs: done };
}

if (parentPort !== null && workerData !== null)
  parentPort.postMessage(await runAll(workerData as WorkerTask));
