import { describe, expect, it } from 'vitest';
import { judgeOutbox, type OutboxSample } from '../../../../src/domain/lag/judge-outbox.ts';
import { AT_ONCE, type LagThresholds } from '../../../../src/domain/lag/thresholds.ts';
import type { Judgement, LagVerdict } from '../../../../src/domain/lag/verdict.ts';

const T0 = Date.UTC(2025, 0, 5);

/** One sample every 10 s; `[waiting, sequence and age in seconds of the oldest]`, null while PostgreSQL is away. */
type Seen = readonly [waiting: number, sequence?: bigint, ageSeconds?: number] | null;

function play(seen: readonly Seen[], t?: LagThresholds): readonly Judgement[] {
  const samples = seen.map((each, nth): OutboxSample => {
    const atMs = T0 + nth * 10_000;
    if (each === null) return { atMs, waiting: 0, oldest: null, parked: 0, database: false };
    const [waiting, sequence, ageSeconds = 0] = each;
    const oldest = sequence === undefined ? null : { sequence, atMs: atMs - ageSeconds * 1_000 };
    return { atMs, waiting, oldest, parked: 0, database: true };
  });
  const judgements: Judgement[] = [];
  samples.forEach(({ atMs }, nth) => {
    judgements.push(judgeOutbox('saa', samples.slice(0, nth + 1), atMs, judgements.at(-1) ?? null, t));
  });
  return judgements;
}

const stuck = (from: number, times: number): Seen[] =>
  Array.from({ length: times }, (_, nth) => [5, 7n, from + nth * 10]);

describe('the verdict on the outbox', () => {
  it.each<{ story: string; seen: readonly Seen[]; verdicts: readonly LagVerdict[] }>([
    { story: 'nothing waits', seen: [[0], [0]], verdicts: ['OK'] },
    {
      story: 'edits leave as they come',
      seen: [
        [3, 1n, 1],
        [2, 5n, 1],
      ],
      verdicts: ['OK'],
    },
    {
      story: 'an edit waits, and none leaves',
      seen: stuck(0, 10),
      verdicts: ['OK', 'CATCHING_UP', 'STALLED'],
    },
    {
      story: 'a backlog is worked off',
      seen: [[500, 1n, 40], [400, 101n, 35], [100, 401n, 12], [0]],
      verdicts: ['CATCHING_UP', 'OK'],
    },
    {
      story: 'more edits are made than leave',
      seen: [
        [100, 1n, 40],
        [200, 20n, 45],
        [300, 40n, 50],
      ],
      verdicts: ['CATCHING_UP', 'FALLING_BEHIND'],
    },
    {
      story: 'PostgreSQL goes away and comes back',
      seen: [[0], null, null, null, [0], [0], [0]],
      verdicts: ['OK', 'PAUSED_DATABASE', 'OK'],
    },
  ])('$story: $verdicts', ({ seen, verdicts }) => {
    const all = play(seen).map(({ verdict }) => verdict);
    expect(all.filter((verdict, i) => verdict !== all[i - 1])).toEqual(verdicts);
  });

  it('tells the age of the oldest edit and when the last will have left', () => {
    expect(
      play([
        [500, 1n, 40],
        [400, 101n, 35],
      ]).at(-1),
    ).toMatchObject({
      behindSeconds: 35,
      messages: 400,
      drainSeconds: 40,
    });
  });

  it('judges one look by the age alone', () => {
    expect(play([[1, 1n, 61]], AT_ONCE)[0]!.verdict).toBe('STALLED');
  });
});
