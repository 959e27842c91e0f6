import * as z from 'zod';
import type { RefusedCorrection } from '../apply/compose-correction.ts';
import type { ShownEdit } from '../apply/edit-quarantined.ts';
import type { JsonObject } from '../domain/json.ts';
import { formatRevision } from '../domain/revision.ts';
import type { ApiDeps } from './api-deps.ts';
import { guarded, type Endpoint } from './endpoint.ts';
import { revisionText } from './entity-document.ts';
import { ProblemError } from './problem.ts';
import { editDocument, editSchema, shownEditDocument, shownEditSchema } from './quarantine-edit-document.ts';
import { entryParams, missingRecord } from './read-quarantine.ts';
import { NO_FIELDS, NO_QUERY, revisionHeader } from './request-parts.ts';
import { brokenRules, eventTooLarge } from './settle-edit.ts';
import { operatorOf, reason } from './work-quarantine.ts';

/** Correcting a record: one person proposes a state, another approves it, and it becomes an edit by E-assurance. */
export function editQuarantine(deps: ApiDeps): readonly Endpoint[] {
  return [propose(deps), listEdits(deps), getEdit(deps), approve(deps), reject(deps)];
}

const editParams = z.object({
  id: z.string().min(1).max(64).meta({ description: "The edit's id.", example: '3' }),
});

function propose(deps: ApiDeps): Endpoint {
  return guarded({
    method: 'post',
    path: '/v1/quarantine/entries/{id}/edit',
    operationId: 'edit-quarantine-entry',
    tag: 'quarantine',
    access: ['operator'],
    summary: 'Propose a corrected state',
    description:
      'The whole state, under the rules of any edit of ours; what the bridge sets itself may be left out. It waits for ' +
      'another person, and the record stays as it came. It counts as made on what the author of the record had seen, as ' +
      'far as that can be known; say `Base-Revision` when you made it on another state. 409 `clash` when what it changes ' +
      'has moved since.',
    params: entryParams,
    query: NO_QUERY,
    headers: z.object({ 'Base-Revision': revisionHeader('The revision on which the state was made.') }),
    body: {
      schema: z.strictObject({
        state: z
          .record(z.string(), z.unknown())
          .meta({ description: 'Field for field as in the contract of its kind.' }),
        reason,
      }),
      mediaTypes: ['application/json'],
      example: {
        state: { constatId: '0195f3a0-7c1e-7b52-9d7e-3f2a8c4b1e60' },
        reason: 'Date corrigée, vu la SAA',
      },
    },
    responses: { 201: { description: 'It waits for another person', schema: shownEditSchema } },
    problems: [
      'not-found',
      'quarantine-settled',
      'edit-waiting',
      'unattributable',
      'clash',
      'unknown-base',
      'event-too-large',
    ],
    handle: async ({ params, headers, body, caller }) => {
      const base = headers['Base-Revision'];
      const result = await deps.quarantine.propose(
        {
          id: params.id,
          state: body.state as JsonObject,
          reason: body.reason,
          ...(base === undefined ? {} : { base }),
        },
        operatorOf(caller),
      );
      switch (result.status) {
        case 'proposed':
          return { status: 201, body: shown(result.shown, deps) };
        case 'missing':
          throw missingRecord();
        case 'closed':
          throw new ProblemError('quarantine-settled', 'It was settled before; nothing was written.');
        case 'waiting':
          throw new ProblemError(
            'edit-waiting',
            'Another edit of this record waits: approve or reject that one first.',
          );
        default:
          throw refusal(result);
      }
    },
  });
}

function listEdits(deps: ApiDeps): Endpoint {
  return guarded({
    method: 'get',
    path: '/v1/quarantine/edits',
    operationId: 'list-quarantine-edits',
    tag: 'quarantine',
    access: ['operator'],
    summary: 'Find edits of records in quarantine',
    description: 'Who proposed what and who decided, oldest first.',
    params: NO_FIELDS,
    query: z.strictObject({
      status: z.enum(['waiting', 'approved', 'rejected']).default('waiting'),
      entry: z.string().min(1).max(64).optional().meta({ description: 'Only of this record.' }),
    }),
    headers: NO_FIELDS,
    body: null,
    responses: { 200: { description: 'The edits', schema: z.object({ data: z.array(editSchema) }) } },
    problems: [],
    handle: async ({ query: { status, entry } }) => {
      const edits = await deps.quarantineTable.edits({ status, quarantineId: entry ?? null });
      return {
        status: 200,
        headers: { 'Cache-Control': 'no-store' },
        body: { data: edits.map(editDocument) },
      };
    },
  });
}

function getEdit(deps: ApiDeps): Endpoint {
  return guarded({
    method: 'get',
    path: '/v1/quarantine/edits/{id}',
    operationId: 'get-quarantine-edit',
    tag: 'quarantine',
    access: ['operator'],
    summary: 'Read one edit, atom by atom',
    description: 'Against the record and against how the entity stands here now; personal data masked.',
    params: editParams,
    query: NO_QUERY,
    headers: NO_FIELDS,
    body: null,
    responses: { 200: { description: 'The edit', schema: shownEditSchema } },
    problems: ['not-found'],
    handle: async ({ params }) => {
      const found = await deps.quarantine.showEdit(params.id);
      if (found === null) throw missingEdit();
      return { status: 200, headers: { 'Cache-Control': 'no-store' }, body: shown(found, deps) };
    },
  });
}

function approve(deps: ApiDeps): Endpoint {
  return guarded({
    method: 'post',
    path: '/v1/quarantine/edits/{id}/approve',
    operationId: 'approve-quarantine-edit',
    tag: 'quarantine',
    access: ['operator'],
    summary: "Approve another person's edit",
    description:
      'It becomes an edit by E-assurance with a new event id and a revision that both sides take, it is published, and ' +
      'the record is settled. The key must belong to another person than the one who proposed it. 409 `clash` when what ' +
      'it changes has moved since: reject it, and propose it anew.',
    params: editParams,
    query: NO_QUERY,
    headers: NO_FIELDS,
    body: null,
    responses: {
      200: {
        description: 'It is made, and on its way to the insurer',
        schema: z.object({ edit: editSchema, revision: revisionText }),
      },
    },
    problems: [
      'not-found',
      'second-person-needed',
      'edit-decided',
      'unattributable',
      'clash',
      'unknown-base',
      'event-too-large',
    ],
    handle: async ({ params, caller }) => {
      const result = await deps.quarantine.approve(params.id, operatorOf(caller));
      switch (result.status) {
        case 'approved':
          return {
            status: 200,
            body: { edit: editDocument(result.edit), revision: formatRevision(result.entity.revision) },
          };
        case 'missing':
          throw missingEdit();
        case 'closed':
          throw decidedBefore();
        case 'same-person':
          throw new ProblemError(
            'second-person-needed',
            `${caller.owner} proposed it: somebody else has to approve it.`,
          );
        default:
          throw refusal(result);
      }
    },
  });
}

function reject(deps: ApiDeps): Endpoint {
  return guarded({
    method: 'post',
    path: '/v1/quarantine/edits/{id}/reject',
    operationId: 'reject-quarantine-edit',
    tag: 'quarantine',
    access: ['operator'],
    summary: 'Reject an edit, or take your own back',
    description: 'The record goes on waiting.',
    params: editParams,
    query: NO_QUERY,
    headers: NO_FIELDS,
    body: {
      schema: z.strictObject({ reason }),
      mediaTypes: ['application/json'],
      example: { reason: 'Mauvaise date' },
    },
    responses: { 200: { description: 'It is rejected', schema: z.object({ edit: editSchema }) } },
    problems: ['not-found', 'edit-decided'],
    handle: async ({ params, body, caller }) => {
      const rejected = await deps.quarantine.reject(params.id, body.reason, operatorOf(caller));
      const found = rejected === 'missing' ? null : await deps.quarantine.showEdit(params.id);
      if (found === null) throw missingEdit();
      if (rejected === 'closed') throw decidedBefore();
      return { status: 200, body: { edit: editDocument(found.edit) } };
    },
  });
}

function shown(edit: ShownEdit, { topology, mask }: ApiDeps) {
  const kind = topology.kinds.get(edit.edit.kind);
  if (!kind) throw new ProblemError('unattributable', `topics.yaml has no ${edit.edit.kind} any more.`);
  return shownEditDocument(edit, kind, mask);
}

function missingEdit(): ProblemError {
  return new ProblemError('not-found', 'There is no edit with this id.');
}

function decidedBefore(): ProblemError {
  return new ProblemError(
    'edit-decided',
    'It was decided before, or its record was settled; nothing was written.',
  );
}

/** Operators read the states of quarantine masked, so a clash tells the atoms and no value. */
function refusal(refused: RefusedCorrection): ProblemError {
  switch (refused.status) {
    case 'unattributable':
      return new ProblemError('unattributable', refused.why);
    case 'clash':
      return new ProblemError('clash', 'What it changes has moved since; nothing was written.', {
        extra: {
          atoms: refused.atoms.map(({ atom }) => atom),
          revision: formatRevision(refused.current.revision),
        },
      });
    case 'unknown-base':
      return new ProblemError(
        'unknown-base',
        'The history does not hold the revision on which it was made.',
        {
          extra: { revision: formatRevision(refused.current.revision) },
        },
      );
    case 'invalid':
      return brokenRules(refused.violations);
    case 'too-large':
      return eventTooLarge(refused);
  }
}
