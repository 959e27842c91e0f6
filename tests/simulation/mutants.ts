import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import Table from 'cli-table3';
import { Command } from 'commander';
import { MUTATIONS, type Mutation } from './mutations.ts';
import type { MutantReport, MutantTask } from './mutant-worker.ts';
import { runSeed, type RunOptions } from './run-seed.ts';
import { TIERS } from './tiers.ts';

/** Shows that the simulation bites: each deliberate fault must be caught by a seed that the code as it is passes. */
const options = new Command('simulate:mutants')
  .description(
    'Breaks the code on purpose, one way at a time, and shows which seed and which invariant catch it',
  )
  .option('--seeds <n>', 'seeds to try for each', Number, 10_000)
  .option('--edits <n>', 'edits in one history', Number, 12)
  .option('--base-seed <n>', 'the first seed', Number, 1)
  .option('--only <text>', 'those whose name contains this')
  .parse()
  .opts<{ seeds: number; edits: number; baseSeed: number; only?: string }>();

interface Verdict {
  readonly mutation: Mutation;
  readonly caught: {
    readonly invariant: string;
    readonly message: string;
    readonly seed: number;
    readonly tier: string;
  } | null;
  readonly seconds: number;
}

const runs = Array.from({ length: options.seeds }, (_, i): RunOptions => {
  const seed = options.baseSeed + i;
  const { edits } = options;
  return {
    seed,
    edits,
    tier: TIERS[seed % TIERS.length]!,
    oneWriter: false,
    skip: new Set(),
    without: new Set(),
  };
});
const waiting = MUTATIONS.filter(({ name }) => options.only === undefined || name.includes(options.only));
const verdicts: Verdict[] = [];

await Promise.all([takeTurns(), takeTurns()]);

const table = new Table({
  head: ['mutant', 'caught by', 'seed', 's', 'how'],
  style: { head: [], border: [] },
});
for (const mutation of MUTATIONS) {
  const verdict = verdicts.find((each) => each.mutation === mutation);
  if (verdict === undefined) continue;
  const { caught, seconds } = verdict;
  const how = caught === null ? '' : caught.message.split('\n')[0]!.slice(0, 90);
  table.push([
    mutation.name,
    caught?.invariant ?? 'nothing',
    caught === null ? '-' : `${caught.seed} (${caught.tier})`,
    seconds.toFixed(1),
    how,
  ]);
}
process.stdout.write(`${table.toString()}\n`);
const survivors = verdicts.filter(({ caught }) => caught === null);
process.stdout.write(`${verdicts.length - survivors.length} of ${verdicts.length} caught\n`);
process.exitCode = survivors.length === 0 ? 0 : 1;

async function takeTurns(): Promise<void> {
  for (let mutation = waiting.shift(); mutation !== undefined; mutation = waiting.shift()) {
    const verdict = await hunt(mutation);
    verdicts.push(verdict);
    process.stderr.write(`${mutation.name}: ${verdict.caught?.invariant ?? 'survived'}\n`);
  }
}

async function hunt(mutation: Mutation): Promise<Verdict> {
  const started = performance.now();
  const task: MutantTask = { mutation, runs };
  const worker = new Worker(new URL('./mutant-worker.ts', import.meta.url), { workerData: task });
  const exited = once(worker, 'exit');
  let caught: Verdict['caught'] = null;
  for (;;) {
    const [report] = (await once(worker, 'message')) as [MutantReport];
    if (report === 'survived') break;
    const { run, failure } = report;
    // A seed that fails without the fault too says nothing about the fault.
    const sound = (await runSeed(run)).failure === null;
    worker.postMessage(sound ? 'stop' : 'go on');
    if (!sound) continue;
    caught = { ...failure, seed: run.seed, tier: run.tier };
    break;
  }
  await exited;
  return { mutation, caught, seconds: (performance.now() - started) / 1000 };
}
