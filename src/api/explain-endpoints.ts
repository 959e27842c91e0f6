import * as z from 'zod';
import type { ExplainResult } from '../domain/explanation.ts';
import type { ApiDeps } from './api-deps.ts';
import { guarded, type Answer, type Endpoint } from './endpoint.ts';
import {
  explainedEntitySchema,
  explanationDocument,
  explanationSchema,
  entityOf,
} from './explanation-document.ts';
import { ProblemError } from './problem.ts';
import { ALL_SCOPES, NO_FIELDS } from './request-parts.ts';

const answerSchema = z.union([
  explanationSchema,
  z.object({
    several: z.array(explainedEntitySchema).meta({ description: 'Entities that have the reference.' }),
    summary: z.string(),
  }),
]);

const query = z.strictObject({
  limit: z.coerce
    .number()
    .int()
    .min(1)
    .max(200)
    .default(50)
    .meta({ description: 'Events at most; the newest of them.', example: 50 }),
});

/** `GET /v1/explain/…`: what `bridge explain` prints. A provider's key reads of its own entities alone; another's are as
 *  unknown to it as what doesn't exist. */
export function explainEndpoints(deps: ApiDeps): readonly Endpoint[] {
  const common = {
    method: 'get' as const,
    tag: 'operation',
    access: ALL_SCOPES,
    query,
    headers: NO_FIELDS,
    body: null,
    responses: { 200: { description: 'What happened, and how things stand', schema: answerSchema } },
    problems: ['not-found'] as const,
  };
  return [
    guarded({
      ...common,
      path: '/v1/explain/{subject}',
      operationId: 'explain',
      summary: 'What happened to an entity or event',
      description:
        'In order and from both origins: every event with what it changed, why it came to its outcome, and how far it has come; conflicts and quarantined records; at the end how things stand, in a sentence. Personal data is masked.',
      params: z.object({
        subject: z.string().min(1).max(300).meta({
          description:
            "An entity's id, an event's id, or a reference of the insurer's (also a policy number, VIN or plate).",
          example: '0195f3a0-7c1e-7b52-9d7e-3f2a8c4b1e60',
        }),
      }),
      handle: async ({ params, query: { limit }, caller }) =>
        answerOf(await deps.explain(params.subject, caller.providers, limit)),
    }),
    guarded({
      ...common,
      path: '/v1/explain/{topic}/{partition}/{offset}',
      operationId: 'explain-position',
      summary: 'What became of the record at a position of a topic',
      description: 'As for an id. Also of a record that has not been read yet: it says so.',
      params: z.object({
        topic: z.string().min(1).max(249).meta({ example: 'saa-constat.updated' }),
        partition: z
          .string()
          .regex(/^\d{1,9}$/)
          .meta({ example: '0' }),
        offset: z
          .string()
          .regex(/^\d{1,18}$/)
          .meta({ example: '812' }),
      }),
      handle: async ({ params: { topic, partition, offset }, query: { limit }, caller }) =>
        answerOf(await deps.explain(`${topic}/${partition}/${offset}`, caller.providers, limit)),
    }),
  ];
}

function answerOf(result: ExplainResult): Answer {
  const headers = { 'Cache-Control': 'no-store' };
  switch (result.status) {
    case 'explained':
      return { status: 200, headers, body: explanationDocument(result.explanation) };
    case 'several':
      return {
        status: 200,
        headers,
        body: { several: result.matches.map(entityOf), summary: result.sentence },
      };
    case 'unknown':
      throw new ProblemError('not-found', result.sentence);
  }
}
