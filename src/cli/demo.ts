import { Command } from 'commander';
import { createCleanupStack } from '../runtime/cleanup-stack.ts';
import { shutdownSignal } from './context.ts';
import { compareSides, printSides } from './demo/compare-sides.ts';
import { playStory } from './demo/play-story.ts';
import { printAddresses } from './demo/print-addresses.ts';
import { startDemo } from './demo/start-demo.ts';
import { defaultStateDir } from './services.ts';
import { UsageError } from '../domain/errors.ts';

interface Options {
  readonly once?: boolean;
  readonly fresh?: boolean;
  readonly stateDir: string;
}

/** `bridge demo`: everything real and nothing installed: PostgreSQL, Kafka, the registry, two simulated insurers and the
 *  bridge, each a process of its own; a story that is played through them; and a table of both sides. */
export function demoCommand(): Command {
  return new Command('demo')
    .description('start everything, play a story through it, compare both sides, and keep running')
    .option('--once', 'stop everything after the table; exit code 1 unless both sides are equal')
    .option('--fresh', 'forget what earlier runs left (downloads stay)')
    .option('--state-dir <folder>', 'where it keeps its data', defaultStateDir)
    .action(runDemo);
}

async function runDemo(options: Options): Promise<void> {
  const cleanup = createCleanupStack();
  try {
    const demo = await startDemo(options, cleanup, shutdownSignal);
    await playStory(demo, shutdownSignal);
    const sides = await compareSides(demo, shutdownSignal);
    printSides(sides);
    const megabytes = Math.round((await demo.staff.memoryBytes()) / 1024 / 1024);
    console.log(`The bridge uses ${megabytes} MB of memory.`);
    const different = sides.filter((side) => !side.equal).length;
    if (options.once) {
      if (different > 0)
        throw new UsageError(`${different} of ${sides.length} entities differ between the two sides`);
      return;
    }
    printAddresses(demo, sides);
    const failure = await Promise.race([demo.failed, untilAborted(shutdownSignal)]);
    if (failure !== null) throw new UsageError(failure);
  } catch (error) {
    // Stopped by Ctrl-C: that is what was asked for.
    if (!shutdownSignal.aborted) throw error;
  } finally {
    if (!options.once) console.error('Stopping …');
    await cleanup.unwind();
  }
}

function untilAborted(signal: AbortSignal): Promise<null> {
  if (signal.aborted) return Promise.resolve(null);
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(null), { once: true }));
}
