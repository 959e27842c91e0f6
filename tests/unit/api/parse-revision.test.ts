import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseRevision } from '../../../src/api/parse-revision.ts';
import { formatRevision } from '../../../src/domain/revision.ts';

describe('reading a revision', () => {
  it('reads back whatever formatRevision writes, quoted or not', () => {
    const writer = fc.stringMatching(/^[a-z][a-z0-9]{1,10}(\.[1-9])?$/);
    const revision = fc.dictionary(writer, fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }), {
      minKeys: 1,
    });
    fc.assert(
      fc.property(revision, (expected) => {
        const text = formatRevision(expected);
        for (const given of [text, `"${text}"`]) {
          const parsed = parseRevision(given);
          expect(parsed.ok && { ...parsed.revision }).toEqual({ ...expected });
        }
      }),
    );
  });

  it.each([
    ['', 'it is empty'],
    ['""', 'it is empty'],
    ['"', 'the double quotes do not match'],
    ['eassurance:1"', 'the double quotes do not match'],
    ['W/"eassurance:1"', 'a weak tag cannot name a revision; leave W/ out'],
    ['*', '"*" names no revision; send the one that you read'],
    ['eassurance:1, saa:2', '" saa:2" is not <writer>:<counter>'],
    ['eassurance:1,', '"" is not <writer>:<counter>'],
    ['Eassurance:1', '"Eassurance:1" is not <writer>:<counter>'],
    ['eassurance:1:2', '"eassurance:1:2" is not <writer>:<counter>'],
    ['__proto__:1', '"__proto__:1" is not <writer>:<counter>'],
    ['eassurance:0', 'the counter of "eassurance" is not a whole number from 1'],
    ['eassurance:-1', 'the counter of "eassurance" is not a whole number from 1'],
    ['eassurance:1.5', 'the counter of "eassurance" is not a whole number from 1'],
    ['eassurance:9007199254740993', 'the counter of "eassurance" is not a whole number from 1'],
    ['saa:1,saa:2', '"saa" stands in it twice'],
  ])('refuses %j and says why', (text, reason) => {
    expect(parseRevision(text)).toEqual({ ok: false, reason });
  });
});
