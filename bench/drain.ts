import { createCleanupStack } from '../src/runtime/cleanup-stack.ts';
import { composeLoad } from './drain/compose-load.ts';
import { fillTopics } from './drain/fill-topics.ts';
import { fillOwnLayout } from './drain/own-layout.ts';
import { runBridges, type Drained } from './drain/run-bridges.ts';
import { runFirstLoop } from './drain/run-first-loop.ts';
import { fillThreeTables } from './drain/three-tables.ts';
import { median, printRows, type BenchOptions } from './figures.ts';
import { openBed } from './open-bed.ts';

const FIRST = 'the loop a team writes first';
const THREE = 'the plain three tables';
const OWN = 'our layout, nothing but writing';
const BRIDGE = 'the bridge, one process';
const TWO = 'the bridge, two processes';

/** From full topics to durable outcomes: entity row, event row with its bytes, position. */
export async function benchDrain({ quick, signal }: BenchOptions): Promise<void> {
  const events = quick ? 20_000 : 100_000;
  const rounds = quick ? 2 : 5;
  const cleanup = createCleanupStack();
  try {
    const bed = await openBed({ providers: 1, partitions: 8 }, cleanup);
    const load = await composeLoad(events, bed.providerIds[0]!, bed.services.registryUrl);
    await fillTopics(bed.kafka, load.records);
    const size = load.records.reduce((sum, { value }) => sum + value.length, 0) / load.records.length;
    console.log(
      `\nDraining ${events} events of ${(size / 1_000).toFixed(1)} kB, ${rounds} interleaved rounds`,
    );

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
        results.get(name)!.push(await run());
      }
    }
    report(results);
  } finally {
    await cleanup.unwind();
  }
}

function report(results: ReadonlyMap<string, readonly Drained[]>): void {
  const rate = (name: string) => median(results.get(name)!.map(({ perSecond }) => perSecond));
  printRows(
    [...results].map(([name, drained]) => ({
      name,
      values: drained.map(({ perSecond }) => perSecond),
      unit: 'events/s',
      beside: `${median(drained.map(({ cpuPer1000 }) => cpuPer1000)).toFixed(0)} ms CPU per 1,000`,
    })),
  );
  const ratio = (a: string, b: string) => rate(a) / rate(b);
  console.log(`against the first loop      ${ratio(BRIDGE, FIRST).toFixed(1)} × (goal 20 ×)`);
  console.log(`against the three tables    ${(ratio(BRIDGE, THREE) * 100).toFixed(0)} % (goal 150 %)`);
  console.log(`against our layout's best   ${(ratio(BRIDGE, OWN) * 100).toFixed(0)} % (goal 60 %)`);
  console.log(`two processes against one   ${ratio(TWO, BRIDGE).toFixed(2)} × (goal 1.6 ×)`);
  const resident = Math.max(...results.get(BRIDGE)!.map((one) => one.resident)) / 2 ** 20;
  console.log(`resident while draining     ${resident.toFixed(0)} MB at most`);
  console.log('Every round of the bridge ended with every row equal to what the insurer reckons.');
}
