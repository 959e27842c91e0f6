import * as z from 'zod';
import type { SettleEdit } from '../apply/edit.ts';
import type { Json } from '../domain/json.ts';
import { formatRevision } from '../domain/revision.ts';
import type { ApiDeps } from './api-deps.ts';
import { conflictDocument, conflictSchema } from './conflict-document.ts';
import { guarded, maySee, type Endpoint } from './endpoint.ts';
import { etagOf, revisionText } from './entity-document.ts';
import { ProblemError } from './problem.ts';
import { conflictParams, missingConflict } from './read-conflicts.ts';
import { etagHeader, NO_QUERY, revisionHeader } from './request-parts.ts';
import { text } from './schema-side.ts';
import { editedEntity } from './settle-edit.ts';

const reason = text('Why; kept with the conflict and in the history.', "Confirmé par l'assuré")
  .max(500)
  .optional();

const body = z
  .union([
    z.strictObject({
      choose: z.enum(['ours', 'theirs']).meta({ description: "That side's newest value." }),
      reason,
    }),
    z.strictObject({
      value: z
        .unknown()
        .refine((value) => value !== undefined, 'Missing')
        .meta({ description: 'Another value of this atom; null takes it away.' }),
      reason,
    }),
  ])
  .meta({ id: 'Settlement', description: 'A side, or a value of your own.' });

/** `POST /v1/conflicts/{id}/settle`: an ordinary edit of one atom that closes its conflict in the same transaction. */
export function settleConflict(deps: ApiDeps): Endpoint {
  return guarded({
    method: 'post',
    path: '/v1/conflicts/{id}/settle',
    operationId: 'settle-conflict',
    tag: 'conflicts',
    access: ['staff'],
    summary: 'Settle a conflict',
    description:
      'Choose a side or give a value. It is written as an edit of yours and published, and the conflict is closed with it; ' +
      'when it stands already, only the conflict is closed. `Base-Revision` is the `revision` that you read with the ' +
      'conflict: when the entity has moved since, the answer is 412 with how it stands now.',
    params: conflictParams,
    query: NO_QUERY,
    headers: z.object({
      'Base-Revision': revisionHeader('The revision of the entity, as read with the conflict.'),
    }),
    body: {
      schema: body,
      mediaTypes: ['application/json'],
      example: { choose: 'theirs', reason: 'Vu le PV' },
    },
    responses: {
      200: {
        description: 'The conflict is settled',
        schema: z.object({
          outcome: z
            .enum(['updated', 'unchanged'])
            .meta({ description: '`unchanged`: the value stood already, no edit was needed.' }),
          revision: revisionText,
          conflict: conflictSchema,
        }),
        headers: etagHeader,
      },
    },
    problems: ['not-found', 'conflict-settled', 'revision-moved', 'event-too-large', 'precondition-required'],
    handle: async ({ params, headers, body: given, caller, trail }) => {
      const revision = headers['Base-Revision'];
      if (revision === undefined) {
        throw new ProblemError(
          'precondition-required',
          'Send Base-Revision with the revision that you read with the conflict.',
        );
      }
      const conflict = await deps.conflicts.find(params.id);
      const kind = conflict && deps.topology.kinds.get(conflict.kind);
      if (!conflict || !kind || !maySee(caller, conflict.provider)) throw missingConflict();
      const result = await deps.edits.settle({
        conflict,
        choice: choiceOf(given),
        revision,
        providers: caller.providers,
        context: { author: caller.owner, ...trail },
        reason: given.reason ?? null,
      });
      if (result.status === 'closed') {
        throw new ProblemError('conflict-settled', 'Somebody has settled it; nothing was written.', {
          extra: { conflict: conflictDocument((await deps.conflicts.find(params.id)) ?? conflict) },
        });
      }
      const entity = editedEntity(kind, result);
      return {
        status: 200,
        headers: { ETag: etagOf(entity.revision), 'Cache-Control': 'no-store' },
        body: {
          outcome: result.status,
          revision: formatRevision(entity.revision),
          conflict: conflictDocument((await deps.conflicts.find(params.id)) ?? conflict),
        },
      };
    },
  });
}

function choiceOf(given: z.output<typeof body>): SettleEdit['choice'] {
  return 'choose' in given ? given.choose : { value: given.value as Json };
}
