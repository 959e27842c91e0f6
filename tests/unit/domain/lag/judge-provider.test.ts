import { describe, expect, it } from 'vitest';
import {
  judgeReading,
  judgeRhythm,
  learnRhythm,
  type Rhythm,
} from '../../../../src/domain/lag/judge-provider.ts';
import type { Judgement } from '../../../../src/domain/lag/verdict.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const T0 = Date.UTC(2025, 0, 5);

function learn(arrivals: readonly number[]): Rhythm {
  return arrivals.reduce<Rhythm | null>((known, atMs) => learnRhythm(known, atMs), null)!;
}

/** An event every 10 min from 8 to 18 h, Sunday to Thursday. */
function officeHours(weeks: number): number[] {
  return Array.from({ length: weeks * 7 }, (_, day) => day)
    .filter((day) => day % 7 < 5)
    .flatMap((day) => Array.from({ length: 61 }, (_, i) => T0 + day * DAY + 8 * HOUR + i * 10 * MINUTE));
}

const verdictAt = (rhythm: Rhythm | null, nowMs: number) => judgeRhythm('saa', rhythm, nowMs, null)?.verdict;

describe('the silence of a provider', () => {
  it.each([
    { story: 'nothing was ever heard', arrivals: [], afterMs: DAY, verdict: undefined },
    {
      story: 'too little was heard to know what is usual',
      arrivals: [0, 1, 2, 3].map((nth) => T0 + nth * MINUTE),
      afterMs: DAY,
      verdict: undefined,
    },
    {
      story: 'every 10 min, and 29 min ago',
      arrivals: Array.from({ length: 20 }, (_, nth) => T0 + nth * 10 * MINUTE),
      afterMs: 29 * MINUTE,
      verdict: 'OK',
    },
    {
      story: 'every 10 min, and half an hour ago',
      arrivals: Array.from({ length: 20 }, (_, nth) => T0 + nth * 10 * MINUTE),
      afterMs: 30 * MINUTE,
      verdict: 'PROVIDER_SILENT',
    },
    {
      story: 'every second, and a minute ago: a pause below 5 min is none',
      arrivals: Array.from({ length: 20 }, (_, nth) => T0 + nth * 1_000),
      afterMs: MINUTE,
      verdict: 'OK',
    },
    { story: 'office hours, at night', arrivals: officeHours(2), afterMs: 13 * HOUR, verdict: 'OK' },
    { story: 'office hours, over the weekend', arrivals: officeHours(2), afterMs: 62 * HOUR, verdict: 'OK' },
    { story: 'office hours, gone', arrivals: officeHours(2), afterMs: 9 * DAY, verdict: 'PROVIDER_SILENT' },
  ])('$story: $verdict', ({ arrivals, afterMs, verdict }) => {
    const rhythm = arrivals.length === 0 ? null : learn(arrivals);
    expect(verdictAt(rhythm, (arrivals.at(-1) ?? T0) + afterMs)).toBe(verdict);
  });

  it('learns the same from the same arrival however often it is told', () => {
    const once = learn([T0, T0 + HOUR]);
    expect(learnRhythm(once, T0 + HOUR)).toBe(once);
    expect(learnRhythm(once, T0)).toBe(once);
  });

  it('forgets an unusual pause in time', () => {
    const long = learn([T0, T0 + 10 * DAY]);
    const later = Array.from({ length: 40 }, (_, nth) => T0 + (11 + nth) * DAY).reduce<Rhythm>(
      (known, atMs) => learnRhythm(known, atMs),
      long,
    );
    expect(later.usualMs).toBe(DAY);
  });
});

describe('whether a provider reads us', () => {
  const judge = (
    unread: number,
    ageMs: number,
    previous: Judgement | null = null,
    groups = ['saa-platform'],
  ) =>
    judgeReading(
      'saa',
      'saa-constat.created',
      { unread, oldestAtMs: unread === 0 ? null : T0 - ageMs, groups },
      T0,
      previous,
    );

  it.each([
    { story: 'it has read everything', unread: 0, ageMs: 0, verdict: 'OK' },
    { story: 'it is on its way', unread: 40, ageMs: 299_000, verdict: 'OK' },
    { story: 'it has not read for 5 min', unread: 1, ageMs: 300_000, verdict: 'PROVIDER_BEHIND' },
  ])('$story: $verdict', ({ unread, ageMs, verdict }) => {
    expect(judge(unread, ageMs).verdict).toBe(verdict);
  });

  it('is behind until it is well below the limit', () => {
    const behind = judge(10, 300_000);
    expect(judge(10, 61_000, behind).verdict).toBe('PROVIDER_BEHIND');
    expect(judge(10, 59_000, behind).verdict).toBe('OK');
  });

  it('names its group, or that there is none', () => {
    expect(judge(10, 600_000).cause).toContain('its group saa-platform has not come that far');
    expect(judge(10, 600_000, null, []).cause).toContain('no group of saa has read this topic yet');
  });
});
