import { defineConfig } from 'vitest/config';

/** One project a tier. `unit` needs nothing but Node; the others share one set of real services, started once for the
 *  run by tests/support/global-setup.ts. Tiers run one after the other, so that the slow ones never starve the quick. */
function tier(name: string, order: number, timeoutMs: number, services: boolean) {
  return {
    extends: true as const,
    test: {
      name,
      include: [`tests/${name}/**/*.test.ts`],
      globalSetup: services ? ['tests/support/global-setup.ts'] : [],
      testTimeout: timeoutMs,
      hookTimeout: timeoutMs,
      sequence: { groupOrder: order },
    },
  };
}

export default defineConfig({
  test: {
    globals: false,
    pool: 'forks',
    maxWorkers: 2,
    teardownTimeout: 60_000,
    env: { KAFKAJS_NO_PARTITIONER_WARNING: '1' },
    reporters: ['default', './tests/support/summary-reporter.ts'],
    projects: [
      tier('unit', 0, 60_000, false),
      tier('simulation', 0, 60_000, false),
      tier('contract', 1, 60_000, true),
      tier('integration', 2, 60_000, true),
      tier('e2e', 3, 120_000, true),
    ],
  },
});
