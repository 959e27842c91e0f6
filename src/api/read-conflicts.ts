import * as z from 'zod';
import { formatRevision, type Revision } from '../domain/revision.ts';
import type { Conflict } from '../ports.ts';
import type { ApiDeps } from './api-deps.ts';
import { conflictDocument, conflictSchema } from './conflict-document.ts';
import { guarded, maySee, type Caller, type Endpoint } from './endpoint.ts';
import { revisionText } from './entity-document.ts';
import { ProblemError } from './problem.ts';
import { providersAsked } from './providers-asked.ts';
import { ALL_SCOPES, NO_FIELDS, NO_QUERY, pageInfo, pageQuery } from './request-parts.ts';
import { afterRow, answerPage } from './row-page.ts';

/** `GET /v1/conflicts` and `GET /v1/conflicts/{id}`. A provider sees the conflicts of its own entities alone. */
export function readConflicts(deps: ApiDeps): readonly Endpoint[] {
  return [listConflicts(deps), getConflict(deps)];
}

export const conflictParams = z.object({
  id: z.string().min(1).max(64).meta({ description: "The conflict's id.", example: '42' }),
});

function listConflicts(deps: ApiDeps): Endpoint {
  const kinds = [...deps.topology.kinds.keys()];
  return guarded({
    method: 'get',
    path: '/v1/conflicts',
    operationId: 'list-conflicts',
    tag: 'conflicts',
    access: ALL_SCOPES,
    summary: 'Find conflicts',
    description:
      'Oldest first. A conflict is opened where both sides have changed the same piece of an entity.',
    params: NO_FIELDS,
    query: z.strictObject({
      provider: z
        .string()
        .min(1)
        .max(64)
        .optional()
        .meta({ description: 'Only this insurer.', example: 'saa' }),
      status: z.enum(['open', 'settled']).optional(),
      severity: z.enum(['critical', 'normal']).optional(),
      kind: z.enum(kinds).optional(),
      entity: z.guid().optional().meta({ description: 'Only of the entity with this id.' }),
      ...pageQuery,
    }),
    headers: NO_FIELDS,
    body: null,
    responses: {
      200: { description: 'One page', schema: z.object({ data: z.array(conflictSchema), page: pageInfo }) },
    },
    problems: [],
    handle: async ({ query, caller }) => {
      const { provider, status, severity, kind, entity, cursor, limit } = query;
      const rows = await deps.conflicts.list({
        providers: providersAsked(provider, caller, deps),
        status: status ?? null,
        severity: severity ?? null,
        kind: kind ?? null,
        entityId: entity ?? null,
        after: afterRow(cursor),
        limit: limit + 1,
      });
      return answerPage(rows, limit, conflictDocument);
    },
  });
}

function getConflict(deps: ApiDeps): Endpoint {
  return guarded({
    method: 'get',
    path: '/v1/conflicts/{id}',
    operationId: 'get-conflict',
    tag: 'conflicts',
    access: ALL_SCOPES,
    summary: 'Read one conflict',
    description: 'With every value that met in it, and the revision of the entity that has seen them all.',
    params: conflictParams,
    query: NO_QUERY,
    headers: NO_FIELDS,
    body: null,
    responses: {
      200: {
        description: 'The conflict',
        schema: z.object({
          conflict: conflictSchema,
          revision: revisionText
            .nullable()
            .meta({ description: "The entity's: send it as `Base-Revision` to settle. Null once erased." }),
        }),
      },
    },
    problems: ['not-found'],
    handle: async ({ params, caller }) => {
      const { conflict, revision } = await findVisibleConflict(params.id, caller, deps);
      return {
        status: 200,
        headers: { 'Cache-Control': 'no-store' },
        body: { conflict: conflictDocument(conflict), revision: revision && formatRevision(revision) },
      };
    },
  });
}

/** The conflict with a revision of its entity that holds no value which the conflict doesn't show: the entity is read
 *  first. Another provider's conflict is `not-found` in the same words as one that doesn't exist. */
export async function findVisibleConflict(
  id: string,
  caller: Caller,
  deps: Pick<ApiDeps, 'conflicts' | 'reader' | 'topology'>,
): Promise<{ readonly conflict: Conflict; readonly revision: Revision | null }> {
  const found = await deps.conflicts.find(id);
  if (found === null || !maySee(caller, found.provider)) throw missingConflict();
  const kind = deps.topology.kinds.get(found.kind);
  const entity = kind ? await deps.reader.find(kind, found.entityId) : null;
  const conflict = (await deps.conflicts.find(id)) ?? found;
  return { conflict, revision: entity === null || entity.erased ? null : entity.revision };
}

export function missingConflict(): ProblemError {
  return new ProblemError('not-found', 'There is no conflict with this id.');
}
