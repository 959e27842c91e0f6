import type { DrainEstimate } from './verdict.ts';

/** A count that grows, at a moment. */
export interface Reading {
  readonly atMs: number;
  readonly settled: number;
  readonly arrived: number;
}

export interface Rates {
  readonly settledPerSecond: number;
  readonly arrivedPerSecond: number;
}

/** Between the first and the last reading of the last `windowMs`; null with fewer than two, or when a count went back (the
 *  log or the position began anew, so that differences mean nothing). */
export function measureRates(readings: readonly Reading[], windowMs: number): Rates | null {
  const last = readings.at(-1);
  const first = last && readings.find(({ atMs }) => atMs >= last.atMs - windowMs);
  if (last === undefined || first === undefined || first.atMs >= last.atMs) return null;
  const seconds = (last.atMs - first.atMs) / 1000;
  const settled = last.settled - first.settled;
  const arrived = last.arrived - first.arrived;
  if (settled < 0 || arrived < 0) return null;
  return { settledPerSecond: settled / seconds, arrivedPerSecond: arrived / seconds };
}

/** Nothing waiting needs no time. */
export function estimateDrain(waiting: number, rates: Rates | null): DrainEstimate {
  if (waiting === 0) return 0;
  if (rates === null) return null;
  const net = rates.settledPerSecond - rates.arrivedPerSecond;
  return net > 0 ? waiting / net : 'never';
}
