import type { Gauge } from 'prom-client';
import type { LagReport } from '../domain/lag/report.ts';
import type { LagRow } from '../domain/lag/roll-up.ts';

type SecondsAndCounts = Readonly<Record<(typeof LAG_GAUGES)[number], Gauge>>;

/** Those of the gauges in metrics.ts that show a lag report. */
export const LAG_GAUGES = [
  'bridge_lag_seconds',
  'bridge_lag_events',
  'bridge_lag_drain_seconds',
  'bridge_lag_verdict',
  'bridge_lag_sample_timestamp_seconds',
  'bridge_lag_sample_seconds',
  'bridge_unread_seconds',
  'bridge_unread_events',
  'bridge_quarantine_events',
  'bridge_quarantine_seconds',
  'bridge_conflicts_open',
  'bridge_conflicts_seconds',
  'bridge_circuit_open',
  'bridge_provider_api_refused',
  'bridge_constats_undeclared',
  'bridge_constats_injury_without_report',
  'bridge_pull_cursor_seconds',
  'bridge_provider_clock_skew_seconds',
  'bridge_provider_last_arrival_timestamp_seconds',
] as const;

/** Replaces what the gauges showed: a series whose subject is gone, or can't be known, is gone too. Nothing else writes
 *  them, and nothing awaits in between, so a scrape sees one report. */
export function setLagGauges(gauges: SecondsAndCounts, report: LagReport, tookSeconds: number): void {
  for (const gauge of Object.values(gauges)) gauge.reset();
  gauges.bridge_lag_sample_timestamp_seconds.set(report.atMs / 1000);
  gauges.bridge_lag_sample_seconds.set(tookSeconds);
  for (const row of report.rows) {
    const topic = row.topic ?? '';
    gauges.bridge_lag_verdict.set(
      { provider: row.provider, topic, direction: row.direction, verdict: row.verdict },
      1,
    );
    if (row.direction === 'read') {
      const labels = { provider: row.provider, topic };
      gauges.bridge_unread_seconds.set(labels, row.behindSeconds ?? 0);
      gauges.bridge_unread_events.set(labels, row.messages ?? 0);
    }
  }
  setInbound(gauges, report.rows);
  for (const figures of report.providers) {
    const { provider, circuit, clockSkewSeconds, lastArrivalMs } = figures;
    for (const { code, open, oldestSeconds } of figures.quarantine) {
      gauges.bridge_quarantine_events.set({ provider, code }, open);
      gauges.bridge_quarantine_seconds.set({ provider, code }, oldestSeconds);
    }
    for (const { severity, open, oldestSeconds } of figures.conflicts) {
      gauges.bridge_conflicts_open.set({ provider, severity }, open);
      gauges.bridge_conflicts_seconds.set({ provider, severity }, oldestSeconds);
    }
    for (const { collection, ageSeconds } of figures.cursors)
      gauges.bridge_pull_cursor_seconds.set({ provider, collection }, ageSeconds);
    gauges.bridge_provider_api_refused.set({ provider }, figures.apiRefusesUs ? 1 : 0);
    gauges.bridge_constats_undeclared.set({ provider }, figures.constats.undeclared);
    gauges.bridge_constats_injury_without_report.set({ provider }, figures.constats.withoutReport);
    if (circuit !== null) gauges.bridge_circuit_open.set({ provider }, circuit === 'closed' ? 0 : 1);
    if (clockSkewSeconds !== null)
      gauges.bridge_provider_clock_skew_seconds.set({ provider }, clockSkewSeconds);
    if (lastArrivalMs !== null)
      gauges.bridge_provider_last_arrival_timestamp_seconds.set({ provider }, lastArrivalMs / 1000);
  }
}

/** One series a topic: the oldest of its rows, and the sum of what waits. */
function setInbound(gauges: SecondsAndCounts, rows: readonly LagRow[]): void {
  const inbound = rows.filter(({ direction, behindSeconds }) => direction === 'in' && behindSeconds !== null);
  for (const [topic, group] of Map.groupBy(inbound, (row) => row.topic ?? '')) {
    const labels = { provider: group[0]!.provider, topic };
    gauges.bridge_lag_seconds.set(labels, Math.max(...group.map(({ behindSeconds }) => behindSeconds ?? 0)));
    gauges.bridge_lag_events.set(
      labels,
      group.reduce((sum, { messages }) => sum + (messages ?? 0), 0),
    );
    const drains = group.flatMap(({ drainSeconds }) => (drainSeconds === null ? [] : [drainSeconds]));
    if (drains.length > 0)
      gauges.bridge_lag_drain_seconds.set(
        labels,
        Math.max(...drains.map((drain) => (drain === 'never' ? Number.POSITIVE_INFINITY : drain))),
      );
  }
}
