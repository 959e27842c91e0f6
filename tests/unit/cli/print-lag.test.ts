import { describe, expect, it } from 'vitest';
import type { LagDocument } from '../../../src/api/read-lag.ts';
import { describeLag, exitCodeOf } from '../../../src/cli/print-lag.ts';

type Row = LagDocument['rows'][number];
type Figures = LagDocument['providers'][number];

const row = (change: Partial<Row> = {}): Row => ({
  ...{ direction: 'in', provider: 'saa', topic: 'saa-constat.created', partitions: null, verdict: 'OK' },
  ...{ cause: 'Everything is settled.', next: null, behindSeconds: 0, messages: 0, ratePerSecond: null },
  ...{ drainSeconds: 0, since: '2026-03-01T10:00:00.000Z' },
  ...change,
});

const figures = (change: Partial<Figures> = {}): Figures => ({
  ...{ provider: 'saa', circuit: 'closed', apiRefusesUs: false, clockSkewSeconds: 0, lastArrival: null },
  ...{ usualPauseSeconds: null, quarantine: [], conflicts: [], cursors: [] },
  outbox: { waiting: 0, parked: 0, oldestSeconds: 0 },
  constats: { undeclared: 0, withoutReport: 0 },
  ...change,
});

const document = (rows: readonly Row[], change: Partial<LagDocument> = {}): LagDocument => ({
  ...{
    asOf: '2026-03-01T10:00:03.123Z',
    database: true,
    kafka: true,
    rows: [...rows],
    providers: [figures()],
  },
  ...change,
});

const falling = row({
  ...{ verdict: 'FALLING_BEHIND', partitions: [0, 2], behindSeconds: 192.7, messages: 4_312 },
  ...{ ratePerSecond: 12.34, drainSeconds: 'never', cause: 'More arrives.', next: 'bridge lag --watch' },
});

describe('bridge lag prints', () => {
  it('a line for whatever is not fine, with age, number, rate, estimate, cause and command', () => {
    const lines = describeLag(document([falling, row()]), false).split('\n');
    const line = lines.find((each) => each.includes('FALLING_BEHIND'))!;
    for (const text of [
      'saa-constat.created [0, 2]',
      '3 min 12 s, 4,312 events',
      '12.3/s',
      'never at',
      'More arrives.',
    ])
      expect(line).toContain(text);
    expect(line).toContain('bridge lag --watch');
    expect(lines[0]).toBe('as of 2026-03-01 10:00:03 UTC');
    expect(lines.at(-1)).toBe('1 OK (--all shows them)');
  });

  it('what is fine too, when asked for all', () => {
    expect(describeLag(document([row()]), true)).toContain('Everything is settled.');
  });

  it('that PostgreSQL or Kafka does not answer, and what can not be known as unknown', () => {
    const lost = row({ verdict: 'LEADERLESS', behindSeconds: null, messages: null, drainSeconds: null });
    const text = describeLag(document([lost], { database: false, kafka: false }), false);
    expect(text).toContain('! PostgreSQL does not answer');
    expect(text).toContain('! Kafka does not answer');
    expect(text).toContain('unknown');
  });

  it('what else is known of an insurer, one line each, and nothing of one that is well', () => {
    const well = figures({ provider: 'trust', cursors: [{ collection: 'constats', ageSeconds: 59 * 60 }] });
    const ill = figures({
      ...{ circuit: 'open', clockSkewSeconds: 75, cursors: [{ collection: 'constats', ageSeconds: 7_500 }] },
      quarantine: [
        { code: 'UNDECODABLE', open: 2, oldestSeconds: 90 },
        { code: 'SCHEMA_MISMATCH', open: 0, oldestSeconds: 0 },
      ],
      conflicts: [{ severity: 'high', open: 1, oldestSeconds: 30 }],
      outbox: { waiting: 0, parked: 3, oldestSeconds: 0 },
    });
    const [last] = describeLag(document([], { providers: [well, ill] }), false)
      .split('\n')
      .slice(-1);
    expect(last).toBe(
      'saa: 2 events in quarantine as UNDECODABLE, the oldest for 1 min 30 s; ' +
        '1 high conflict open, the oldest for 30 s; 3 edits parked, which Kafka refused; ' +
        'the breaker of its GET API is open; its GET API was last walked for constats 2 h 5 min ago; ' +
        'its clock is 1 min 15 s ahead',
    );
  });
});

describe('bridge lag exits', () => {
  it('with 2 when a verdict needs somebody, and with 0 when all is fine or catches up by itself', () => {
    expect(exitCodeOf(document([row(), falling]))).toBe(2);
    expect(exitCodeOf(document([row(), row({ verdict: 'CATCHING_UP' })]))).toBe(0);
    expect(exitCodeOf(document([]))).toBe(0);
  });
});
