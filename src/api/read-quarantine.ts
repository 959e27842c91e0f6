import * as z from 'zod';
import type { QuarantineFilter } from '../ports.ts';
import type { ApiDeps } from './api-deps.ts';
import { guarded, type Endpoint } from './endpoint.ts';
import { ProblemError } from './problem.ts';
import {
  CAUSES,
  entryDocument,
  entrySchema,
  groupDocument,
  groupSchema,
  recordDocument,
  recordSchema,
} from './quarantine-document.ts';
import { NO_FIELDS, NO_QUERY, pageInfo, pageQuery } from './request-parts.ts';
import { afterRow, answerPage } from './row-page.ts';

/** `GET /v1/quarantine`, `/v1/quarantine/entries` and `/v1/quarantine/entries/{id}`: for operators alone. Nothing
 *  personal is shown: what can be read is masked, what can't be read stays out. */
export function readQuarantine(deps: ApiDeps): readonly Endpoint[] {
  return [listGroups(deps), listEntries(deps), getEntry(deps)];
}

export const entryParams = z.object({
  id: z.string().min(1).max(64).meta({ description: "The record's id.", example: '17' }),
});

/** What selects records, in a query or a body. */
export const filterFields = {
  topic: z
    .string()
    .min(1)
    .max(250)
    .optional()
    .meta({ description: 'Only of this topic.', example: 'saa-constat.created' }),
  provider: z
    .string()
    .min(1)
    .max(64)
    .optional()
    .meta({ description: "Only of this insurer's topics.", example: 'saa' }),
};
export const causeField = z
  .enum(CAUSES)
  .meta({ description: 'Only with this cause.', example: 'UNKNOWN_SCHEMA' });
const filterQuery = { cause: causeField.optional(), ...filterFields };

export function filterOf(given: {
  readonly cause?: string | undefined;
  readonly topic?: string | undefined;
  readonly provider?: string | undefined;
}): QuarantineFilter {
  return { cause: given.cause ?? null, topic: given.topic ?? null, provider: given.provider ?? null };
}

export function missingRecord(): ProblemError {
  return new ProblemError('not-found', 'There is no record with this id in quarantine.');
}

function listGroups(deps: ApiDeps): Endpoint {
  return guarded({
    method: 'get',
    path: '/v1/quarantine',
    operationId: 'list-quarantine-groups',
    tag: 'quarantine',
    access: ['operator'],
    summary: 'What waits in quarantine, by cause',
    description:
      'Records that could not be read or attributed and that nobody has settled, the oldest first.',
    params: NO_FIELDS,
    query: z.strictObject(filterQuery),
    headers: NO_FIELDS,
    body: null,
    responses: { 200: { description: 'The groups', schema: z.object({ data: z.array(groupSchema) }) } },
    problems: [],
    handle: async ({ query }) => ({
      status: 200,
      headers: { 'Cache-Control': 'no-store' },
      body: { data: (await deps.quarantineTable.groups(filterOf(query))).map(groupDocument) },
    }),
  });
}

function listEntries(deps: ApiDeps): Endpoint {
  return guarded({
    method: 'get',
    path: '/v1/quarantine/entries',
    operationId: 'list-quarantine-entries',
    tag: 'quarantine',
    access: ['operator'],
    summary: 'Find records in quarantine',
    description: 'In the order of their first arrival, without their bytes.',
    params: NO_FIELDS,
    query: z.strictObject({
      ...filterQuery,
      status: z
        .enum(['waiting', 'settled'])
        .optional()
        .meta({ description: 'Both when left out. Settled ones are deleted after 30 days.' }),
      ...pageQuery,
    }),
    headers: NO_FIELDS,
    body: null,
    responses: {
      200: { description: 'One page', schema: z.object({ data: z.array(entrySchema), page: pageInfo }) },
    },
    problems: [],
    handle: async ({ query }) => {
      const { status, cursor, limit } = query;
      const rows = await deps.quarantineTable.list({
        ...filterOf(query),
        settled: status === undefined ? null : status === 'settled',
        after: afterRow(cursor),
        limit: limit + 1,
      });
      return answerPage(rows, limit, entryDocument);
    },
  });
}

function getEntry(deps: ApiDeps): Endpoint {
  return guarded({
    method: 'get',
    path: '/v1/quarantine/entries/{id}',
    operationId: 'get-quarantine-entry',
    tag: 'quarantine',
    access: ['operator'],
    summary: 'Read one record in quarantine',
    description: 'Decoded as far as it can be, with personal data masked.',
    params: entryParams,
    query: NO_QUERY,
    headers: NO_FIELDS,
    body: null,
    responses: { 200: { description: 'The record', schema: recordSchema } },
    problems: ['not-found'],
    handle: async ({ params }) => {
      const record = await deps.quarantine.find(params.id);
      if (record === null) throw missingRecord();
      return {
        status: 200,
        headers: { 'Cache-Control': 'no-store' },
        body: recordDocument(record, deps.mask),
      };
    },
  });
}
