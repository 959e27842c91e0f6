import { describe, expect, it } from 'vitest';
import type { LagRow } from '../../../src/domain/lag/roll-up.ts';
import { createMetrics, METRIC_NAMES } from '../../../src/telemetry/metrics.ts';

describe('createMetrics', () => {
  it('shows every measurement under its name and labels', async () => {
    const metrics = createMetrics();
    metrics.settled('saa', 'saa-constat.created', 'applied', 3);
    metrics.quarantined('saa', 'saa-constat.created', 'UNDECODABLE');
    metrics.batch('saa', 'saa-constat.created', 3, 0.02);
    metrics.published('saa', 'saa-constat.updated', 2);
    metrics.parked('saa', 'TOO_LARGE');
    metrics.lostToRetention('saa-constat.created', 5);
    metrics.endToEnd('saa', 'in', 0.3);
    metrics.pulled('saa', 'constats', 'failed', 1);
    metrics.revisionReused('saa');
    metrics.http('GET', '/v1/constats/:id', 200, 0.01);
    const text = await metrics.text();
    for (const line of [
      'bridge_events_settled_total{provider="saa",topic="saa-constat.created",outcome="applied"} 3',
      'bridge_events_quarantined_total{provider="saa",topic="saa-constat.created",code="UNDECODABLE"} 1',
      'bridge_batch_seconds_count{provider="saa"} 1',
      'bridge_batch_events_sum{provider="saa"} 3',
      'bridge_events_published_total{provider="saa",topic="saa-constat.updated"} 2',
      'bridge_events_parked_total{provider="saa",code="TOO_LARGE"} 1',
      'bridge_records_lost_total{topic="saa-constat.created"} 5',
      'bridge_end_to_end_seconds_count{provider="saa",direction="in"} 1',
      'bridge_records_pulled_total{provider="saa",collection="constats",outcome="failed"} 1',
      'bridge_revisions_reused_total{provider="saa"} 1',
      'bridge_http_request_seconds_count{method="GET",route="/v1/constats/:id",status="200"} 1',
    ]) {
      expect(text.split('\n')).toContain(line);
    }
    for (const name of METRIC_NAMES) expect(text).toContain(`# TYPE ${name} `);
  });

  it('shows a report of lag, and nothing of the one before it', async () => {
    const metrics = createMetrics();
    const row = {
      direction: 'in',
      provider: 'saa',
      partitions: null,
      cause: '',
      next: null,
      sinceMs: 0,
    } as const;
    const lagging: LagRow = {
      ...row,
      topic: 'saa-constat.created',
      verdict: 'CATCHING_UP',
      behindSeconds: 3.5,
      messages: 7,
      ratePerSecond: 1,
      drainSeconds: 'never',
    };
    const leaderless: LagRow = {
      ...row,
      topic: 'saa-constat.updated',
      verdict: 'LEADERLESS',
      behindSeconds: null,
      messages: null,
      ratePerSecond: null,
      drainSeconds: null,
    };
    const report = { atMs: 5_000, database: true, kafka: true, providers: [] };
    metrics.lag({ ...report, rows: [lagging, leaderless] }, 0.2);
    const text = await metrics.text();
    for (const line of [
      'bridge_lag_seconds{provider="saa",topic="saa-constat.created"} 3.5',
      'bridge_lag_events{provider="saa",topic="saa-constat.created"} 7',
      'bridge_lag_drain_seconds{provider="saa",topic="saa-constat.created"} +Inf',
      'bridge_lag_verdict{provider="saa",topic="saa-constat.updated",direction="in",verdict="LEADERLESS"} 1',
      'bridge_lag_sample_timestamp_seconds 5',
      'bridge_lag_sample_seconds 0.2',
    ])
      expect(text.split('\n')).toContain(line);
    expect(text).not.toContain('bridge_lag_seconds{provider="saa",topic="saa-constat.updated"}');
    metrics.lag({ ...report, rows: [] }, 0.2);
    expect(await metrics.text()).not.toContain('LEADERLESS');
  });

  it('shows the figures of the process', async () => {
    expect(await createMetrics().text()).toContain('process_resident_memory_bytes ');
  });

  it('keeps two bridges in one process apart', async () => {
    const [one, other] = [createMetrics(), createMetrics()];
    one.parked('saa', 'TOO_LARGE');
    expect(await other.text()).not.toContain('TOO_LARGE');
  });

  it('names metrics as Prometheus asks: the unit last, totals for counters', () => {
    for (const name of METRIC_NAMES)
      expect(name).toMatch(
        /^bridge_[a-z_]+_(total|seconds|events|open|verdict|blown|bytes|refused|undeclared|without_report)$/,
      );
  });
});
