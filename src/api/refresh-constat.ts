import * as z from 'zod';
import { OUTCOMES } from '../domain/event.ts';
import type { EntityKind } from '../domain/kind.ts';
import type { ApiDeps } from './api-deps.ts';
import { guarded, type Endpoint } from './endpoint.ts';
import { documentOf, missing } from './find-entity.ts';
import { ProblemError } from './problem.ts';
import { idParams, NO_FIELDS, NO_QUERY } from './request-parts.ts';

/** `POST /v1/constats/{id}/refresh`: asks the insurer's GET API about one record and applies what comes by the same
 *  rules as any event. Also for a record that never travelled: then every insurer is asked. */
export function refreshConstat(kind: EntityKind, document: z.ZodObject, deps: ApiDeps): Endpoint {
  return guarded({
    method: 'post',
    path: `/v1/${kind.collection}/{id}/refresh`,
    operationId: `refresh-${kind.name}`,
    tag: kind.collection,
    access: ['staff', 'operator'],
    summary: `Ask the insurer about one ${kind.name} now`,
    description:
      "Reads the record from the insurer's GET API and applies it by the same rules as any event. Harmless to repeat. " +
      'Takes no body.',
    params: idParams,
    query: NO_QUERY,
    headers: NO_FIELDS,
    body: null,
    responses: {
      200: {
        description: 'The insurer answered',
        schema: z.object({
          outcome: z.enum([...OUTCOMES, 'unchanged', 'missing']).meta({
            description:
              '`unchanged`: nothing new since the last pull. `missing`: the insurer does not know it.',
          }),
          entity: document
            .nullable()
            .meta({ description: 'How it stands here now; null while it is in quarantine only.' }),
        }),
      },
    },
    problems: ['not-found', 'erased', 'provider-unavailable'],
    handle: async ({ params }) => {
      const result = await deps.refresh(kind.name, params.id);
      if (result.status === 'unavailable') {
        throw new ProblemError('provider-unavailable', 'What we hold is unchanged; try again later.', {
          extra: { code: result.code },
          headers: { 'Retry-After': '30' },
        });
      }
      const view = await deps.reader.find(kind, params.id);
      if (view === null && result.status === 'missing') throw missing(kind);
      if (view?.erased)
        throw new ProblemError('erased', `The ${kind.name} was erased; only its id and revision are kept.`);
      return {
        status: 200,
        headers: { 'Cache-Control': 'no-store' },
        body: { outcome: result.status, entity: view && (await documentOf(kind, view, deps.codec)) },
      };
    },
  });
}
