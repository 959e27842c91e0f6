import { expect, it } from 'vitest';
import { formatSeconds } from '../../../../src/domain/lag/format.ts';

const S = 1_000;
const MIN = 60 * S;
const H = 60 * MIN;
const D = 24 * H;

it.each([
  [-5, '0 s'],
  [999, '0 s'],
  [40 * S, '40 s'],
  [MIN, '1 min'],
  [4 * MIN + 30 * S, '4 min 30 s'],
  [3 * H + 12 * MIN + 59 * S, '3 h 12 min'],
  [3 * H + 59 * S, '3 h'],
  [2 * D + 4 * H + 59 * MIN, '2 d 4 h'],
  [400 * D, '400 d'],
])('%d ms are %s', (ms, words) => {
  expect(formatSeconds(ms / 1000)).toBe(words);
});
