import * as z from 'zod';
import {
  createDocument,
  type ZodOpenApiOperationObject,
  type ZodOpenApiPathsObject,
  type ZodOpenApiResponseObject,
} from 'zod-openapi';
import type { Endpoint, GuardedEndpoint, ResponseDoc } from './endpoint.ts';
import { PROBLEM_TYPE_PREFIX, PROBLEMS, type ProblemName } from './problem.ts';

/** The OpenAPI 3.1 document of these endpoints, from the very schemas that validate their requests. */
export function describeApi(
  endpoints: readonly Endpoint[],
  version: string,
): ReturnType<typeof createDocument> {
  const paths: ZodOpenApiPathsObject = {};
  for (const endpoint of endpoints) {
    paths[endpoint.path] = { ...paths[endpoint.path], [endpoint.method]: describeEndpoint(endpoint) };
  }
  return createDocument({
    openapi: '3.1.0',
    info: {
      title: 'E-assurance bridge',
      version,
      description:
        'Constats, vehicles, policies and claims, kept the same here and on each insurer’s own platform.\n\n' +
        'Send your key in `X-API-Key`. `X-Correlation-Id` and `traceparent` are continued into Kafka and the logs. ' +
        'Every refusal is a problem document (RFC 9457) whose `type` never changes its meaning.',
    },
    servers: [{ url: '/' }],
    tags: [...new Set(endpoints.map(({ tag }) => tag))].map((name) => ({ name })),
    components: {
      securitySchemes: { apiKey: { type: 'apiKey', in: 'header', name: 'X-API-Key' } },
    },
    paths,
  });
}

function describeEndpoint(endpoint: Endpoint): ZodOpenApiOperationObject {
  const { operationId, tag, summary, description } = endpoint;
  return {
    operationId,
    tags: [tag],
    summary,
    ...(description === undefined ? {} : { description }),
    ...(endpoint.access === 'open' ? { security: [] } : describeInput(endpoint)),
    responses: {
      ...Object.fromEntries(
        Object.entries(endpoint.responses).map(([status, response]) => [status, describeResponse(response)]),
      ),
      ...describeProblems(endpoint),
    },
  };
}

function describeInput(endpoint: GuardedEndpoint): Partial<ZodOpenApiOperationObject> {
  const { params, query, headers, body } = endpoint;
  const given = (schema: z.ZodObject) => (Object.keys(schema.shape).length === 0 ? undefined : schema);
  const content = body && { schema: body.schema, example: body.example };
  return {
    security: [{ apiKey: [] }],
    requestParams: compact({ path: given(params), query: given(query), header: given(headers) }),
    ...(body && content
      ? {
          requestBody: {
            required: true,
            content: Object.fromEntries(body.mediaTypes.map((type) => [type, content])),
          },
        }
      : {}),
  };
}

function compact<T extends object>(object: T): T {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as T;
}

function describeResponse({
  description,
  schema,
  contentType,
  headers,
}: ResponseDoc): ZodOpenApiResponseObject {
  return {
    description,
    ...(headers ? { headers } : {}),
    ...(schema ? { content: { [contentType ?? 'application/json']: { schema } } } : {}),
  };
}

const problem = z
  .looseObject({
    type: z
      .string()
      .meta({ description: 'Which problem it is; stable.', example: `${PROBLEM_TYPE_PREFIX}validation` }),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    instance: z.string().meta({ description: 'The path that was asked for.' }),
    correlationId: z.string().meta({ description: 'Tell it to support: the log has it too.' }),
    violations: z
      .array(
        z.object({
          in: z.enum(['body', 'path', 'query', 'header']),
          pointer: z.string().meta({
            description: 'JSON pointer (RFC 6901) into that part.',
            example: '/parties/0/circumstances/1',
          }),
          code: z.string(),
          message: z.string(),
        }),
      )
      .optional()
      .meta({ description: 'Every rule that the request breaks.' }),
  })
  .meta({ id: 'Problem', description: 'A problem document (RFC 9457).' });

const ANY_GUARDED: readonly ProblemName[] = [
  'invalid-request',
  'unauthenticated',
  'forbidden',
  'rate-limited',
  'internal',
  'unavailable',
  'timeout',
];
const ANY_WITH_BODY: readonly ProblemName[] = [
  'malformed-json',
  'body-too-large',
  'unsupported-media-type',
  'validation',
];

/** One response per status; problems that share a status are told apart by `type`. */
function describeProblems(endpoint: Endpoint): Record<string, ZodOpenApiResponseObject> {
  const names = new Set<ProblemName>([
    ...(endpoint.access === 'open' ? [] : ANY_GUARDED),
    ...(endpoint.access !== 'open' && endpoint.body ? ANY_WITH_BODY : []),
    ...endpoint.problems,
  ]);
  const byStatus = Map.groupBy(names, (name) => PROBLEMS[name].status);
  return Object.fromEntries(
    [...byStatus].map(([status, group]) => [
      String(status),
      {
        description: group.map((name) => `\`${name}\`: ${PROBLEMS[name].title}`).join('; '),
        content: {
          'application/problem+json': {
            schema: problem,
            examples: Object.fromEntries(group.map((name) => [name, { value: problemExample(name) }])),
          },
        },
      },
    ]),
  );
}

function problemExample(name: ProblemName): object {
  return {
    type: `${PROBLEM_TYPE_PREFIX}${name}`,
    ...PROBLEMS[name],
    detail: '…',
    instance: '/v1/…',
    correlationId: 'a1b2c3',
  };
}
