import { count, type Coverage } from './coverage.ts';
import type { Log, Metrics } from '../../src/ports.ts';

const nothing = (): void => {};

/** A log that says nothing: what happened is in the trace. */
export const quietLog = {
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: nothing,
  isLevelEnabled: () => false,
  child: () => quietLog,
} as unknown as Log;

/** Metrics that count the outcomes which leave no row, and nothing else. */
export function outcomeMetrics(coverage: Coverage): Metrics {
  const settled: Metrics['settled'] = (_provider, _topic, outcome) => {
    if (outcome === 'echo') count(coverage, outcome);
  };
  return new Proxy({} as Metrics, { get: (_target, name) => (name === 'settled' ? settled : nothing) });
}
