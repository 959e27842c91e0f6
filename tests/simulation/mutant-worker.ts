import { once } from 'node:events';
import { registerHooks } from 'node:module';
import { fileURLToPath } from 'node:url';
import { parentPort, workerData } from 'node:worker_threads';
import type { Mutation } from './mutations.ts';
import type { Failure, RunOptions } from './run-seed.ts';

export interface MutantTask {
  readonly mutation: Mutation;
  readonly runs: readonly RunOptions[];
}
/** A run that fails with the fault, and what becomes of it: the parent answers whether to go on. */
export type MutantReport = { readonly run: RunOptions; readonly failure: Failure } | 'survived';

const { mutation, runs } = workerData as MutantTask;
const target = fileURLToPath(new URL(`../../${mutation.file}`, import.meta.url));
let applied = 0;

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context);
    if (!url.startsWith('file:') || fileURLToPath(url) !== target) return loaded;
    const parts = String(loaded.source).split(mutation.find);
    if (parts.length !== 2)
      throw new Error(
        `${mutation.file} holds the text of "${mutation.name}" ${parts.length - 1} times, not once`,
      );
    applied += 1;
    return { ...loaded, source: parts.join(mutation.replace) };
  },
});

const { runSeed } = await import('./run-seed.ts');
if (applied !== 1) throw new Error(`${mutation.file} is not part of the simulation`);
for (const run of runs) {
  const { failure } = await runSeed(run);
  if (failure === null) continue;
  parentPort!.postMessage({ run, failure } satisfies MutantReport);
  const [answer] = (await once(parentPort!, 'message')) as ['stop' | 'go on'];
  if (answer === 'stop') process.exit(0);
}
parentPort!.postMessage('survived' satisfies MutantReport);
