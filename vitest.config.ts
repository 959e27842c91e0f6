import { basename } from 'node:path';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** What takes longest begins first: else one worker ends the run with it while the other has nothing left to do. */
const LONGEST = ['chaos', 'crash-matrix', 'silent-deaths', 'soak', 'memory', 'lag', 'run-process', 'traces'];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification) => {
      const at = LONGEST.indexOf(basename(moduleId, '.test.ts'));
      return at === -1 ? LONGEST.length : at;
    };
    return (await super.sort(files)).toSorted((a, b) => place(a) - place(b));
  }
}

/** One project a tier. `unit` and `simulation` need nothing but Node; the others share one set of real services, started
 *  once for the run by tests/support/global-setup.ts, and begin when the quick ones are done. They wait for those services
 *  more than they compute, so there is a worker more than the two cores that we count on. */
function tier(name: string, timeoutMs: number, services: boolean) {
  return {
    extends: true as const,
    test: {
      name,
      include: [`tests/${name}/**/*.test.ts`],
      globalSetup: services ? ['tests/support/global-setup.ts'] : [],
      testTimeout: timeoutMs,
      hookTimeout: timeoutMs,
      maxWorkers: services ? 3 : 2,
      sequence: { groupOrder: services ? 1 : 0 },
    },
  };
}

export default defineConfig({
  test: {
    globals: false,
    pool: 'forks',
    sequence: { sequencer: LongestFirst },
    teardownTimeout: 60_000,
    env: { KAFKAJS_NO_PARTITIONER_WARNING: '1' },
    reporters: ['default', './tests/support/summary-reporter.ts'],
    projects: [
      tier('unit', 60_000, false),
      tier('simulation', 60_000, false),
      tier('contract', 60_000, true),
      tier('integration', 60_000, true),
      tier('e2e', 120_000, true),
    ],
  },
});
