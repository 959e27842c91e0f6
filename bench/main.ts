import { Command, InvalidArgumentError, Option } from 'commander';
import type { BenchOptions } from './figures.ts';

type Bench = (options: BenchOptions) => void | Promise<void>;

/** Every benchmark; its module is only loaded to run it. */
const BENCHES: Readonly<Record<string, () => Promise<Bench>>> = {
  burrow: async () => (await import('./burrow.ts')).benchBurrow,
  drain: async () => (await import('./drain.ts')).benchDrain,
  explain: async () => (await import('./explain.ts')).benchExplain,
  judge: async () => (await import('./judge.ts')).benchJudge,
  lag: async () => (await import('./lag.ts')).benchLag,
};

/** Measures, and prints beside the goals. A goal that is missed fails nothing: machines differ. */
const program = new Command('bench')
  .description('Measures the bridge and what bounds it, side by side.')
  .addOption(new Option('--only <names...>', 'these alone; all when left out').choices(Object.keys(BENCHES)))
  .option('--quick', 'smaller loads, fewer rounds', false)
  .addOption(
    new Option('--events <count>', 'stored events beside which explain is measured')
      .default(200_000)
      .argParser(wholeNumber),
  )
  .action(
    async ({ only, ...options }: Omit<BenchOptions, 'signal'> & { readonly only?: readonly string[] }) => {
      const stop = new AbortController();
      const onSignal = () => stop.abort(new DOMException('asked to stop', 'AbortError'));
      process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
      const { describeMachine } = await import('./describe-machine.ts');
      console.log(describeMachine());
      for (const [name, load] of Object.entries(BENCHES)) {
        if (only === undefined || only.includes(name))
          await (
            await load()
          )({ ...options, signal: stop.signal });
      }
    },
  );
await program.parseAsync();

function wholeNumber(text: string): number {
  const number = Number(text.replaceAll('_', ''));
  if (!Number.isSafeInteger(number) || number < 1_000)
    throw new InvalidArgumentError('It must be a whole number from 1000.');
  return number;
}
