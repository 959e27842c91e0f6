import { Command, Option } from 'commander';

/** Every benchmark; its module is only loaded to run it. */
const BENCHES: Readonly<Record<string, () => Promise<{ run(): void | Promise<void> }>>> = {
  judge: async () => ({ run: (await import('./judge.ts')).benchJudge }),
};

/** Measures, and prints beside the goals. A goal that is missed fails nothing: machines differ. */
const program = new Command('bench')
  .description('Measures the parts that bound the pipeline.')
  .addOption(new Option('--only <names...>', 'these alone; all when left out').choices(Object.keys(BENCHES)))
  .action(async ({ only }: { readonly only?: readonly string[] }) => {
    const { describeMachine } = await import('./describe-machine.ts');
    console.log(describeMachine());
    for (const [name, load] of Object.entries(BENCHES)) {
      if (only === undefined || only.includes(name)) await (await load()).run();
    }
  });
await program.parseAsync();
