import * as z from 'zod';
import type { ControlResult, TopicState } from '../apply/control-topics.ts';
import { describePause } from '../domain/describe-pause.ts';
import { parseSkipTarget } from '../domain/skip-target.ts';
import type { ApiDeps } from './api-deps.ts';
import { guarded, type Endpoint } from './endpoint.ts';
import { ProblemError } from './problem.ts';
import { NO_FIELDS, NO_QUERY } from './request-parts.ts';
import { text } from './schema-side.ts';

const params = z.object({
  name: z.string().min(1).max(249).meta({ description: 'The topic.', example: 'saa-constat.created' }),
});

const topic = z
  .object({
    topic: z.string().meta({ example: 'saa-constat.created' }),
    provider: z.string().meta({ example: 'saa' }),
    state: z.enum(['running', 'blown', 'paused']).meta({
      description: 'Blown: too many of its last records were bad. Paused: by a person.',
    }),
    pause: z
      .object({
        since: z.iso.datetime(),
        by: z.string().nullable(),
        reason: z.string().nullable(),
        counted: z.number().meta({ description: 'Records that the fuse looked at.' }),
        codes: z.record(z.string(), z.number()).meta({ description: 'How many of them were bad, by code.' }),
        samples: z.array(z.object({ partition: z.number(), offset: z.string(), code: z.string() })),
        advice: z.string().meta({ description: 'What it means, and the command that ends it.' }),
      })
      .nullable(),
  })
  .meta({ id: 'Topic', description: 'A topic that the bridge reads.' });

const skipTo = z
  .string()
  .max(500)
  .transform((value, context) => {
    const target = parseSkipTarget(value);
    if (target !== null) return target;
    context.addIssue({
      code: 'custom',
      message: 'Must be end, an instant with its zone, or <partition>:<offset>, several with commas between',
      params: { code: 'wrong-format' },
    });
    return z.NEVER;
  })
  .optional()
  .meta({
    description:
      'Where to go on instead of where it stopped: `end`, an RFC 3339 instant, or `<partition>:<offset>`, several with ' +
      'commas between. What lies between is left out, and audited.',
    example: '0:1200',
  });

/** `GET /v1/topics`, `POST /v1/topics/{name}/pause` and `/resume`: for operators. */
export function controlTopics(deps: Pick<ApiDeps, 'topics'>): readonly Endpoint[] {
  const common = { tag: 'operation', access: ['operator'], query: NO_QUERY, headers: NO_FIELDS } as const;
  const changed = {
    200: { description: 'Done; every replica follows within seconds', schema: topic },
  };
  const answer = async (name: string, result: ControlResult) => {
    if (result.status === 'unknown') throw new ProblemError('not-found', `There is no topic ${name}.`);
    if (result.status === 'refused') throw new ProblemError('topic-state', `${result.reason}.`);
    const state = (await deps.topics.list()).find((one) => one.topic === name)!;
    return { status: 200, headers: { 'Cache-Control': 'no-store' }, body: document(state) };
  };
  return [
    guarded({
      ...common,
      method: 'get',
      path: '/v1/topics',
      operationId: 'list-topics',
      summary: 'The topics that the bridge reads, and which of them stand still',
      params: NO_FIELDS,
      body: null,
      responses: { 200: { description: 'All of them', schema: z.object({ data: z.array(topic) }) } },
      problems: [],
      handle: async () => ({
        status: 200,
        headers: { 'Cache-Control': 'no-store' },
        body: { data: (await deps.topics.list()).map(document) },
      }),
    }),
    guarded({
      ...common,
      method: 'post',
      path: '/v1/topics/{name}/pause',
      operationId: 'pause-topic',
      summary: 'Stop reading a topic',
      description: 'Nothing of it is lost, and the other topics go on.',
      params,
      body: {
        schema: z.strictObject({ reason: text('Why; kept in the audit.', 'Déploiement fautif').max(500) }),
        mediaTypes: ['application/json'],
        example: { reason: 'Déploiement fautif' },
      },
      responses: changed,
      problems: ['not-found', 'topic-state'],
      handle: async ({ params: { name }, body, caller }) =>
        answer(name, await deps.topics.pause(name, caller.owner, body.reason)),
    }),
    guarded({
      ...common,
      method: 'post',
      path: '/v1/topics/{name}/resume',
      operationId: 'resume-topic',
      summary: 'Let a topic go on that stands still',
      params,
      body: {
        schema: z.strictObject({ skipTo }),
        mediaTypes: ['application/json'],
        example: {},
      },
      responses: changed,
      problems: ['not-found', 'topic-state'],
      handle: async ({ params: { name }, body, caller }) =>
        answer(name, await deps.topics.resume(name, caller.owner, body.skipTo ?? null)),
    }),
  ];
}

function document({ topic: name, provider, pause }: TopicState): z.input<typeof topic> {
  if (pause === null) return { topic: name, provider, state: 'running', pause };
  const { by, reason, counted, codes, samples, sinceMs } = pause;
  return {
    topic: name,
    provider,
    state: by === null ? 'blown' : 'paused',
    pause: {
      ...{ since: new Date(sinceMs).toISOString(), by, reason, counted, codes, samples: [...samples] },
      advice: describePause(pause),
    },
  };
}
