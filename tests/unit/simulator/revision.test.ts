import { describe, expect, it } from 'vitest';
import {
  dominates,
  increment,
  parseRevision,
  reaches,
  revisionText,
  sameRevision,
} from '../../../src/simulator/revision.ts';

describe('what a provider asks of an incoming revision', () => {
  it.each([
    ['one more edit by E-assurance', { eassurance: 2, saa: 1 }, { eassurance: 1, saa: 1 }, true],
    ['the first of all', { eassurance: 1 }, {}, true],
    ['the very same', { eassurance: 1 }, { eassurance: 1 }, false],
    ['the same, an absent entry being 0', { eassurance: 1, saa: 0 }, { eassurance: 1 }, false],
    ['an older one', { eassurance: 1 }, { eassurance: 1, saa: 1 }, false],
    ['a concurrent one', { eassurance: 2 }, { eassurance: 1, saa: 1 }, false],
    ['a merge of both', { eassurance: 3, saa: 1 }, { eassurance: 1, saa: 1 }, true],
    ['one that has seen a writer id of old', { 'saa.2': 1, saa: 4 }, { saa: 4 }, true],
  ])('%s', (_story, incoming, held, applied) => {
    expect(dominates(incoming, held)).toBe(applied);
  });
});

it('raises the own entry only', () => {
  expect(increment({ eassurance: 3 }, 'saa')).toEqual({ eassurance: 3, saa: 1 });
  expect(increment({ eassurance: 3, saa: 1 }, 'saa')).toEqual({ eassurance: 3, saa: 2 });
});

it('reaches what it equals or dominates', () => {
  expect(reaches({ saa: 1 }, { saa: 1, eassurance: 0 })).toBe(true);
  expect(reaches({ saa: 2 }, { saa: 1 })).toBe(true);
  expect(reaches({ saa: 2 }, { eassurance: 1 })).toBe(false);
  expect(sameRevision({ saa: 2 }, { saa: 1 })).toBe(false);
});

it('has one text per revision, which reads back', () => {
  expect(revisionText({ saa: 2, eassurance: 10, trust: 0 })).toBe('eassurance:10,saa:2');
  expect(parseRevision('eassurance:10;saa.2:2')).toEqual({ eassurance: 10, 'saa.2': 2 });
  expect(parseRevision('')).toEqual({});
  expect(parseRevision('saa=2')).toBeNull();
});
