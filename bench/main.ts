import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { describeMachine, toHeading } from './describe-machine.ts';
import { drawCharts } from './draw-charts.ts';
import { summarise, toText, type BenchOptions, type Report } from './figures.ts';

type Bench = (options: BenchOptions) => Report | Promise<Report>;

/** Every benchmark; its module is only loaded to run it. */
const BENCHES: Readonly<Record<string, () => Promise<Bench>>> = {
  api: async () => (await import('./api.ts')).benchApi,
  burrow: async () => (await import('./burrow.ts')).benchBurrow,
  drain: async () => (await import('./drain.ts')).benchDrain,
  explain: async () => (await import('./explain.ts')).benchExplain,
  growth: async () => (await import('./growth.ts')).benchGrowth,
  judge: async () => (await import('./judge.ts')).benchJudge,
  latency: async () => (await import('./latency.ts')).benchLatency,
  lag: async () => (await import('./lag.ts')).benchLag,
  relay: async () => (await import('./relay.ts')).benchRelay,
  start: async () => (await import('./start.ts')).benchStart,
  topics: async () => (await import('./topics.ts')).benchTopics,
};

/** What `--quick` measures where nothing is named: within three minutes, for daily use. */
const DAILY: readonly string[] = ['api', 'drain', 'latency', 'relay'];

const PICTURE = path.resolve(import.meta.dirname, '../docs/performance.svg');
const EXIT_CODES: Readonly<Partial<Record<NodeJS.Signals, number>>> = { SIGINT: 130, SIGTERM: 143 };

interface Options extends Omit<BenchOptions, 'signal'> {
  readonly only?: readonly string[];
  readonly json: boolean;
  readonly picture: boolean;
}

/** Measures, and prints beside the goals. A goal that is missed fails nothing: machines differ. Asked to stop, a bench
 *  stops what it started and removes what it wrote. */
async function runBenches({ only, json, picture, ...options }: Options): Promise<void> {
  const stop = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.on(name, () => {
      process.exitCode = EXIT_CODES[name];
      stop.abort(new DOMException('asked to stop', 'AbortError'));
    });
  }
  const { signal } = stop;
  const about = describeMachine();
  if (!json) console.log(toHeading(about));
  const reports: [string, Report][] = [];
  try {
    for (const [name, load] of Object.entries(BENCHES)) {
      if (!(only ?? (options.quick ? DAILY : [name])).includes(name)) continue;
      const bench = await load();
      const report = await bench({ ...options, signal });
      signal.throwIfAborted();
      reports.push([name, report]);
      if (!json) console.log(toText(report));
    }
  } catch (error) {
    if (!signal.aborted) throw error;
    // What was under way may have lost what it needed, and the clean-up may have failed.
    const { name, message } = error as Error;
    console.error(name === 'AbortError' ? 'bench: stopped' : `bench: stopped (${message})`);
    return;
  }
  const charts = reports.flatMap(([, report]) => report.charts ?? []);
  if (picture && charts.length > 0) writeFileSync(PICTURE, drawCharts(charts));
  if (json) console.log(toJson(about, options.quick, reports));
}

function toJson(about: object, quick: boolean, reports: readonly (readonly [string, Report])[]): string {
  const benches = Object.fromEntries(
    reports.map(([name, { title, figures, notes = [] }]) => [
      name,
      { title, figures: figures.map(summarise), notes },
    ]),
  );
  return JSON.stringify({ ...about, quick, benches }, null, 2);
}

function wholeNumber(text: string): number {
  const number = Number(text.replaceAll('_', ''));
  if (!Number.isSafeInteger(number) || number < 1_000)
    throw new InvalidArgumentError('It must be a whole number from 1000.');
  return number;
}

await new Command('bench')
  .description('Measures the bridge and what bounds it, side by side.')
  .addOption(
    new Option(
      '--only <names...>',
      `these alone; when left out all, with --quick ${DAILY.join(', ')}`,
    ).choices(Object.keys(BENCHES)),
  )
  .option('--quick', 'smaller loads, fewer rounds', false)
  .option('--events <count>', 'stored events beside which is measured', wholeNumber)
  .option('--json', 'one JSON document on stdout in place of the tables', false)
  .option('--picture', 'draw docs/performance.svg from what growth measures', false)
  .action(runBenches)
  .parseAsync();
