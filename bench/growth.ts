import { createCleanupStack } from '../src/runtime/cleanup-stack.ts';
import { startTestServices } from '../tests/support/start-test-services.ts';
import { composeLoad } from './drain/compose-load.ts';
import { fillOwnLayout } from './drain/own-layout.ts';
import { median, type BenchOptions, type Chart, type Report } from './figures.ts';
import { compareCosts, GOAL, type Cost } from './growth/compare-costs.ts';
import { drainBesideEvents } from './growth/drain-beside-events.ts';
import { openBed } from './open-bed.ts';

const SIZES = [10_000, 100_000, 1_000_000, 10_000_000];
const BATCHES = [10, 100, 500, 1_000, 3_000];

/** What an event costs as more events are stored already, and as more are written at once. */
export async function benchGrowth({ quick, events, signal }: BenchOptions): Promise<Report> {
  const rounds = quick ? 2 : 3;
  const load = quick ? 20_000 : 60_000;
  const sizes = SIZES.filter((size) => size <= (events ?? (quick ? 100_000 : 1_000_000)));
  const cleanup = createCleanupStack();
  try {
    const services = await startTestServices(process.env);
    cleanup.defer('the services', services.stop);
    signal.throwIfAborted();
    const batches = await varyBatch();
    const stored = await drainBesideEvents(services, { sizes, events: load, rounds, signal }, cleanup);
    const named = new Map(
      [...stored].map(([size, costs]) => [`beside ${size.toLocaleString('en')} events`, costs]),
    );
    return {
      title: `Draining ${load.toLocaleString('en')} events, ${rounds} interleaved rounds`,
      figures: [
        ...compareCosts(named),
        ...[...batches].map(([size, values]) => ({
          ...{
            name: `written in batches of ${size.toLocaleString('en')}`,
            unit: 'events/s',
            values,
            goal: null,
          },
        })),
      ],
      charts: [chartStored(stored), chartBatches(batches)],
    };

    /** Our layout with nothing but writing, decoded and judged beforehand. */
    async function varyBatch() {
      const bed = await openBed({ services, providers: 1, partitions: 8, signal }, cleanup);
      const written = await composeLoad(load, bed.providerIds[0]!, services.registryUrl, signal);
      const rates = new Map(BATCHES.map((size) => [size, [] as number[]]));
      for (let round = 1; round <= rounds; round++) {
        for (const size of BATCHES) {
          console.error(`growth: round ${round} of ${rounds}, batches of ${size}`);
          rates.get(size)!.push((await fillOwnLayout(bed, written, size)).perSecond);
        }
      }
      return rates;
    }
  } finally {
    await cleanup.unwind();
  }
}

function chartStored(stored: ReadonlyMap<number, readonly Cost[]>): Chart {
  const points = [...stored].map(([x, costs]) => ({ x, values: costs.map(({ perSecond }) => perSecond) }));
  const goal = median(points[0]!.values) / GOAL.atMost;
  return {
    title: 'One bridge, draining into a database that holds events already',
    x: 'stored events',
    y: 'events/s',
    points,
    goal: {
      y: goal,
      label: `goal: at most ${GOAL.atMost} times the cost beside ${SIZES[0]!.toLocaleString('en')}`,
    },
  };
}

function chartBatches(batches: ReadonlyMap<number, readonly number[]>): Chart {
  return {
    title: 'Writing alone, by the size of a transaction',
    x: 'events in a batch',
    y: 'events/s',
    points: [...batches].map(([x, values]) => ({ x, values })),
  };
}
