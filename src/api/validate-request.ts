import type * as z from 'zod';
import type { RequestViolation } from './problem.ts';

/** Every rule that one part of the request breaks. Messages name rules, never the values sent: problem documents end
 *  up in logs and tickets. */
export function violationsOf(error: z.ZodError, part: RequestViolation['in']): readonly RequestViolation[] {
  return error.issues.flatMap((issue) => describeIssue(issue, part));
}

function describeIssue(issue: z.core.$ZodIssue, part: RequestViolation['in']): readonly RequestViolation[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      in: part,
      pointer: pointerOf([...issue.path, key]),
      code: 'unknown-field',
      message: 'There is no such field here',
    }));
  }
  const params = issue.code === 'custom' ? (issue.params as { code?: string } | undefined) : undefined;
  const code = params?.code ?? CODES[issue.code] ?? 'invalid';
  return [{ in: part, pointer: pointerOf(issue.path), code, message: issue.message }];
}

/** Stable names for zod's issue codes, so that clients do not depend on the library. */
const CODES: Readonly<Record<string, string>> = {
  invalid_type: 'wrong-type',
  invalid_value: 'not-allowed',
  invalid_format: 'wrong-format',
  invalid_union: 'wrong-type',
  too_big: 'too-big',
  too_small: 'too-small',
  custom: 'invalid',
};

/** RFC 6901. */
export function pointerOf(path: readonly PropertyKey[]): string {
  return path.map((step) => `/${String(step).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}
