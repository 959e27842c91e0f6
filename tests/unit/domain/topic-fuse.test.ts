import { describe, expect, it } from 'vitest';
import { countCodes, readFuse, type FuseSign } from '../../../src/domain/topic-fuse.ts';

const RULE = { window: 50, bad: 20 };

/** `g`: good; `b`: bad, `s`: bad for another reason; `-`: says nothing. A number repeats what follows it. */
function signs(story: string): (FuseSign | null)[] {
  const meaning: Readonly<Record<string, FuseSign | null>> = {
    g: 'good',
    b: 'UNDECODABLE',
    s: 'UNKNOWN_SCHEMA',
    '-': null,
  };
  return [...story.matchAll(/(\d*)([gbs-])/g)].flatMap(([, times, sign]) =>
    Array.from({ length: Number(times || 1) }, () => meaning[sign!]!),
  );
}

/** The window before, and as counted: signs that say nothing are in no window. */
const windowOf = (story: string) => signs(story) as FuseSign[];

const cases: readonly (readonly [story: string, before: string, arriving: string, tripsAt: number | null])[] =
  [
    ['a healthy topic', '50g', '500g', null],
    ['one bad message', '50g', '250g1b249g', null],
    ['19 bad ones in a row', '50g', '19b', null],
    ['the 20th bad one in a row', '50g', '20b', 19],
    ['20 bad ones on a topic that has just begun', '', '20b', 19],
    ['a whole fetch of bad ones stops at the 20th', '', '500b', 19],
    ['what came before counts', '30g19b', '1b', 0],
    ['two in five', '', '10g8b10g8b10g4b', 49],
    ['just under two in five for ever', '', `${'31g19b'.repeat(20)}`, null],
    ['20 bad ones spread over 51', '', '1b31g19b', null],
    ['20 bad ones at the two ends of 50', '', '1b30g19b', 49],
    ['bad ones for several reasons count together', '', '10b10s', 19],
    ['what came again, and what is ours, says nothing', '', '19b400-30g1-1b', 450],
    ['nothing at all', '19b', '', null],
  ];

describe('readFuse', () => {
  it.each(cases)('%s', (_story, before, arriving, tripsAt) => {
    expect(readFuse(windowOf(before), signs(arriving), RULE).tripsAt).toBe(tripsAt);
  });

  it('keeps no more than the window, and the newest', () => {
    const { window } = readFuse([], signs('100g5b'), RULE);
    expect(window).toEqual(windowOf('45g5b'));
  });

  it('shows the window as it was when the fuse tripped', () => {
    expect(readFuse([], signs('10g25b'), RULE).window).toEqual(windowOf('10g20b'));
  });

  it('reads a batch as it reads its halves', () => {
    const whole = signs('7g3b2-5g9b40g2s');
    for (let cut = 0; cut <= whole.length; cut++) {
      const first = readFuse([], whole.slice(0, cut), RULE);
      expect(readFuse(first.window, whole.slice(cut), RULE)).toEqual(readFuse([], whole, RULE));
    }
  });

  it('counts the bad ones by code', () => {
    expect(countCodes(windowOf('5g3b1s'))).toEqual({ UNDECODABLE: 3, UNKNOWN_SCHEMA: 1 });
  });
});
