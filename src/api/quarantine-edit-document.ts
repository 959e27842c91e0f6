import * as z from 'zod';
import type { ShownEdit } from '../apply/edit-quarantined.ts';
import { diffAtoms } from '../domain/diff-atoms.ts';
import type { Json, JsonObject } from '../domain/json.ts';
import type { EntityKind } from '../domain/kind.ts';
import { formatRevision } from '../domain/revision.ts';
import type { QuarantineEdit } from '../ports.ts';
import { time } from './quarantine-document.ts';
import { instant } from './schema-side.ts';

const masked = z.unknown().meta({ description: 'Personal data masked; null where it is absent.' });
const changes = z
  .array(z.object({ atom: z.string().meta({ example: 'accident/place' }), before: masked, after: masked }))
  .nullable();

export const editSchema = z
  .object({
    id: z.string().meta({ example: '3' }),
    entryId: z.string().meta({ description: 'The record in quarantine.', example: '17' }),
    status: z.enum(['waiting', 'approved', 'rejected']),
    provider: z.string().meta({ example: 'saa' }),
    kind: z.string().meta({ example: 'constat' }),
    entityId: z.string(),
    base: z
      .string()
      .nullable()
      .meta({ description: "The revision on which it was made; null when the entity didn't exist here." }),
    atoms: z
      .array(z.string())
      .meta({ description: 'What it changed of what stood here when it was proposed.' }),
    reason: z.string(),
    proposedBy: z.string(),
    proposedAt: instant('When it was proposed.'),
    decidedBy: z.string().nullable().meta({ description: 'Who approved or rejected it.' }),
    decidedAt: z.iso.datetime().nullable(),
    decidedReason: z.string().nullable(),
    eventId: z.string().nullable().meta({ description: 'The edit by E-assurance that its approval made.' }),
  })
  .meta({ id: 'QuarantineEdit', description: 'A corrected state of a record in quarantine.' });

export const shownEditSchema = editSchema
  .extend({
    againstRecord: changes.meta({
      description:
        'Atom by atom, what the record says and what the edit says; null when the record can not be read.',
    }),
    againstCurrent: changes.meta({
      description: 'Atom by atom, how it stands here now and what the edit says; null once it is decided.',
    }),
  })
  .meta({ id: 'ShownQuarantineEdit' });

export type EditDocument = z.input<typeof editSchema>;
export type ShownEditDocument = z.input<typeof shownEditSchema>;

export function editDocument(edit: QuarantineEdit): EditDocument {
  const { id, status, provider, kind, entityId, base, reason, proposedBy, decidedBy, decidedAtMs } = edit;
  const { decidedReason, eventId } = edit;
  return {
    ...{ id, status, provider, kind, entityId, reason, proposedBy, decidedBy, decidedReason, eventId },
    entryId: edit.quarantineId,
    base: base && formatRevision(base),
    atoms: [...edit.atoms],
    proposedAt: time(edit.proposedAtMs),
    decidedAt: decidedAtMs === null ? null : time(decidedAtMs),
  };
}

/** With its values, masked: two that look alike under the mask still differ. */
export function shownEditDocument(
  { edit, recordState, current }: ShownEdit,
  kind: EntityKind,
  mask: (value: Json) => Json,
): ShownEditDocument {
  return {
    ...editDocument(edit),
    againstRecord: recordState && changesOf(kind, recordState, edit.state, mask),
    againstCurrent: edit.status === 'waiting' ? changesOf(kind, current ?? {}, edit.state, mask) : null,
  };
}

/** The state is masked before it is taken apart, since an atom may hold a personal value under another name. */
function changesOf(kind: EntityKind, before: JsonObject, after: JsonObject, mask: (value: Json) => Json) {
  const [old, new_] = [before, after].map((state) => kind.atoms(mask(state) as JsonObject));
  return diffAtoms(kind, before, after).map((atom) => ({
    atom,
    before: old!.get(atom) ?? null,
    after: new_!.get(atom) ?? null,
  }));
}
