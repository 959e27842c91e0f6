import { describe, expect, it } from 'vitest';
import { nextWriterId } from '../../../src/domain/next-writer-id.ts';

describe('nextWriterId', () => {
  it.each([
    [[], 'saa'],
    [['saa'], 'saa.2'],
    [['saa', 'saa.2'], 'saa.3'],
    [['saa.9', 'saa'], 'saa.10'],
    [['saa', 'saa.main'], 'saa.2'],
    [['saab.7', 'saa'], 'saa.2'],
  ])('after %j comes %s', (allotted, next) => {
    expect(nextWriterId('saa', allotted)).toBe(next);
    expect(allotted).not.toContain(next);
  });
});
