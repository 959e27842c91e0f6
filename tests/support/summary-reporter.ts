import type { Reporter, SerializedError, TestModule } from 'vitest/node';

/** Prints `N passed, N failed` (and `, N skipped` when there are any) on a line of its own, after everything else that
 *  Vitest reports. What fails outside any test (a file that can't be loaded, a hook, an unhandled rejection) counts as
 *  one failure each, so that `0 failed` always means a green run. */
export default class SummaryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly SerializedError[]): void {
    const counts = { passed: 0, failed: unhandled.length, skipped: 0 };
    for (const module of modules) {
      let failedTests = 0;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state === 'passed') counts.passed += 1;
        else if (state === 'failed') failedTests += 1;
        else counts.skipped += 1;
      }
      counts.failed += module.state() === 'failed' ? Math.max(failedTests, 1) : failedTests;
    }
    const skipped = counts.skipped > 0 ? `, ${counts.skipped} skipped` : '';
    // The default reporter writes its own summary in the same turn of the event loop.
    setImmediate(() => process.stdout.write(`${counts.passed} passed, ${counts.failed} failed${skipped}\n`));
  }
}
