import { describe, expect, it } from 'vitest';
import { parseSkipTarget } from '../../../src/domain/skip-target.ts';

describe('parseSkipTarget', () => {
  it.each([
    ['end', { to: 'end' }],
    [' end ', { to: 'end' }],
    ['0:120', { to: 'offsets', offsets: new Map([[0, 120n]]) }],
    [
      '0:120,2:7',
      {
        to: 'offsets',
        offsets: new Map([
          [0, 120n],
          [2, 7n],
        ]),
      },
    ],
    ['2026-05-10T06:30:00Z', { to: 'instant', atMs: Date.UTC(2026, 4, 10, 6, 30) }],
    ['2026-05-10T07:30+01:00', { to: 'instant', atMs: Date.UTC(2026, 4, 10, 6, 30) }],
  ])('understands %s', (text, target) => {
    expect(parseSkipTarget(text)).toEqual(target);
  });

  it.each([
    '',
    'start',
    '120',
    '0:',
    ':5',
    '-1:5',
    '0:-5',
    '0:1,0:2',
    '0:1,',
    '2026-05-10',
    '2026-05-10T06:30:00',
  ])('does not guess what "%s" may mean', (text) => {
    expect(parseSkipTarget(text)).toBeNull();
  });
});
