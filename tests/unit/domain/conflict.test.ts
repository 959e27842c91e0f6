import { describe, expect, it } from 'vitest';
import {
  isSettledBy,
  joinConflict,
  lastValue,
  settleConflict,
  type ConflictAuthor,
  type ConflictDraft,
  type OpenConflict,
} from '../../../src/domain/conflict.ts';
import type { Json } from '../../../src/domain/json.ts';

function draft(ours: Json, theirs: Json, more: Partial<ConflictDraft> = {}): ConflictDraft {
  return {
    atom: 'accident/place',
    base: 'b',
    ours,
    theirs,
    stands: 'theirs',
    reason: 'BOTH_CHANGED',
    severity: 'normal',
    ...more,
  };
}

function authors(n: number): Record<'ours' | 'theirs', ConflictAuthor> {
  const of = (author: string, writer: string): ConflictAuthor => ({
    author,
    eventId: `${writer}-${n}`,
    revision: { eassurance: n, [writer]: n },
    occurredAt: `2026-05-0${n}T09:00:00.000Z`,
  });
  return { ours: of('amina@eassurance', 'eassurance'), theirs: of('saa', 'saa') };
}

function open(...drafts: readonly ConflictDraft[]): OpenConflict {
  return drafts.reduce<OpenConflict | null>(
    (conflict, next, i) => joinConflict(conflict, next, authors(i + 1), { eassurance: i + 3, saa: i + 1 }),
    null,
  )!;
}

describe('an open conflict', () => {
  it('has both values with their authors and times, the base and who stands', () => {
    expect(open(draft('h1', 'p1'))).toEqual({
      atom: 'accident/place',
      base: 'b',
      values: [
        { side: 'ours', value: 'h1', ...authors(1).ours },
        { side: 'theirs', value: 'p1', ...authors(1).theirs },
      ],
      stands: 'theirs',
      reason: 'BOTH_CHANGED',
      severity: 'normal',
      revision: { eassurance: 3, saa: 1 },
    });
  });

  it('is joined by later values of the same atom, and drops none', () => {
    const joined = open(draft('h1', 'p1'), draft('h1', 'p2', { base: 'p1', stands: 'ours' }));
    expect(joined.values.map(({ value, eventId }) => [value, eventId])).toEqual([
      ['h1', 'eassurance-1'],
      ['p1', 'saa-1'],
      ['p2', 'saa-2'],
    ]);
    expect(joined).toMatchObject({ base: 'b', stands: 'ours', revision: { eassurance: 4, saa: 2 } });
    expect([lastValue(joined, 'ours'), lastValue(joined, 'theirs')]).toEqual(['h1', 'p2']);
  });

  it('shows a value again that came back after another one', () => {
    expect(open(draft('h', 'p1'), draft('h', 'p2'), draft('h', 'p1')).values).toHaveLength(4);
  });

  it('once critical stays critical', () => {
    expect(open(draft('a', 'b', { severity: 'critical' }), draft('a', 'c')).severity).toBe('critical');
  });
});

describe('settling a conflict', () => {
  const conflict = open(draft('h1', 'p1'), draft('h1', null));

  it.each([
    ['our value', { choose: 'ours' as const }, 'h1'],
    ['their last value, which may be nothing', { choose: 'theirs' as const }, null],
    ['another value', { value: 'x' }, 'x'],
  ])('takes %s', (_which, choice, value) => {
    const settled = settleConflict(conflict, { ...choice, basedOn: { eassurance: 5, saa: 2 } });
    expect(settled).toEqual({ status: 'settled', value });
  });

  it('is refused while another value has arrived that its author had not seen', () => {
    const basedOn = { eassurance: 3, saa: 1 };
    expect(settleConflict(conflict, { choose: 'ours', basedOn })).toEqual({ status: 'moved' });
    expect(isSettledBy(conflict, { changedAtoms: ['accident/place'], basedOn })).toBe(false);
  });

  it.each([
    [true, ['accident/place']],
    [true, ['accident']],
    [true, ['status', 'accident/place/detail']],
    [false, ['accident/placeholder']],
    [false, []],
  ])('happens (%s) by an ordinary edit of %j', (expected, changedAtoms) => {
    expect(isSettledBy(conflict, { changedAtoms, basedOn: conflict.revision })).toBe(expected);
  });
});
