import { createCleanupStack } from '../src/runtime/cleanup-stack.ts';
import { composeLoad, joinLoads, type Load } from './drain/compose-load.ts';
import { fillTopics } from './drain/fill-topics.ts';
import { runBridges, type DrainedByBridges } from './drain/run-bridges.ts';
import type { BenchOptions, Report } from './figures.ts';
import { openBed } from './open-bed.ts';

const CHUNK = 50_000;
/** Until then code is loaded and compiled, and buffers grow to their size. */
const WARM = 0.2;

/** What one process takes while it drains a million events, and whether it takes more the longer it runs. */
export async function benchMemory({ quick, signal }: BenchOptions): Promise<Report> {
  const events = quick ? 2 * CHUNK : 20 * CHUNK;
  const cleanup = createCleanupStack();
  try {
    const bed = await openBed({ providers: 1, partitions: 8, signal }, cleanup);
    const loads: Load[] = [];
    while (loads.length * CHUNK < events) {
      const load = await composeLoad(CHUNK, bed.providerIds[0]!, bed.services.registryUrl, signal);
      await fillTopics(bed.kafka, load.records, signal);
      loads.push({ ...load, records: [] });
      console.error(`memory: ${(loads.length * CHUNK).toLocaleString('en')} events are published`);
    }
    const { samples, resident } = await runBridges(1, bed, joinLoads(loads));
    return {
      title: `Resident memory of one bridge, draining ${events.toLocaleString('en')} events`,
      figures: [
        { name: 'at most', unit: 'MB', values: [resident / 2 ** 20], goal: { atMost: 300 } },
        {
          ...{ name: `growth from ${WARM * 100} % on`, unit: 'MB per 100,000 events' },
          ...{ values: [growth(samples)], goal: { atMost: 1 } },
        },
      ],
      notes: ['Every row was equal to what the insurer reckons.'],
    };
  } finally {
    await cleanup.unwind();
  }
}

/** Slope of the straight line nearest to the samples, in MB per 100,000 events. */
function growth(samples: DrainedByBridges['samples']): number {
  const last = samples.at(-1)!.settled;
  const points = samples
    .filter(({ settled }) => settled >= WARM * last)
    .map(({ settled, bytes }) => [settled / 100_000, bytes / 2 ** 20] as const);
  const mean = (of: (point: readonly [number, number]) => number) =>
    points.reduce((sum, point) => sum + of(point), 0) / points.length;
  const [x, y] = [mean(([at]) => at), mean(([, size]) => size)];
  return mean(([at, size]) => (at - x) * (size - y)) / mean(([at]) => (at - x) ** 2);
}
