import { describe, expect, it } from 'vitest';
import { addCoverage, missing, type Coverage } from './coverage.ts';
import { minimise } from './minimise.ts';
import { replayCommand } from './replay.ts';
import { runSeed, type RunOptions, type RunResult } from './run-seed.ts';
import { TIERS } from './tiers.ts';

const SEEDS_PER_TIER = 160;

const optionsOf = (seed: number, change: Partial<RunOptions> = {}): RunOptions => {
  return { seed, edits: 12, tier: 'storm', oneWriter: false, skip: new Set(), without: new Set(), ...change };
};

/** What a person needs to see it again. */
async function explain(options: RunOptions, { failure }: RunResult): Promise<string> {
  const least = await minimise({ options, failure: failure! });
  return `${failure!.invariant}: ${failure!.message}\n${replayCommand(options)}\n${replayCommand(least.options)}\n${least.trace.join('; ')}`;
}

describe('the sync protocol, simulated', () => {
  describe.each(TIERS)('tier %s', (tier) => {
    it('keeps every promise of SYNC.md at every step and at rest, and reaches every case', async () => {
      const coverage: Coverage = {};
      for (let seed = 1; seed <= SEEDS_PER_TIER; seed++) {
        const options = optionsOf(seed, { tier });
        const result = await runSeed(options);
        if (result.failure !== null) expect.fail(await explain(options, result));
        addCoverage(coverage, result.coverage);
      }
      expect(missing(tier, coverage)).toEqual([]);
    });
  });

  it('merges nothing while one edits after the other, whatever the network and the processes do', async () => {
    for (let seed = 1; seed <= 60; seed++) {
      const options = optionsOf(seed, { oneWriter: true });
      const result = await runSeed(options);
      if (result.failure !== null) expect.fail(await explain(options, result));
      expect(result.coverage['forks'] ?? 0).toBe(0);
    }
  });

  it('plays the same seed the same way again', async () => {
    const [first, second] = [await runSeed(optionsOf(7)), await runSeed(optionsOf(7))];
    expect(second.trace).toEqual(first.trace);
    expect(second.steps).toBe(first.steps);
    expect(first.trace.length).toBeGreaterThan(10);
  });
});
