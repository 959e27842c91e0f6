import type { Figure } from '../figures.ts';
import { quantile } from './quantile.ts';

export interface Latencies {
  readonly name: string;
  /** Milliseconds, one an event. */
  readonly values: readonly number[];
  /** What they can't be read without. */
  readonly note: string;
}

export function toLatencyFigures(
  { name, values }: Latencies,
  goals: { readonly p50: number; readonly p99: number },
): readonly Figure[] {
  const at = (label: string, share: number, goal: number | null): Figure => ({
    ...{ name: `${name}, ${label}`, unit: 'ms', values: [quantile(values, share)] },
    goal: goal === null ? null : { atMost: goal },
  });
  return [at('p50', 0.5, goals.p50), at('p99', 0.99, goals.p99), at('max', 1, null)];
}
