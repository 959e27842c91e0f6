import { readFile } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { waitFor } from '../support/wait-for.ts';
import { publishFlood, type Flood } from './publish-flood.ts';
import { runBridge, type ChildRun } from './run-child.ts';
import { setup, type Bed, type Insurer } from './setup.ts';

/** `npm run memory` asks for a million. */
const EVENTS = Number(process.env['MEMORY_EVENTS'] ?? 40_000);
const PARTITIONS = 8;
const LIMIT_MB = 350;
const DRAIN_MS = 120_000 + 2 * EVENTS;

let bed: Bed;
let insurer: Insurer;
let child: ChildRun;
beforeAll(async () => {
  bed = await setup({ partitions: PARTITIONS });
  insurer = bed.insurers[0]!;
  await bed.stopBridge();
});
afterEach(async () => {
  child.process.kill('SIGTERM');
  expect(await child.exited).toBe(0);
});
afterAll(() => bed.close());

/** How much it held in memory when it had taken in so many events. */
interface Sample {
  readonly taken: number;
  readonly mb: number;
}

/** Starts `bridge run`, waits until it has taken in everything, and returns its largest resident memory so far and how
 *  it went there. */
async function drain(total: number) {
  const samples: Sample[] = [];
  child = runBridge(['run'], bed.env);
  await waitFor(
    'the flood is taken in',
    async () => {
      if (child.process.exitCode !== null) throw new Error(child.stderr());
      const { rows } = await bed.db.query<{ taken: string | null }>(
        'select sum(next_offset) as taken from applied_offset where topic = $1',
        [`${insurer.id}-constat.created`],
      );
      const taken = Number(rows[0]!.taken);
      samples.push({ taken, mb: await residentMb('VmRSS') });
      return taken;
    },
    (taken) => taken >= total,
    DRAIN_MS,
  );
  return { peak: await residentMb('VmHWM'), samples };
}

/** By the kernel: now, or the largest it has been. */
async function residentMb(which: 'VmRSS' | 'VmHWM'): Promise<number> {
  const status = await readFile(`/proc/${child.process.pid!}/status`, 'utf8');
  return Number(new RegExp(`${which}:\\s+(\\d+) kB`).exec(status)![1]) / 1024;
}

/** Slope of the straight line nearest to the samples, in MB for 100,000 events, once code is loaded and compiled and
 *  buffers have grown to their size. */
function growthOf(samples: readonly Sample[]): number {
  const late = samples.filter(({ taken }) => taken >= samples.at(-1)!.taken / 5);
  const mean = (of: (sample: Sample) => number) => late.reduce((sum, one) => sum + of(one), 0) / late.length;
  const [taken, mb] = [mean((one) => one.taken), mean((one) => one.mb)];
  const slope = mean((one) => (one.taken - taken) * (one.mb - mb)) / mean((one) => (one.taken - taken) ** 2);
  return slope * 100_000;
}

describe.runIf(process.platform === 'linux')('resident memory', () => {
  const floods: readonly (readonly [story: string, flood: Flood])[] = [
    [`${EVENTS} events of 1.5 kB at once`, { count: EVENTS, bytes: 1_500, partitions: PARTITIONS }],
    ['messages at the size limit', { count: 12 * PARTITIONS, bytes: 1_040_000, partitions: PARTITIONS }],
  ];
  let published = 0;

  it.each(floods)(
    `stays within ${LIMIT_MB} MB through %s`,
    async (_, flood) => {
      await publishFlood(insurer, flood);
      published += flood.count;
      const { peak, samples } = await drain(published);
      if (process.env['MEMORY_EVENTS']) {
        console.log(`${Math.round(peak)} MB resident at most`);
        if (flood.count === EVENTS) console.log(`${growthOf(samples).toFixed(1)} MB more for 100,000 events`);
      }
      expect(peak).toBeLessThanOrEqual(LIMIT_MB);
      expect((await bed.db.query('select from quarantine')).rowCount).toBe(0);
    },
    2 * DRAIN_MS,
  );
});
