import { Command, InvalidArgumentError, Option } from 'commander';

interface Options {
  /** Rows beside which is measured what reads. */
  readonly events: number;
}

/** Every benchmark; its module is only loaded to run it. */
const BENCHES: Readonly<Record<string, () => Promise<{ run(options: Options): void | Promise<void> }>>> = {
  explain: async () => ({ run: (await import('./explain.ts')).benchExplain }),
  judge: async () => ({ run: (await import('./judge.ts')).benchJudge }),
};

/** Measures, and prints beside the goals. A goal that is missed fails nothing: machines differ. */
const program = new Command('bench')
  .description('Measures the parts that bound the pipeline.')
  .addOption(new Option('--only <names...>', 'these alone; all when left out').choices(Object.keys(BENCHES)))
  .addOption(
    new Option('--events <count>', 'stored events beside which explain is measured')
      .default(200_000)
      .argParser(wholeNumber),
  )
  .action(async ({ only, events }: Options & { readonly only?: readonly string[] }) => {
    const { describeMachine } = await import('./describe-machine.ts');
    console.log(describeMachine());
    for (const [name, load] of Object.entries(BENCHES)) {
      if (only === undefined || only.includes(name)) await (await load()).run({ events });
    }
  });
await program.parseAsync();

function wholeNumber(text: string): number {
  const number = Number(text.replaceAll('_', ''));
  if (!Number.isSafeInteger(number) || number < 1_000)
    throw new InvalidArgumentError('It must be a whole number from 1000.');
  return number;
}
