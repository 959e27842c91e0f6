import { describe, expect, it } from 'vitest';
import { HUB } from '../../../src/domain/event.ts';
import {
  findBase,
  hubStatesAbove,
  mergedRevision,
  type HistoryEntry,
} from '../../../src/domain/merge-base.ts';
import { compareRevisions, type Revision } from '../../../src/domain/revision.ts';

/** `e:2,saa:1` and the like, in the order of arrival. A star marks what the hub made, a minus what is pruned. */
function history(...lines: readonly string[]): HistoryEntry[] {
  return lines.map((line, i) => ({
    eventId: `${i}`,
    revision: revision(line),
    byHub: line.includes('*'),
    edit: line.includes('*'),
    accepted: true,
    pruned: line.includes('-'),
    digest: `${i}`,
  }));
}

function revision(text: string): Revision {
  const entries = text.replace(/[*-]/g, '').split(',');
  return Object.fromEntries(
    entries.map((entry): [string, number] => {
      const [writer, counter] = entry.split(':');
      return [writer === 'e' ? HUB : writer!, Number(counter)];
    }),
  );
}

function baseOf(entries: readonly HistoryEntry[], ours: string, theirs: string): string {
  const base = findBase(entries, revision(ours), revision(theirs));
  return base.kind === 'entry' ? base.entry.eventId : base.kind;
}

describe('the base of a merge', () => {
  const cases: readonly (readonly [string, string, readonly string[], string, string])[] = [
    ['is what both had before they parted', '0', ['e:1*', 'e:2*'], 'e:2', 'e:1,saa:1'],
    [
      'is the incoming state that was merged, not an older one of ours',
      '2',
      ['e:1*', 'e:2*', 'e:1,saa:1', 'e:3,saa:1*'],
      'e:3,saa:1',
      'e:1,saa:2',
    ],
    ['is the stored state where the incoming one dominates it', '1', ['e:1*', 'e:2*'], 'e:2', 'e:2,saa:1'],
    ['is empty when both opened the entity without the other', 'empty', ['e:1*'], 'e:1', 'saa:1'],
    ['is empty too when the second edit over there comes first', 'empty', ['e:1*'], 'e:1', 'saa:2'],
    [
      'is missing when it was pruned, even if an older one is there',
      'missing',
      ['e:1*', 'e:2,saa:1*-', 'e:3,saa:1*'],
      'e:3,saa:1',
      'e:2,saa:2',
    ],
    [
      'is missing when nothing at or below both was kept',
      'missing',
      ['e:3,saa:1*'],
      'e:3,saa:1',
      'e:2,saa:2',
    ],
    [
      'is missing when two are as great and neither greater',
      'missing',
      ['saa:2', 'saa:1,saa.2:1', 'e:1,saa:2,saa.2:1*'],
      'e:1,saa:2,saa.2:1',
      'saa:2,saa.2:2',
    ],
    ['is below a counter that was used twice', '0', ['e:1*', 'e:1,saa:1'], 'e:1,saa:1', 'e:1,saa:1'],
    [
      'is below an older counter that was used twice',
      '1',
      ['e:1*', 'e:1,saa:1', 'e:1,saa:2', 'e:2,saa:2*'],
      'e:2,saa:2',
      'e:1,saa:2',
    ],
    ['is empty below a first edit that was made twice', 'empty', ['saa:1', 'saa:2'], 'saa:2', 'saa:1'],
    [
      'is the later of two states with one reused revision',
      '2',
      ['e:1*', 'e:1,saa:1', 'e:1,saa:1', 'e:2,saa:1*'],
      'e:2,saa:1',
      'e:1,saa:2',
    ],
  ];

  it.each(cases)('%s', (_story, expected, entries, ours, theirs) => {
    expect(baseOf(history(...entries), ours, theirs)).toBe(expected);
  });

  it('leaves above it the states that the hub made since, and no other', () => {
    const entries = history('e:1*', 'e:2*', 'e:2,saa:1', 'e:3,saa:1*', 'e:2,saa:2', 'e:4,saa:2*');
    const above = (base: HistoryEntry) =>
      hubStatesAbove(entries, { kind: 'entry', entry: base }).map(({ eventId }) => eventId);
    expect(above(entries[0]!)).toEqual(['1', '3', '5']);
    expect(above(entries[4]!)).toEqual(['5']);
    expect(hubStatesAbove(entries, { kind: 'empty' })).toHaveLength(4);
    expect(hubStatesAbove(entries, { kind: 'missing' })).toEqual([]);
  });
});

it('gives a merge a revision that dominates both sides', () => {
  const [ours, theirs] = [revision('e:3,saa:1'), revision('e:1,saa:2,saa.2:1')];
  const merged = mergedRevision(ours, theirs);
  expect(merged).toEqual({ [HUB]: 4, saa: 2, 'saa.2': 1 });
  expect([ours, theirs].map((side) => compareRevisions(merged, side))).toEqual(['dominates', 'dominates']);
});
