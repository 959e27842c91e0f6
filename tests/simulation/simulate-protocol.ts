import { cpus } from 'node:os';
import { Worker } from 'node:worker_threads';
import { Command, InvalidArgumentError, Option } from 'commander';
import { addCoverage, missing, type Coverage } from './coverage.ts';
import { minimise } from './minimise.ts';
import { replayCommand, type FailedRun } from './replay.ts';
import { FAULTS, TIERS, type Fault, type Tier } from './tiers.ts';
import { runSeed, type RunOptions } from './run-seed.ts';
import type { WorkerReport, WorkerTask } from './worker.ts';

interface CliOptions {
  readonly seeds: number;
  readonly edits: number;
  readonly seed?: number;
  readonly baseSeed: number;
  readonly tier?: Tier;
  readonly oneWriter: boolean;
  readonly skip: readonly number[];
  readonly without: readonly Fault[];
  readonly workers: number;
}

const wholeNumber = (text: string): number => {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new InvalidArgumentError('a whole number, please');
  return value;
};
const listOf =
  <T>(read: (text: string) => T) =>
  (text: string): T[] =>
    text.split(',').map(read);
const fault = (text: string): Fault => {
  if (!FAULTS.includes(text as Fault)) throw new InvalidArgumentError(`one of ${FAULTS.join(', ')}`);
  return text as Fault;
};

const options = new Command('simulate:protocol')
  .description(
    'Drives the sync protocol through seeded histories and holds every step against docs/simulation.md',
  )
  .option('--seeds <n>', 'how many seeds', wholeNumber, 10_000)
  .option('--edits <n>', 'edits in one history', wholeNumber, 12)
  .option('--seed <n>', 'replays this one and prints its trace', wholeNumber)
  .option('--base-seed <n>', 'the first seed', wholeNumber, 1)
  .addOption(
    new Option('--tier <tier>', 'one tier alone; else the seeds are dealt out to all').choices(TIERS),
  )
  .option('--one-writer', 'nobody edits before everybody has seen the edit before', false)
  .option('--skip <numbers>', 'edits that nobody makes', listOf(wholeNumber), [])
  .option('--without <faults>', 'faults that never strike', listOf(fault), [])
  .option('--workers <n>', 'threads', wholeNumber, Math.min(2, cpus().length))
  .parse()
  .opts<CliOptions>();

/** Of how many kinds of failure one is explained. */
const MAX_EXPLAINED = 8;

process.exitCode = options.seed === undefined ? await simulate() : await replay(options.seed);

/** The tier of a seed, when none is asked for. */
function tierOf(seed: number): Tier {
  return options.tier ?? TIERS[seed % TIERS.length]!;
}

function runOptions(seed: number): RunOptions {
  const { edits, oneWriter, skip, without } = options;
  return { seed, edits, tier: tierOf(seed), oneWriter, skip: new Set(skip), without: new Set(without) };
}

async function replay(seed: number): Promise<number> {
  const run = runOptions(seed);
  const result = await runSeed(run);
  print(`seed ${seed}, tier ${run.tier}, ${result.steps} steps`);
  print(result.trace.join('; '));
  if (result.failure === null) {
    print('every invariant holds');
    return 0;
  }
  print(`${result.failure.invariant}: ${result.failure.message}`);
  return 1;
}

async function simulate(): Promise<number> {
  const started = performance.now();
  const seeds = Array.from({ length: options.seeds }, (_, i) => options.baseSeed + i);
  const reports = await Promise.all(
    Array.from({ length: options.workers }, (_, worker) =>
      work(seeds.filter((_seed, i) => i % options.workers === worker).map(runOptions)),
    ),
  );
  const seconds = (performance.now() - started) / 1000;
  const failures = reports
    .flatMap(({ failures: own }) => own)
    .sort((a, b) => a.options.seed - b.options.seed);
  let uncovered = 0;
  for (const tier of TIERS) {
    const total: Coverage = {};
    for (const { coverage } of reports) addCoverage(total, coverage[tier] ?? {});
    if (total['runs'] === undefined) continue;
    printCoverage(tier, total);
    const absent = options.oneWriter ? [] : missing(tier, total);
    uncovered += absent.length;
    if (absent.length > 0) print(`tier ${tier} never reached: ${absent.join(', ')}`);
  }
  const kinds = [...Map.groupBy(failures, kindOf).values()].sort((a, b) => b.length - a.length);
  for (const [first, ...others] of kinds.slice(0, MAX_EXPLAINED)) {
    await explain(first!);
    if (others.length > 0) print(`  and ${others.length} seeds more in this way`);
  }
  print(
    `${options.seeds} seeds, ${options.edits} edits each, ${seconds.toFixed(1)} s (${Math.round(options.seeds / seconds)} seeds/s): ${failures.length} failures, ${uncovered} cases never reached`,
  );
  return failures.length + uncovered === 0 ? 0 : 1;
}

function work(runs: readonly RunOptions[]): Promise<WorkerReport> {
  return new Promise((resolve, reject) => {
    const task: WorkerTask = { runs, stopAtFirst: false };
    const worker = new Worker(new URL('./worker.ts', import.meta.url), { workerData: task });
    worker.once('message', resolve);
    worker.once('error', reject);
  });
}

/** Failures that say the same but for tokens, counters and ids. */
function kindOf({ failure }: FailedRun): string {
  return `${failure.invariant}: ${failure.message
    .replaceAll(/witnesses\/\S+/g, 'witness')
    .replaceAll(/ours \S+, theirs \S+| is \S+,|(made|of|took|'s) \S+/g, '·')
    .replaceAll(/\b(x-)?[hp]\d+\b|[\d+]+|\bnew\b/g, '·')}`;
}

/** Prints the failing seed, the least trace that still fails in the same way, and the commands that replay both. */
async function explain({ options: run, failure }: FailedRun): Promise<void> {
  const least = await minimise({ options: run, failure });
  print(`seed ${run.seed} (${run.tier}) fails: ${failure.invariant}: ${failure.message}`);
  print(`  replay: ${replayCommand(run)}`);
  print(`  least:  ${replayCommand(least.options)}`);
  print(`  trace:  ${least.trace.join('; ')}`);
  print(`  ${least.failure.invariant}: ${least.failure.message}`);
}

function printCoverage(tier: Tier, coverage: Coverage): void {
  print(`tier ${tier}`);
  for (const what of Object.keys(coverage).sort()) print(`  ${String(coverage[what]).padStart(9)}  ${what}`);
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
