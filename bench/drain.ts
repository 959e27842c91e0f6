import { createCleanupStack } from '../src/runtime/cleanup-stack.ts';
import { composeLoad } from './drain/compose-load.ts';
import { fillTopics } from './drain/fill-topics.ts';
import { fillOwnLayout } from './drain/own-layout.ts';
import { runBridges, type Drained } from './drain/run-bridges.ts';
import { runFirstLoop } from './drain/run-first-loop.ts';
import { fillThreeTables } from './drain/three-tables.ts';
import type { BenchOptions, Figure, Report } from './figures.ts';
import { openBed } from './open-bed.ts';

const FIRST = 'the loop a team writes first';
const THREE = 'the plain three tables';
const OWN = 'our layout, nothing but writing';
const BRIDGE = 'the bridge, one process';
const TWO = 'the bridge, two processes';

/** From full topics to durable outcomes: entity row, event row with its bytes, position. */
export async function benchDrain({ quick, signal }: BenchOptions): Promise<Report> {
  const events = quick ? 20_000 : 100_000;
  const rounds = quick ? 1 : 5;
  const cleanup = createCleanupStack();
  try {
    const bed = await openBed({ providers: 1, partitions: 8, signal }, cleanup);
    const load = await composeLoad(events, bed.providerIds[0]!, bed.services.registryUrl, signal);
    await fillTopics(bed.kafka, load.records, bed.signal);
    const size = load.records.reduce((sum, { value }) => sum + value.length, 0) / load.records.length;

    const subjects: readonly (readonly [string, () => Promise<Drained>])[] = [
      [BRIDGE, () => runBridges(1, bed, load)],
      [FIRST, () => runFirstLoop(bed, events / 20)],
      [THREE, () => fillThreeTables(bed, load)],
      [OWN, () => fillOwnLayout(bed, load)],
      [TWO, () => runBridges(2, bed, load)],
    ];
    const results = new Map(subjects.map(([name]) => [name, [] as Drained[]]));
    for (let round = 0; round < rounds; round++) {
      for (const [name, run] of subjects) {
        signal.throwIfAborted();
        console.error(`drain: round ${round + 1} of ${rounds}, ${name}`);
        results.get(name)!.push(await run());
      }
    }
    const kB = (size / 1_000).toFixed(1);
    return {
      title: `Draining ${events.toLocaleString('en')} events of ${kB} kB, ${rounds} interleaved rounds`,
      figures: toFigures(results),
      notes: ['Every round of the bridge ended with every row equal to what the insurer reckons.'],
    };
  } finally {
    await cleanup.unwind();
  }
}

function toFigures(results: ReadonlyMap<string, readonly Drained[]>): readonly Figure[] {
  const ratios = (name: string, a: string, b: string, goal: number, unit: string, factor = 1): Figure => ({
    ...{ name, unit, goal: { atLeast: goal } },
    values: results.get(a)!.map(({ perSecond }, i) => (factor * perSecond) / results.get(b)![i]!.perSecond),
  });
  return [
    ...[...results].map(([name, drained]) => ({
      ...{ name, unit: 'events/s', goal: null },
      values: drained.map(({ perSecond }) => perSecond),
    })),
    ...[...results].map(([name, drained]) => ({
      ...{ name: `CPU: ${name}`, unit: 'ms per 1,000 events', goal: null },
      values: drained.map(({ cpuPer1000 }) => cpuPer1000),
    })),
    ratios('against the first loop', BRIDGE, FIRST, 20, '×'),
    ratios('against the three tables', BRIDGE, THREE, 150, '%', 100),
    ratios("against our layout's best", BRIDGE, OWN, 60, '%', 100),
    ratios('two processes against one', TWO, BRIDGE, 1.6, '×'),
    {
      ...{ name: 'resident while draining', unit: 'MB at most', goal: { atMost: 300 } },
      values: results.get(BRIDGE)!.map(({ resident }) => resident / 2 ** 20),
    },
  ];
}
