import { describe, expect, it } from 'vitest';
import { findStalls, followProgress, type Progress } from '../../../src/consume/judge-progress.ts';

const A = 'saa-constat.created/0';
const GROUP = 'eassurance-saa';

/** What a partition showed in one sample: settled, end, explanation; `out`: the consumer was not in its group; `gap`:
 *  nothing could be seen. Samples come a second apart. */
type Seen = readonly [settled: number, end: number, explained?: string] | 'other' | 'out' | 'gap';

function stallsAfter(story: readonly Seen[], afterMs: number) {
  let progress: Progress | null = null;
  story.forEach((seen, i) => {
    if (seen === 'gap') return;
    const held = seen !== 'out' && seen !== 'other';
    const sample = {
      atMs: i * 1_000,
      joined: seen !== 'out',
      partitions: new Map(
        held
          ? [[A, { settled: BigInt(seen[0]), end: BigInt(seen[1]), explained: seen[2] ?? null }] as const]
          : [],
      ),
    };
    progress = followProgress(progress, sample, 1_500);
  });
  return findStalls(progress!, GROUP, afterMs);
}

describe('progress', () => {
  const moving: readonly (readonly [story: string, seen: readonly Seen[]])[] = [
    [
      'nothing waits',
      [
        [5, 5],
        [5, 5],
        [5, 5],
        [5, 5],
        [5, 5],
      ],
    ],
    [
      'it is behind and settles',
      [
        [1, 9],
        [2, 9],
        [3, 12],
        [4, 20],
        [5, 30],
      ],
    ],
    [
      'it stood still and settles again',
      [
        [1, 9],
        [1, 9],
        [1, 9],
        [1, 9],
        [2, 9],
      ],
    ],
    [
      'what waits has waited too short',
      [
        [1, 1],
        [1, 1],
        [1, 9],
        [1, 9],
        [1, 9],
      ],
    ],
    [
      'it waits for a known reason',
      [
        [1, 9],
        [1, 9],
        [1, 9],
        [1, 9],
        [1, 9, 'no registry'],
      ],
    ],
    [
      'the known reason has just gone',
      [
        [1, 9, 'no registry'],
        [1, 9, 'no registry'],
        [1, 9],
        [1, 9],
        [1, 9],
      ],
    ],
    ['another member has it now', [[1, 9], [1, 9], [1, 9], [1, 9], 'other']],
    ['this process itself stood still', [[1, 9], [1, 9], 'gap', 'gap', [1, 9]]],
    ['the consumer has left its group for a moment', [[5, 5], [5, 5], 'out', 'out', [5, 5]]],
  ];
  it.each(moving)('is not missed: %s', (_story, seen) => {
    expect(stallsAfter(seen, 3_000)).toEqual([]);
  });

  const stalled: readonly (readonly [story: string, seen: readonly Seen[], sinceMs: number])[] = [
    [
      'records wait and nothing is settled',
      [
        [1, 9],
        [1, 9],
        [1, 9],
        [1, 9],
      ],
      0,
    ],
    [
      'more and more come meanwhile',
      [
        [1, 2],
        [1, 3],
        [1, 4],
        [1, 5],
      ],
      0,
    ],
    [
      'the first of them came later',
      [
        [1, 1],
        [1, 9],
        [1, 9],
        [1, 9],
        [1, 9],
      ],
      1_000,
    ],
    [
      'it was explained before',
      [
        [1, 9, 'no database'],
        [1, 9],
        [1, 9],
        [1, 9],
        [1, 9],
      ],
      1_000,
    ],
    ['its consumer was started again in vain', [[1, 9], [1, 9], 'out', [1, 9], [1, 9]], 0],
  ];
  it.each(stalled)('is missed by partition and time: %s', (_story, seen, sinceMs) => {
    const [stall, ...others] = stallsAfter(seen, 3_000);
    expect(others).toEqual([]);
    expect(stall!.sinceMs).toBe(sinceMs);
    expect(stall!.what).toMatch(/^saa-constat\.created\/0 stands at 1 of \d$/);
  });

  it('is missed when the consumer has left its group, with what it held', () => {
    expect(stallsAfter([[1, 9], [1, 9], 'out', 'out', 'out', 'out'], 3_000)).toEqual([
      { what: `${A} stands at 1 of 9`, sinceMs: 0 },
      { what: `the consumer is not in its group ${GROUP}`, sinceMs: 2_000 },
    ]);
  });
});
