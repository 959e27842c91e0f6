import * as z from 'zod';
import type { Operator } from '../apply/retry-quarantined.ts';
import type { ApiDeps } from './api-deps.ts';
import { guarded, type Caller, type Endpoint } from './endpoint.ts';
import { ProblemError } from './problem.ts';
import { entryDocument, entrySchema } from './quarantine-document.ts';
import { causeField, entryParams, filterFields, filterOf, missingRecord } from './read-quarantine.ts';
import { cursorField, NO_FIELDS, NO_QUERY, pageInfo } from './request-parts.ts';
import { afterRow, pageAfter } from './row-page.ts';
import { text } from './schema-side.ts';

/** How many records one request works on: well within the time that an answer may take. */
const BULK = 500;

/** Retrying and discarding, one record or all with one cause. */
export function workQuarantine(deps: ApiDeps): readonly Endpoint[] {
  return [retryOne(deps), retryMany(deps), discardOne(deps), discardMany(deps)];
}

/** The owner of the key is the person: two keys of one owner are one person. */
export function operatorOf({ owner, keyId }: Caller): Operator {
  return { name: owner, via: `API key ${keyId}` };
}

export const reason = text('Why; kept with the record and in the audit.', 'Envoi de test de la SAA')
  .min(1)
  .max(500)
  .refine((given) => given.trim() !== '', { message: 'Say why', params: { code: 'too-small' } });

const retriedOutcome = z
  .enum(['applied', 'merged', 'stale', 'duplicate', 'echo', 'quarantined'])
  .meta({ description: '`quarantined`: it is where it was, and `entry` says why as of now.' });

const selection = { cause: causeField, ...filterFields, cursor: cursorField };

function retryOne(deps: ApiDeps): Endpoint {
  return guarded({
    method: 'post',
    path: '/v1/quarantine/entries/{id}/retry',
    operationId: 'retry-quarantine-entry',
    tag: 'quarantine',
    access: ['operator'],
    summary: 'Run the rules again for one record',
    description:
      'With the same bytes and event id, on the contracts, writer ids and states of now. An event older than what is ' +
      'stored ends as stale. Retrying twice is harmless: the second time the answer is 409.',
    params: entryParams,
    query: NO_QUERY,
    headers: NO_FIELDS,
    body: null,
    responses: {
      200: {
        description: 'What it came to',
        schema: z.object({ outcome: retriedOutcome, entry: entrySchema }),
      },
    },
    problems: ['not-found', 'quarantine-settled', 'topic-unknown'],
    handle: async ({ params, caller }) => {
      const [retried] = await deps.quarantine.retry([params.id], operatorOf(caller));
      const record = await deps.quarantine.find(params.id);
      if (record === null) throw missingRecord();
      const entry = entryDocument(record);
      if (retried!.outcome === 'closed') throw settledBefore(entry);
      if (retried!.outcome === 'unrouted') {
        throw new ProblemError(
          'topic-unknown',
          `topics.yaml has no topic ${record.topic}; nothing was tried.`,
        );
      }
      return { status: 200, body: { outcome: retried!.outcome, entry } };
    },
  });
}

function retryMany(deps: ApiDeps): Endpoint {
  return guarded({
    method: 'post',
    path: '/v1/quarantine/retry',
    operationId: 'retry-quarantine',
    tag: 'quarantine',
    access: ['operator'],
    summary: 'Run the rules again for all with one cause',
    description: `Up to ${BULK} records a request, in their order; go on with \`cursor\` until there is none.`,
    params: NO_FIELDS,
    query: NO_QUERY,
    headers: NO_FIELDS,
    body: {
      schema: z.strictObject(selection),
      mediaTypes: ['application/json'],
      example: { cause: 'UNKNOWN_SCHEMA', topic: 'saa-constat.created' },
    },
    responses: {
      200: {
        description: 'How many came to what',
        schema: z.object({
          outcomes: z
            .record(z.string(), z.int())
            .meta({ description: 'Outcome → number of records.', example: { applied: 12, quarantined: 1 } }),
          page: pageInfo,
        }),
      },
    },
    problems: [],
    handle: async ({ body, caller }) => {
      const { ids, next } = await deps.quarantine.select({
        ...filterOf(body),
        after: afterRow(body.cursor),
        limit: BULK,
      });
      const retried = await deps.quarantine.retry(ids, operatorOf(caller));
      const byOutcome = Map.groupBy(retried, ({ outcome }) => outcome);
      return {
        status: 200,
        body: {
          outcomes: Object.fromEntries([...byOutcome].map(([outcome, { length }]) => [outcome, length])),
          page: pageAfter(next),
        },
      };
    },
  });
}

function discardOne(deps: ApiDeps): Endpoint {
  return guarded({
    method: 'post',
    path: '/v1/quarantine/entries/{id}/discard',
    operationId: 'discard-quarantine-entry',
    tag: 'quarantine',
    access: ['operator'],
    summary: 'Settle one record without applying it',
    params: entryParams,
    query: NO_QUERY,
    headers: NO_FIELDS,
    body: {
      schema: z.strictObject({ reason }),
      mediaTypes: ['application/json'],
      example: { reason: 'Envoi de test' },
    },
    responses: { 200: { description: 'It is settled', schema: z.object({ entry: entrySchema }) } },
    problems: ['not-found', 'quarantine-settled'],
    handle: async ({ params, body, caller }) => {
      const discarded = await deps.quarantine.discard([params.id], body.reason, operatorOf(caller));
      const record = await deps.quarantine.find(params.id);
      if (record === null) throw missingRecord();
      const entry = entryDocument(record);
      if (discarded.length === 0) throw settledBefore(entry);
      return { status: 200, body: { entry } };
    },
  });
}

function discardMany(deps: ApiDeps): Endpoint {
  return guarded({
    method: 'post',
    path: '/v1/quarantine/discard',
    operationId: 'discard-quarantine',
    tag: 'quarantine',
    access: ['operator'],
    summary: 'Settle all with one cause without applying them',
    description: `Up to ${BULK} records a request; go on with \`cursor\` until there is none.`,
    params: NO_FIELDS,
    query: NO_QUERY,
    headers: NO_FIELDS,
    body: {
      schema: z.strictObject({ ...selection, reason }),
      mediaTypes: ['application/json'],
      example: { cause: 'UNDECODABLE', topic: 'saa-constat.created', reason: 'Envoi de test' },
    },
    responses: {
      200: {
        description: 'How many were settled',
        schema: z.object({ discarded: z.int(), page: pageInfo }),
      },
    },
    problems: [],
    handle: async ({ body, caller }) => {
      const { ids, next } = await deps.quarantine.select({
        ...filterOf(body),
        after: afterRow(body.cursor),
        limit: BULK,
      });
      const discarded = await deps.quarantine.discard(ids, body.reason, operatorOf(caller));
      return {
        status: 200,
        body: {
          discarded: discarded.length,
          page: pageAfter(next),
        },
      };
    },
  });
}

function settledBefore(entry: ReturnType<typeof entryDocument>): ProblemError {
  return new ProblemError('quarantine-settled', 'It was settled before; nothing was written.', {
    extra: { entry },
  });
}
