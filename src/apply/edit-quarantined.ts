import { diffAtoms } from '../domain/diff-atoms.ts';
import { MovedError, TransientError } from '../domain/errors.ts';
import type { JsonObject } from '../domain/json.ts';
import { formatRevision, type Revision } from '../domain/revision.ts';
import type { AuditEntry, EventCodec, QuarantineEdit, QuarantineTable } from '../ports.ts';
import { composeCorrection, type CorrectionDeps, type RefusedCorrection } from './compose-correction.ts';
import type { EditContext, EditedEntity } from './edit.ts';
import { EMPTY_PLAN } from './empty-plan.ts';
import { findQuarantined } from './read-quarantined.ts';
import type { Operator } from './retry-quarantined.ts';

export interface Proposal {
  /** The record in quarantine. */
  readonly id: string;
  readonly state: JsonObject;
  readonly reason: string;
  /** The revision on which it was made; left out: what the record's author had seen, as far as that is known. */
  readonly base?: Revision;
}

/** An edit with the states that it is to be compared with. */
export interface ShownEdit {
  readonly edit: QuarantineEdit;
  /** What the record in quarantine says; null when it can't be read. */
  readonly recordState: JsonObject | null;
  /** How the entity stands here now; null when there is none. */
  readonly current: JsonObject | null;
}

export type ProposeResult =
  | { readonly status: 'proposed'; readonly shown: ShownEdit }
  /** No such record; settled before, or another edit of it waits. */
  | { readonly status: 'missing' | 'closed' | 'waiting' }
  | RefusedCorrection;

export type ApproveResult =
  | { readonly status: 'approved'; readonly edit: QuarantineEdit; readonly entity: EditedEntity }
  /** No such edit; decided before; its proposer wants to approve it. */
  | { readonly status: 'missing' | 'closed' | 'same-person' }
  | RefusedCorrection;

export interface EditQuarantineDeps extends CorrectionDeps {
  readonly table: QuarantineTable;
  readonly codec: EventCodec;
}

const MAX_ATTEMPTS = 20;

/** Keeps a corrected state for a second person; the record stays as it came, and nothing else changes. It is checked
 *  now as it will be when it is approved. */
export async function proposeEdit(
  proposal: Proposal,
  who: Operator,
  deps: EditQuarantineDeps,
): Promise<ProposeResult> {
  const record = await findQuarantined(proposal.id, deps);
  if (record === null) return { status: 'missing' };
  if (record.settled !== null) return { status: 'closed' };
  const { state, reason, base } = proposal;
  const composed = await composeCorrection(
    { record, state, base, reason, context: contextOf(who.name) },
    deps,
  );
  if (composed.status !== 'composed') return composed;
  const { kind, entity, current } = composed;
  const atoms = diffAtoms(kind, current ?? {}, entity.state);
  const edit = await deps.table.propose(
    {
      quarantineId: record.id,
      provider: entity.provider,
      kind: kind.name,
      entityId: entity.id,
      base: composed.base,
      state,
      atoms,
      reason,
      proposedBy: who.name,
    },
    (id) => auditOf('propose', { quarantineId: record.id, id, reason, atoms }, who),
  );
  if (edit === null) return { status: 'waiting' };
  return { status: 'proposed', shown: { edit, recordState: record.read.event?.state ?? null, current } };
}

/** Makes the edit, publishes it and settles the record, in one transaction. Its author is who proposed it; who approves
 *  must be another person. When an atom that it changes has moved since, nothing is written and it goes on waiting: it is
 *  to be rejected and made anew on how things stand now (SYNC.md, Staff edits). */
export async function approveEdit(
  id: string,
  who: Operator,
  deps: EditQuarantineDeps,
): Promise<ApproveResult> {
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
    try {
      return await approveOnce(id, who, deps);
    } catch (error) {
      if (!(error instanceof MovedError)) throw error;
      if (error.what === 'quarantine') return { status: 'closed' };
    }
  }
  throw new TransientError('CONTENDED', `another writer was faster ${MAX_ATTEMPTS} times in a row`);
}

async function approveOnce(id: string, who: Operator, deps: EditQuarantineDeps): Promise<ApproveResult> {
  const edit = await deps.table.findEdit(id);
  const record = edit && (await findQuarantined(edit.quarantineId, deps));
  if (edit === null || record === null) return { status: 'missing' };
  if (edit.status !== 'waiting' || record.settled !== null) return { status: 'closed' };
  if (isSamePerson(edit.proposedBy, who.name)) return { status: 'same-person' };
  const { state, base, reason, proposedBy } = edit;
  const composed = await composeCorrection(
    { record, state, base, reason, context: contextOf(proposedBy) },
    deps,
  );
  if (composed.status !== 'composed') return composed;
  const { plan, entity, route } = composed;
  const { eventId } = plan.events[0]!;
  const revision = formatRevision(entity.revision);
  await deps.store.transaction((tx) =>
    tx.write({
      ...EMPTY_PLAN,
      ...plan,
      quarantineSteps: [{ id: record.id, how: 'edited', by: who.name, reason }],
      approvedEdit: { id, by: who.name, eventId },
      audit: [auditOf('approve', { ...edit, proposedBy, eventId, revision }, who)],
    }),
  );
  deps.wakeRelay([route.providerId]);
  return { status: 'approved', edit: (await deps.table.findEdit(id)) ?? edit, entity };
}

/** False when it no longer waits. Its proposer may reject it too. */
export async function rejectEdit(
  id: string,
  reason: string,
  who: Operator,
  { table }: Pick<EditQuarantineDeps, 'table'>,
): Promise<'rejected' | 'closed' | 'missing'> {
  const edit = await table.findEdit(id);
  if (edit === null) return 'missing';
  const audit = auditOf('reject', { ...edit, reason }, who);
  return (await table.reject(id, who.name, reason, audit)) ? 'rejected' : 'closed';
}

/** Null when there is none. */
export async function showEdit(
  id: string,
  deps: EditQuarantineDeps,
  whileAway: Parameters<typeof findQuarantined>[2],
): Promise<ShownEdit | null> {
  const edit = await deps.table.findEdit(id);
  if (edit === null) return null;
  const record = await findQuarantined(edit.quarantineId, deps, whileAway);
  const kind = deps.topology.kinds.get(edit.kind);
  const view = kind ? await deps.reader.find(kind, edit.entityId) : null;
  const stands = view && !view.erased ? await deps.codec.decodeStored(view.bytes, view.schemaRef) : null;
  return { edit, recordState: record?.read.event?.state ?? null, current: stands?.state ?? null };
}

/** A name is one person however it is spelt: case, spaces and compatible characters make no second one. */
export function isSamePerson(a: string, b: string): boolean {
  const [one, other] = [a, b].map((name) =>
    name.normalize('NFKC').trim().replaceAll(/\s+/g, ' ').toLocaleLowerCase('en'),
  );
  return one === other;
}

function contextOf(author: string): EditContext {
  return { author, correlationId: null, traceparent: null };
}

/** With the names of its atoms and not their values: the audit stays when the record is deleted. */
function auditOf(
  verb: 'propose' | 'approve' | 'reject',
  {
    quarantineId,
    id,
    ...detail
  }: {
    readonly quarantineId: string;
    readonly id: string;
    readonly reason: string;
    readonly atoms: readonly string[];
    readonly proposedBy?: string;
    readonly eventId?: string | null;
    readonly revision?: string;
  },
  who: Operator,
): AuditEntry {
  const { reason, atoms, proposedBy = null, eventId = null, revision = null } = detail;
  return {
    actor: who.name,
    action: `quarantine.edit.${verb}`,
    subject: `quarantine/${quarantineId}`,
    detail: { edit: id, reason, atoms, proposedBy, eventId, revision, via: who.via },
  };
}
