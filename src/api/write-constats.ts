import { hash } from 'node:crypto';
import canonicalize from 'canonicalize';
import * as z from 'zod';
import type { PatchEdit } from '../apply/edit.ts';
import type { JsonObject } from '../domain/json.ts';
import type { EntityKind } from '../domain/kind.ts';
import type { ApiDeps } from './api-deps.ts';
import { constatPatchExample, newConstatExample } from './constat-examples.ts';
import { constatFields, newConstat } from './constat-schema.ts';
import type { Revision } from '../domain/revision.ts';
import { guarded, type Endpoint } from './endpoint.ts';
import { entityAnswer, entityDocument } from './entity-document.ts';
import { mergePatchOf } from './merge-patch-schema.ts';
import { ProblemError } from './problem.ts';
import { brokenRules, editedEntity } from './settle-edit.ts';
import {
  etagHeader,
  idempotencyKey,
  idParams,
  NO_FIELDS,
  NO_QUERY,
  percentEncoded,
  revisionHeader,
} from './request-parts.ts';

/** `POST /v1/constats` and `PATCH /v1/constats/{id}`. An answer of 2xx means that the edit is durable and will reach the
 *  provider's topic; any problem but `timeout` and `unavailable` means that nothing was written. */
export function writeConstats(kind: EntityKind, document: z.ZodObject, deps: ApiDeps): readonly Endpoint[] {
  return [createConstat(kind, document, deps), patchConstat(kind, document, deps)];
}

function createConstat(kind: EntityKind, document: z.ZodObject, deps: ApiDeps): Endpoint {
  return guarded({
    method: 'post',
    path: `/v1/${kind.collection}`,
    operationId: `create-${kind.name}`,
    tag: kind.collection,
    access: ['staff'],
    summary: `Open a ${kind.name}`,
    description:
      'Choose an `Idempotency-Key` before the first attempt and repeat it with the same body until you have an answer: ' +
      `however often it arrives, one ${kind.name} is opened. A repeated answer carries \`Idempotent-Replayed: true\`.`,
    params: NO_FIELDS,
    query: NO_QUERY,
    headers: z.object({ 'Idempotency-Key': idempotencyKey }),
    body: { schema: newConstat, mediaTypes: ['application/json'], example: newConstatExample },
    responses: {
      201: {
        description: 'Opened, now or by the first request with this key',
        schema: document,
        headers: etagHeader.extend({
          Location: z.string().meta({ description: 'Where it is read.' }),
          'Idempotent-Replayed': z.literal('true').optional(),
        }),
      },
    },
    problems: ['event-too-large', 'idempotency-key-reused', 'erased'],
    handle: async ({ headers, body, caller, trail }) => {
      const { providerId, ...state } = body as { providerId: string } & JsonObject;
      if (!deps.topology.providers.has(providerId)) {
        throw brokenRules([
          { pointer: '/providerId', code: 'unknown-provider', message: 'There is no such provider' },
        ]);
      }
      const result = await deps.edits.create({
        kind,
        provider: providerId,
        state,
        context: { author: caller.owner, ...trail },
        idempotency: {
          key: headers['Idempotency-Key'],
          apiKeyId: caller.keyId,
          requestDigest: requestDigest(`POST /v1/${kind.collection}`, body),
        },
      });
      const entity = editedEntity(kind, result);
      return entityAnswer(201, entityDocument(kind, entity), {
        Location: `/v1/${kind.collection}/${entity.id}`,
        ...(result.status === 'repeated' ? { 'Idempotent-Replayed': 'true' } : {}),
      });
    },
  });
}

function patchConstat(kind: EntityKind, document: z.ZodObject, deps: ApiDeps): Endpoint {
  return guarded({
    method: 'patch',
    path: `/v1/${kind.collection}/{id}`,
    operationId: `patch-${kind.name}`,
    tag: kind.collection,
    access: ['staff'],
    summary: `Change a ${kind.name}`,
    description:
      'A JSON merge patch (RFC 7396). Say what it is based on, in one of two headers. `Base-Revision`: the revision at which ' +
      'the form was opened; the patch is applied to the current state unless something that it touches has moved since, ' +
      'which is answered 409 with base, theirs and yours. `If-Match`: exactly this revision, else 412 with the current state.',
    params: idParams,
    query: NO_QUERY,
    headers: z.object({
      'If-Match': revisionHeader('Change it only while it has exactly this revision.'),
      'Base-Revision': revisionHeader('The revision at which the form was opened.'),
      'Change-Reason': percentEncoded(
        'Why; kept in the history. Percent-encoded UTF-8, 500 characters at most.',
      ),
    }),
    body: {
      schema: mergePatchOf(constatFields).meta({
        id: 'ConstatPatch',
        description: 'The fields to change; null takes one away.',
      }),
      mediaTypes: ['application/merge-patch+json', 'application/json'],
      example: constatPatchExample,
    },
    responses: {
      200: { description: 'The constat with the change in it', schema: document, headers: etagHeader },
    },
    problems: [
      'not-found',
      'clash',
      'unknown-base',
      'revision-moved',
      'event-too-large',
      'precondition-required',
    ],
    handle: async ({ params, headers, body, caller, trail }) => {
      const result = await deps.edits.patch({
        kind,
        id: params.id,
        providers: caller.providers,
        patch: body as JsonObject,
        condition: conditionOf(headers['If-Match'], headers['Base-Revision']),
        changeReason: headers['Change-Reason'] ?? null,
        context: { author: caller.owner, ...trail },
      });
      return entityAnswer(200, entityDocument(kind, editedEntity(kind, result)));
    },
  });
}

/** 428 without a condition; 400 with both, for then the caller has not decided what should happen when it moved. */
function conditionOf(ifMatch: Revision | undefined, base: Revision | undefined): PatchEdit['condition'] {
  if (ifMatch !== undefined && base !== undefined) {
    throw new ProblemError('invalid-request', 'Send either If-Match or Base-Revision, not both.');
  }
  if (ifMatch !== undefined) return { mode: 'exact', revision: ifMatch };
  if (base !== undefined) return { mode: 'based', revision: base };
  throw new ProblemError(
    'precondition-required',
    'Send Base-Revision with the revision at which the form was opened, or If-Match with the one that it must still have.',
  );
}

/** The same for the same request, however its JSON is laid out. */
function requestDigest(route: string, body: unknown): string {
  return hash('sha256', `${route}\n${canonicalize(body)}`);
}
