import type pg from 'pg';
import type { AuditEntry, QuarantineEdit, QuarantineTable } from '../ports.ts';
import { isRowId, storableJson, storableText } from './storable.ts';
import { insertAudit } from './write-audit.ts';

interface Row extends Omit<QuarantineEdit, 'proposedAtMs' | 'decidedAtMs'> {
  readonly proposedAt: Date;
  readonly decidedAt: Date | null;
}

const COLUMNS = `id, quarantine_id as "quarantineId", status, provider, kind, entity_id as "entityId", base, state, atoms,
  reason, proposed_by as "proposedBy", proposed_at as "proposedAt", decided_by as "decidedBy", decided_at as "decidedAt",
  decided_reason as "decidedReason", event_id as "eventId"`;

/** The record is held, so that it is not settled while its edit is written; of two who propose at once, the second finds
 *  an edit waiting. */
export async function propose(
  client: pg.ClientBase,
  edit: Parameters<QuarantineTable['propose']>[0],
  audit: (id: string) => AuditEntry,
): Promise<QuarantineEdit | null> {
  const { rows } = await client.query<Row>({
    name: 'propose-quarantine-edit',
    text: `with held as (
             select id from quarantine where id = $1 and settled_at is null for update
           )
           insert into quarantine_edit (quarantine_id, provider, kind, entity_id, base, state, atoms, reason, proposed_by)
           select id, $2, $3, $4, $5, $6, $7, $8, $9 from held
           on conflict (quarantine_id) where status = 'waiting' do nothing returning ${COLUMNS}`,
    values: [
      edit.quarantineId,
      edit.provider,
      edit.kind,
      edit.entityId,
      edit.base === null ? null : JSON.stringify(edit.base),
      storableJson(edit.state),
      edit.atoms,
      storableText(edit.reason),
      storableText(edit.proposedBy),
    ],
  });
  const proposed = rows.map(toEdit)[0];
  if (proposed === undefined) return null;
  await insertAudit(client, [audit(proposed.id)]);
  return proposed;
}

export async function reject(
  client: pg.ClientBase,
  id: string,
  by: string,
  reason: string,
  audit: AuditEntry,
): Promise<boolean> {
  const { rowCount } = await client.query({
    name: 'reject-quarantine-edit',
    text: `update quarantine_edit set status = 'rejected', decided_at = now(), decided_by = $2, decided_reason = $3
            where id = $1 and status = 'waiting'`,
    values: [id, storableText(by), storableText(reason)],
  });
  if (rowCount !== 1) return false;
  await insertAudit(client, [audit]);
  return true;
}

export async function findEdit(pool: pg.Pool, id: string): Promise<QuarantineEdit | null> {
  const { rows } = await pool.query<Row>({
    name: 'find-quarantine-edit',
    text: `select ${COLUMNS} from quarantine_edit where id = $1`,
    values: [id],
  });
  return rows.map(toEdit)[0] ?? null;
}

export async function listEdits(
  pool: pg.Pool,
  { quarantineId, status }: Parameters<QuarantineTable['edits']>[0],
): Promise<readonly QuarantineEdit[]> {
  if (quarantineId !== null && !isRowId(quarantineId)) return [];
  const { rows } = await pool.query<Row>({
    name: 'list-quarantine-edits',
    text: `select ${COLUMNS} from quarantine_edit
            where ($1::bigint is null or quarantine_id = $1) and ($2::text is null or status = $2) order by id`,
    values: [quarantineId, status],
  });
  return rows.map(toEdit);
}

function toEdit({ proposedAt, decidedAt, ...row }: Row): QuarantineEdit {
  return { ...row, proposedAtMs: proposedAt.getTime(), decidedAtMs: decidedAt?.getTime() ?? null };
}
