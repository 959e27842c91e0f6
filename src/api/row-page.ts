import { readRowCursor, rowCursorOf } from './page-cursor.ts';
import { badCursor } from './request-parts.ts';

/** The row that the page before ended with; null at the start of a list. Throws a ProblemError for what is no cursor. */
export function afterRow(cursor: string | undefined): string | null {
  const after = cursor === undefined ? null : readRowCursor(cursor);
  if (after === undefined) throw badCursor();
  return after;
}

/** What an answer says of its page, which ends with the row `next`; null on the last. */
export function pageAfter(next: string | null) {
  return { nextCursor: next === null ? null : rowCursorOf(next), hasMore: next !== null };
}

/** An answer with one page of `rows`, of which one more than `limit` were read. */
export function answerPage<R extends { readonly id: string }>(
  rows: readonly R[],
  limit: number,
  documentOf: (row: R) => object,
) {
  const page = rows.slice(0, limit);
  const next = rows.length > limit ? (page.at(-1)?.id ?? null) : null;
  return {
    status: 200,
    headers: { 'Cache-Control': 'no-store' },
    body: { data: page.map(documentOf), page: pageAfter(next) },
  };
}
