import { describe, expect, it } from 'vitest';
import { judgeSkew } from '../../../src/cli/doctor/judge-skew.ts';

describe('judgeSkew', () => {
  const asked = 1_000_000;
  const answered = asked + 500;
  const judge = (theirsMs: number, precisionMs?: number) =>
    judgeSkew('clock', 'Their clock', theirsMs, asked, answered, precisionMs);

  it.each([
    ['a clock between our two looks', asked + 200],
    ['a little ahead', answered + 1_999],
    ['a little behind', asked - 1_999],
  ])('takes %s for right', (_story, theirs) => {
    expect(judge(theirs).status).toBe('pass');
  });

  it('says how far ahead or behind, and never counts the way there and back', () => {
    expect(judge(answered + 30_000)).toMatchObject({
      status: 'warn',
      sentence: 'Their clock is 30.0 s ahead of ours: lags and ages are off by as much.',
    });
    expect(judge(asked - 4_001).sentence).toContain('4.0 s behind ours');
  });

  it('gives a clock that tells whole seconds the benefit of one', () => {
    expect(judge(asked - 2_500, 1_000).status).toBe('pass');
    expect(judge(asked - 3_500, 1_000).status).toBe('warn');
  });
});
