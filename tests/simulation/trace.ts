import type { Counters } from './provider-model.ts';

/** What happened, in the notation of SYNC.md: `P f=p1 (1,1); H f=h1 (2,0)`, (e,p): counters of hub and provider. */
export interface Trace {
  add(line: string): void;
  lines(): readonly string[];
}

export function createTrace(): Trace {
  const lines: string[] = [];
  return { add: (line) => void lines.push(line), lines: () => lines };
}

/** `(3,2)`; a provider that was restored counts on under other writer ids: `(3,2+1)`. */
export function pair(revision: Counters): string {
  const writers = Object.keys(revision).filter((writer) => writer !== 'eassurance');
  const theirs = writers.sort().map((writer) => revision[writer]);
  return `(${revision['eassurance'] ?? 0},${theirs.length === 0 ? 0 : theirs.join('+')})`;
}
