import { describe, expect, it } from 'vitest';
import { AT_ONCE } from '../../../../src/domain/lag/thresholds.ts';
import type { LagVerdict } from '../../../../src/domain/lag/verdict.ts';
import { changes, play, type Phase } from './play-partition.ts';

interface Scenario {
  readonly story: string;
  readonly phases: readonly Phase[];
  readonly verdicts: readonly LagVerdict[];
  /** In the last cause. */
  readonly cause?: string;
  readonly next?: string | null;
}

const busy: Phase = { seconds: 120, arrive: 5 };

const SCENARIOS: readonly Scenario[] = [
  { story: 'a topic in which nothing was ever written is fine', phases: [{ seconds: 60 }], verdicts: ['OK'] },
  { story: 'everything settled as it comes is fine', phases: [busy], verdicts: ['OK'], next: null },
  {
    story: 'the first record of a new partition is nothing to speak of',
    phases: [{ seconds: 600 }, { seconds: 1, arrive: 1, settle: 0 }, { seconds: 29, arrive: 0 }],
    verdicts: ['OK'],
  },
  {
    story: 'a burst that is worked off within seconds raises nothing',
    phases: [busy, { seconds: 2, arrive: 500, settle: 50 }, { seconds: 60, arrive: 5 }],
    verdicts: ['OK'],
  },
  {
    story: 'a large burst is caught up with, and the estimate says when',
    phases: [busy, { seconds: 10, arrive: 1_000, settle: 50 }, { seconds: 90, arrive: 5 }],
    verdicts: ['OK', 'CATCHING_UP'],
    cause: 'done in about',
    next: null,
  },
  {
    story: 'a burst that is worked off ends as it began',
    phases: [busy, { seconds: 10, arrive: 1_000, settle: 50 }, { seconds: 300, arrive: 5 }],
    verdicts: ['OK', 'CATCHING_UP', 'OK'],
  },
  {
    story: 'more arrives than is settled, so it never ends',
    phases: [busy, { seconds: 300, arrive: 50, settle: 20 }],
    verdicts: ['OK', 'FALLING_BEHIND'],
    cause: '50.0/s arrive and 20.0/s are settled',
    next: 'bridge lag --watch',
  },
  {
    story: 'as much arrives as is settled, with a backlog: it stays what it was',
    phases: [busy, { seconds: 120, arrive: 50, settle: 20 }, { seconds: 600, arrive: 50, settle: 50 }],
    verdicts: ['OK', 'FALLING_BEHIND'],
  },
  {
    story: 'the rates swing around each other: one verdict, no flapping',
    phases: [
      busy,
      { seconds: 120, arrive: 50, settle: 20 },
      ...Array.from({ length: 20 }, (_, i): Phase => ({ seconds: 30, arrive: 50, settle: i % 2 ? 49 : 51 })),
    ],
    verdicts: ['OK', 'FALLING_BEHIND'],
  },
  {
    story: 'the age swings around the threshold: it enters once, and leaves only far below it',
    phases: [
      { seconds: 100, arrive: 2 },
      ...Array.from({ length: 12 }, (): readonly Phase[] => [
        { seconds: 35, arrive: 2, settle: 0 },
        { seconds: 2, settle: 35 },
      ]).flat(),
    ],
    verdicts: ['OK', 'CATCHING_UP'],
  },
  {
    story: 'records wait and none is settled',
    phases: [busy, { seconds: 120, settle: 0 }],
    verdicts: ['OK', 'FALLING_BEHIND', 'STALLED'],
    cause: 'its consumer settles none',
    next: 'bridge explain saa-constat.created/0/600',
  },
  {
    story: 'a partition that stopped on an unexplained failure says so at once',
    phases: [busy, { seconds: 10, obstacle: 'halted', code: 'TypeError' }],
    verdicts: ['OK', 'STALLED'],
    cause: 'stopped on a failure that nothing explains (TypeError)',
  },
  {
    story: 'one batch in a minute does not end a stall; steady work does',
    phases: [
      busy,
      { seconds: 130, settle: 0 },
      { seconds: 5, settle: 1 },
      { seconds: 55, settle: 0 },
      { seconds: 5, settle: 1 },
      { seconds: 55, settle: 0 },
      { seconds: 200, settle: 50 },
    ],
    verdicts: ['OK', 'FALLING_BEHIND', 'STALLED', 'CATCHING_UP', 'OK'],
  },
  {
    story: 'a rebalance of half a minute raises nothing',
    phases: [busy, { seconds: 28, settle: 0 }, { seconds: 60, settle: 100 }],
    verdicts: ['OK'],
  },
  {
    story: 'a deployment of half a minute raises nothing',
    phases: [busy, { seconds: 28, consumed: false }, { seconds: 60, consumed: true }],
    verdicts: ['OK'],
  },
  {
    story: 'a bridge that starts on a backlog of an hour is given time to begin',
    phases: [
      { seconds: 10, arrive: 10 },
      { seconds: 3_600, arrive: 0.1, consumed: false },
      { seconds: 20, consumed: true, settle: 0 },
      { seconds: 300, settle: 5 },
    ],
    verdicts: ['OK', 'FALLING_BEHIND', 'STOPPED', 'CATCHING_UP', 'OK'],
  },
  {
    story: 'nobody consumes',
    phases: [busy, { seconds: 120, consumed: false }],
    verdicts: ['OK', 'FALLING_BEHIND', 'STOPPED'],
    cause: 'the group eassurance-saa has no members, and 600 events wait',
    next: 'bridge run',
  },
  {
    story: 'nobody consumes a topic in which nothing waits: said all the same',
    phases: [
      { ...busy, settle: 100 },
      { seconds: 120, arrive: 0, consumed: false },
    ],
    verdicts: ['OK', 'STOPPED'],
  },
  {
    story: 'a consumer that comes and goes is stopped until it stays',
    phases: [
      busy,
      { seconds: 120, consumed: false, arrive: 0 },
      { seconds: 10, consumed: true, settle: 0 },
      { seconds: 50, consumed: false },
      { seconds: 40, consumed: true, settle: 100 },
    ],
    verdicts: ['OK', 'STOPPED', 'OK'],
  },
  {
    story: 'PostgreSQL goes away and comes back',
    phases: [busy, { seconds: 60, database: false }, { seconds: 60, database: true }],
    verdicts: ['OK', 'PAUSED_DATABASE', 'OK'],
  },
  {
    story: 'PostgreSQL is missed by one sample: nothing is said',
    phases: [busy, { seconds: 10, database: false }, { seconds: 60, database: true }],
    verdicts: ['OK'],
  },
  {
    story: 'the consumer waits for a database that answers others',
    phases: [busy, { seconds: 60, obstacle: 'waiting', code: 'DATABASE_FULL' }],
    verdicts: ['OK', 'PAUSED_DATABASE'],
    cause: 'DATABASE_FULL',
    next: 'bridge doctor',
  },
  {
    story: 'the consumer waits for the registry',
    phases: [busy, { seconds: 120, obstacle: 'waiting', code: 'REGISTRY_UNAVAILABLE' }],
    verdicts: ['OK', 'FALLING_BEHIND', 'STALLED'],
    cause: 'it waits (REGISTRY_UNAVAILABLE)',
  },
  {
    story: 'the fuse of the topic is open',
    phases: [busy, { seconds: 30, obstacle: 'fuse', code: 'FUSE_BLOWN' }],
    verdicts: ['OK', 'PAUSED_FUSE'],
    next: 'bridge topic list',
  },
  {
    story: 'one bad message is no poison',
    phases: [busy, { seconds: 300, quarantine: { lately: 1, sinceRest: 1, open: 1 } }],
    verdicts: ['OK'],
  },
  {
    story: 'quarantine grows, and then rests',
    phases: [
      busy,
      { seconds: 60, quarantine: { lately: 3, sinceRest: 3, open: 3 } },
      { seconds: 300, quarantine: { lately: 0, sinceRest: 3, open: 3 } },
      { seconds: 60, quarantine: { lately: 0, sinceRest: 0, open: 3 } },
    ],
    verdicts: ['OK', 'POISON', 'OK'],
  },
  {
    story: 'poison that comes again and again is one verdict, not many',
    phases: [
      busy,
      ...Array.from({ length: 6 }, (): readonly Phase[] => [
        { seconds: 60, quarantine: { lately: 4, sinceRest: 4, open: 9 } },
        { seconds: 120, quarantine: { lately: 1, sinceRest: 5, open: 9 } },
      ]).flat(),
    ],
    verdicts: ['OK', 'POISON'],
    cause: '9 not settled',
  },
  {
    story: 'retention overtakes a consumer that is away',
    phases: [
      { seconds: 20, arrive: 5 },
      { seconds: 40, consumed: false },
      { seconds: 20, keepLast: 50 },
    ],
    verdicts: ['OK', 'FALLING_BEHIND', 'RETENTION_LOSS'],
    cause: 'from offset 100 to 250 (150 records) was deleted before it was read',
  },
  {
    story: 'retention deletes what was settled: nothing is lost',
    phases: [busy, { seconds: 60, keepLast: 0 }],
    verdicts: ['OK'],
  },
  {
    story: 'a loss stays visible for an hour after the consumer went on',
    phases: [busy, { seconds: 3_000, incident: 'lost' }, { seconds: 1_200 }],
    verdicts: ['OK', 'RETENTION_LOSS', 'OK'],
  },
  {
    story: 'the topic was created anew: its records wait from the first',
    phases: [busy, { seconds: 30, arrive: 5, settle: 0, recreate: true }],
    verdicts: ['OK', 'REWOUND'],
    cause: 'its records are judged as new',
  },
  {
    story: 'somebody sets the applied position back',
    phases: [busy, { seconds: 20, setBack: 300, settle: 0 }, { seconds: 400, settle: 1_000 }],
    verdicts: ['OK', 'REWOUND', 'OK'],
  },
  {
    story: 'transaction markers at the end of the log are nothing that waits',
    phases: [busy, { seconds: 200, arrive: 0, markers: 2 }],
    verdicts: ['OK'],
  },
  {
    story: 'an election of some seconds raises nothing',
    phases: [busy, { seconds: 10, led: false }, { seconds: 60, led: true }],
    verdicts: ['OK'],
  },
  {
    story: 'nobody leads the partition, until somebody does',
    phases: [busy, { seconds: 60, led: false }, { seconds: 30, led: true, settle: 1_000 }],
    verdicts: ['OK', 'LEADERLESS', 'OK'],
  },
];

describe('the verdict on a partition', () => {
  it.each(SCENARIOS.map((scenario, i) => ({ nr: i + 1, ...scenario })))(
    '$nr: $story',
    ({ phases, verdicts, cause, next }) => {
      const judgements = play(phases);
      expect(changes(judgements)).toEqual(verdicts);
      if (cause !== undefined) expect(judgements.at(-1)!.cause).toContain(cause);
      if (next !== undefined) expect(judgements.at(-1)!.next).toBe(next);
    },
  );

  it.each(SCENARIOS)('shows no number below zero and none that is none: $story', ({ phases }) => {
    for (const { behindSeconds, messages, ratePerSecond, drainSeconds } of play(phases)) {
      for (const figure of [behindSeconds, messages, ratePerSecond, drainSeconds]) {
        if (typeof figure === 'number') expect(figure).toBeGreaterThanOrEqual(0);
      }
    }
  });

  it('counts the age from the oldest that waits, and the estimate from the net rate', () => {
    const last = play([busy, { seconds: 100, arrive: 10, settle: 0 }, { seconds: 90, settle: 20 }]).at(-1)!;
    expect(last.messages).toBe(100 * 10 - 90 * 10);
    expect(last.ratePerSecond).toBeCloseTo(20, 0);
    expect(last.drainSeconds).toBeCloseTo(last.messages! / 10, 0);
  });

  it('knows no number of a partition without a leader', () => {
    const last = play([busy, { seconds: 60, led: false }]).at(-1)!;
    expect(last).toMatchObject({ verdict: 'LEADERLESS', behindSeconds: null, messages: null });
  });

  it('judges one single look by what it sees', () => {
    const [look] = play([{ seconds: 10, arrive: 5, consumed: false }], AT_ONCE);
    expect(look!.verdict).toBe('STOPPED');
  });

  it('keeps the time at which a verdict began', () => {
    const judged = play([busy, { seconds: 300, consumed: false }]);
    const stopped = judged.filter(({ verdict }) => verdict === 'STOPPED');
    expect(new Set(stopped.map(({ sinceMs }) => sinceMs)).size).toBe(1);
  });
});
