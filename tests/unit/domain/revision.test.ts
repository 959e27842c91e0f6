import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  compareRevisions,
  formatRevision,
  joinRevisions,
  nextRevision,
} from '../../../src/domain/revision.ts';

const WRITERS = ['eassurance', 'saa', 'saa.2'] as const;
const revisions = fc.dictionary(fc.constantFrom(...WRITERS), fc.integer({ min: 0, max: 3 }));

const MIRROR = {
  equal: 'equal',
  dominates: 'dominated',
  dominated: 'dominates',
  concurrent: 'concurrent',
} as const;
const atLeast = (order: string) => order === 'equal' || order === 'dominates';

describe('revisions', () => {
  it('compare as their counters do, absent being 0', () => {
    fc.assert(
      fc.property(revisions, revisions, (a, b) => {
        const above = WRITERS.some((writer) => (a[writer] ?? 0) > (b[writer] ?? 0));
        const below = WRITERS.some((writer) => (a[writer] ?? 0) < (b[writer] ?? 0));
        const expected = above ? (below ? 'concurrent' : 'dominates') : below ? 'dominated' : 'equal';
        expect(compareRevisions(a, b)).toBe(expected);
        expect(compareRevisions(b, a)).toBe(MIRROR[expected]);
      }),
    );
  });

  it('join to the least revision that is at least both', () => {
    fc.assert(
      fc.property(revisions, revisions, revisions, (a, b, other) => {
        const join = joinRevisions(a, b);
        expect(atLeast(compareRevisions(join, a)) && atLeast(compareRevisions(join, b))).toBe(true);
        const bound = joinRevisions(other, join);
        expect(atLeast(compareRevisions(bound, join))).toBe(true);
        if (atLeast(compareRevisions(other, a)) && atLeast(compareRevisions(other, b))) {
          expect(atLeast(compareRevisions(other, join))).toBe(true);
        }
      }),
    );
  });

  it('join in any order and grouping to the same, and with themselves to themselves', () => {
    fc.assert(
      fc.property(revisions, revisions, revisions, (a, b, c) => {
        const same = (x: typeof a, y: typeof a) => compareRevisions(x, y) === 'equal';
        expect(same(joinRevisions(a, b), joinRevisions(b, a))).toBe(true);
        expect(same(joinRevisions(a, joinRevisions(b, c)), joinRevisions(joinRevisions(a, b), c))).toBe(true);
        expect(same(joinRevisions(a, a), a)).toBe(true);
      }),
    );
  });

  it('dominate what they were edited from', () => {
    fc.assert(
      fc.property(revisions, fc.constantFrom(...WRITERS), (revision, writer) => {
        expect(compareRevisions(nextRevision(revision, writer), revision)).toBe('dominates');
      }),
    );
  });

  it('have one text, whatever the order of their entries', () => {
    expect(formatRevision({ saa: 2, eassurance: 3 })).toBe('eassurance:3,saa:2');
    expect(formatRevision({ eassurance: 3, saa: 2 })).toBe('eassurance:3,saa:2');
  });
});
