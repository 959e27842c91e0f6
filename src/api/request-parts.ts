import * as z from 'zod';
import type { Revision } from '../domain/revision.ts';
import type { Scope } from '../ports.ts';
import { parseRevision } from './parse-revision.ts';
import { ProblemError } from './problem.ts';

/** Parts that several endpoints share. */
export const ALL_SCOPES: readonly Scope[] = ['staff', 'operator', 'provider'];
export const NO_FIELDS = z.object({});
export const NO_QUERY = z.strictObject({});

export const MAX_PAGE = 200;

export const idParams = z.object({
  id: z
    .string()
    .min(1)
    .max(200)
    .meta({ description: 'The entity id.', example: '0195f3a0-7c1e-7b52-9d7e-3f2a8c4b1e60' }),
});

export const cursorField = z
  .string()
  .min(1)
  .max(500)
  .optional()
  .meta({ description: '`page.nextCursor` of the page before; keep the other parameters.' });

export const pageLimit = z.coerce
  .number()
  .int()
  .min(1)
  .max(MAX_PAGE)
  .default(50)
  .meta({ description: 'Rows per page.', example: 50 });

/** The query fields of every list that comes in pages. */
export const pageQuery = { cursor: cursorField, limit: pageLimit };

export const pageInfo = z
  .object({
    nextCursor: z
      .string()
      .nullable()
      .meta({ description: 'Send it as `cursor` for the next page; null on the last.' }),
    hasMore: z.boolean(),
  })
  .meta({ id: 'Page' });

export const etagHeader = z.object({
  ETag: z
    .string()
    .meta({ description: 'The revision, as a strong entity tag.', example: '"eassurance:3,saa:2"' }),
});

export function badCursor(): ProblemError {
  return new ProblemError('invalid-request', 'The cursor is not one of ours; begin again without it.', {
    extra: {
      violations: [
        { in: 'query', pointer: '/cursor', code: 'bad-cursor', message: 'Not a cursor of this list' },
      ],
    },
  });
}

/** A revision in a header, with or without the quotes of an entity tag. */
export function revisionHeader(description: string) {
  return z
    .string()
    .max(2_000)
    .transform((text, context): Revision => {
      const parsed = parseRevision(text.trim());
      if (parsed.ok) return parsed.revision;
      context.addIssue({
        code: 'custom',
        message: `Not a revision: ${parsed.reason}`,
        params: { code: 'bad-revision' },
      });
      return z.NEVER;
    })
    .optional()
    .meta({ description, example: '"eassurance:3,saa:2"' });
}

export const idempotencyKey = z
  .string({ error: 'Missing: choose one per edit, such as a UUID, and keep it for repeats' })
  .regex(/^[\x21-\x7e]{1,128}$/, 'Must be 1 to 128 visible ASCII characters')
  .meta({ description: 'Chosen by you, one per edit.', example: '7c4a8d09-ca37-4e2b-9f1c-0a5d1e6b7c88' });

/** Free text in a header, where HTTP carries ASCII alone. */
export function percentEncoded(description: string) {
  return z
    .string()
    .max(1_500)
    .transform((text, context) => {
      try {
        const decoded = decodeURIComponent(text);
        if (decoded.length <= 500) return decoded;
        context.addIssue({ code: 'custom', message: 'At most 500 characters', params: { code: 'too-big' } });
      } catch {
        context.addIssue({
          code: 'custom',
          message: 'Not percent-encoded UTF-8',
          params: { code: 'wrong-format' },
        });
      }
      return z.NEVER;
    })
    .optional()
    .meta({ description, example: 'Adresse%20corrig%C3%A9e' });
}
