import * as z from 'zod';
import type { EntityKind, SearchColumn } from '../domain/kind.ts';
import type { ApiDeps } from './api-deps.ts';
import { guarded, type Endpoint } from './endpoint.ts';
import { entityAnswer, etagOf } from './entity-document.ts';
import { documentOf, findVisible } from './find-entity.ts';
import { listCursorOf, readListCursor } from './page-cursor.ts';
import { providersAsked } from './providers-asked.ts';
import {
  ALL_SCOPES,
  badCursor,
  etagHeader,
  NO_FIELDS,
  NO_QUERY,
  idParams,
  pageInfo,
  pageQuery,
} from './request-parts.ts';

/** `GET /v1/<collection>/{id}` and `GET /v1/<collection>` of one kind, from what the kind says of itself: another kind
 *  needs no line here. */
export function readEntities(kind: EntityKind, document: z.ZodObject, deps: ApiDeps): readonly Endpoint[] {
  return [getEntity(kind, document, deps), listEntities(kind, document, deps)];
}

function getEntity(kind: EntityKind, document: z.ZodObject, deps: ApiDeps): Endpoint {
  return guarded({
    method: 'get',
    path: `/v1/${kind.collection}/{id}`,
    operationId: `get-${kind.name}`,
    tag: kind.collection,
    access: ALL_SCOPES,
    summary: `Read one ${kind.name}`,
    description:
      'The ETag is the revision: send it back in `If-None-Match` to be told 304 while the state has not changed.',
    params: idParams,
    query: NO_QUERY,
    headers: z.object({
      'If-None-Match': z
        .string()
        .optional()
        .meta({ description: 'ETags that you already hold.', example: '"eassurance:3,saa:2"' }),
    }),
    body: null,
    responses: {
      200: { description: `The ${kind.name}`, schema: document, headers: etagHeader },
      304: { description: 'It still has a revision that you hold', schema: null, headers: etagHeader },
    },
    problems: ['not-found', 'erased'],
    handle: async ({ params, headers, caller }) => {
      const view = await findVisible(kind, params.id, caller, deps.reader);
      const etag = etagOf(view.revision);
      if (holds(headers['If-None-Match'], etag)) return { status: 304, headers: { ETag: etag }, body: null };
      return entityAnswer(200, await documentOf(kind, view, deps.codec));
    },
  });
}

/** Whether the header names this tag. Tags are compared weakly (RFC 9110, section 13.1.2), for a proxy that compresses
 *  may weaken them; they are found by their quotes, since ours have commas inside. */
function holds(ifNoneMatch: string | undefined, etag: string): boolean {
  const tags: readonly string[] = ifNoneMatch?.match(/"[^"]*"/g) ?? [];
  return tags.includes(etag) || ifNoneMatch?.trim() === '*';
}

function listEntities(kind: EntityKind, document: z.ZodObject, deps: ApiDeps): Endpoint {
  const filterNames = [
    'status',
    ...Object.keys(kind.filters).filter((name) => !OWN_PARAMETERS.includes(name)),
  ];
  const query = z.strictObject({
    provider: z
      .string()
      .min(1)
      .max(64)
      .optional()
      .meta({ description: 'Only this insurer.', example: 'saa' }),
    ...Object.fromEntries(filterNames.map((name) => [name, filterValue(kind, name)])),
    updatedSince: z.iso
      .datetime({ offset: true })
      .transform((text) => Date.parse(text))
      .optional()
      .meta({
        description: 'Only what was stored here at or after this time (RFC 3339).',
        example: '2026-03-01T00:00:00Z',
      }),
    ...pageQuery,
  });
  return guarded({
    method: 'get',
    path: `/v1/${kind.collection}`,
    operationId: `list-${kind.collection}`,
    tag: kind.collection,
    access: ALL_SCOPES,
    summary: `Find ${kind.collection}`,
    description:
      'Ordered by the time they were last stored here, oldest first. Following the cursors visits everything that ' +
      'matched at the start; what changes meanwhile moves to the end and is seen again.',
    params: NO_FIELDS,
    query,
    headers: NO_FIELDS,
    body: null,
    responses: {
      200: { description: 'One page', schema: z.object({ data: z.array(document), page: pageInfo }) },
    },
    problems: [],
    handle: async ({ query: asked, caller }) => {
      const { provider, updatedSince, cursor, limit } = asked;
      const values = asked as Readonly<Record<string, unknown>>;
      const filters: Record<string, string> = {};
      for (const name of filterNames) {
        const value = values[name];
        if (typeof value === 'string') filters[name] = kind.filters[name]?.normalize?.(value) ?? value;
      }
      const rows = await deps.reader.list(kind, {
        providers: providersAsked(provider, caller, deps),
        filters,
        updatedSinceMs: updatedSince ?? null,
        after: cursor === undefined ? null : afterOf(cursor),
        limit: limit + 1,
      });
      const page = rows.slice(0, limit);
      const last = page.at(-1);
      const hasMore = rows.length > limit && last !== undefined;
      const data = await Promise.all(
        page.filter((row) => !row.erased).map((row) => documentOf(kind, row, deps.codec)),
      );
      return {
        status: 200,
        headers: { 'Cache-Control': 'no-store' },
        body: { data, page: { nextCursor: hasMore ? listCursorOf(last) : null, hasMore } },
      };
    },
  });
}

/** Parameters that every list has, whatever the kind calls its filters. */
const OWN_PARAMETERS: readonly string[] = ['provider', 'status', 'updatedSince', 'cursor', 'limit'];

/** A value that the column can be compared with: the database would refuse any other in its own words. */
function filterValue(kind: EntityKind, name: string): z.ZodType {
  const column = kind.columns.find((one) => one.name === kind.filters[name]?.columns[0]);
  return COLUMN_VALUES[column?.type ?? 'text'].optional().meta({ description: `Only with this ${name}.` });
}

const COLUMN_VALUES: Readonly<Record<SearchColumn['type'], z.ZodType>> = {
  text: z.string().regex(/^\P{Cc}{1,200}$/u, 'Must be 1 to 200 characters without control characters'),
  date: z.iso.date(),
  timestamptz: z.iso.datetime({ offset: true }),
  boolean: z.enum(['true', 'false']),
  integer: z.string().regex(/^-?[0-9]{1,9}$/, 'Must be a whole number'),
};

function afterOf(cursor: string): { readonly updatedAtMs: number; readonly id: string } {
  const position = readListCursor(cursor);
  if (position === undefined) throw badCursor();
  return position;
}
