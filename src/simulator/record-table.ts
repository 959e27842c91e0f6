import type { PoolClient } from 'pg';
import type { JsonObject } from './json.ts';
import type { Connection } from './open-database.ts';
import type { PlatformRecord } from './record.ts';
import type { Revision } from './revision.ts';

/** A record together with what it was before its last write. */
export interface LockedRecord extends PlatformRecord {
  readonly previous: { readonly revision: Revision; readonly state: JsonObject } | null;
}

export type RecordContent = Pick<PlatformRecord, 'kind' | 'id' | 'revision' | 'state' | 'digest' | 'eventId'>;

const COLUMNS = 'kind, id, revision, state, digest, event_id, updated_at';

interface Row {
  kind: string;
  id: string;
  revision: Revision;
  state: JsonObject;
  digest: string;
  event_id: string | null;
  updated_at: Date;
}

export async function findRecord(db: Connection, kind: string, id: string): Promise<PlatformRecord | null> {
  const { rows } = await db.query<Row>(`SELECT ${COLUMNS} FROM record WHERE kind = $1 AND id = $2`, [
    kind,
    id,
  ]);
  return rows[0] ? toRecord(rows[0]) : null;
}

/** The row stays locked until the transaction ends, so that its revision can't move between the check and the write. */
export async function lockRecord(tx: PoolClient, kind: string, id: string): Promise<LockedRecord | null> {
  const { rows } = await tx.query<
    Row & { previous_revision: Revision | null; previous_state: JsonObject | null }
  >(
    `SELECT ${COLUMNS}, previous_revision, previous_state FROM record WHERE kind = $1 AND id = $2 FOR UPDATE`,
    [kind, id],
  );
  const row = rows[0];
  if (!row) return null;
  const { previous_revision: revision, previous_state: state } = row;
  return { ...toRecord(row), previous: revision && state ? { revision, state } : null };
}

/** Null when the record exists already: a row that isn't there can't be locked, so two first events may race here. */
export async function insertRecord(tx: PoolClient, record: RecordContent): Promise<PlatformRecord | null> {
  const { rows } = await tx.query<Row>(
    `INSERT INTO record (${COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, clock_timestamp())
     ON CONFLICT (kind, id) DO NOTHING RETURNING ${COLUMNS}`,
    [record.kind, record.id, json(record.revision), json(record.state), record.digest, record.eventId],
  );
  return rows[0] ? toRecord(rows[0]) : null;
}

/** Only under `lockRecord`. Keeps the state that it replaces as `previous`. */
export async function updateRecord(tx: PoolClient, record: RecordContent): Promise<PlatformRecord> {
  const { rows } = await tx.query<Row>(
    `UPDATE record SET previous_revision = revision, previous_state = state,
            revision = $3, state = $4, digest = $5, event_id = $6, updated_at = clock_timestamp()
     WHERE kind = $1 AND id = $2 RETURNING ${COLUMNS}`,
    [record.kind, record.id, json(record.revision), json(record.state), record.digest, record.eventId],
  );
  return toRecord(rows[0]!);
}

export interface WalkPage {
  readonly since: string | null;
  readonly after: { readonly updatedAt: string; readonly id: string } | null;
  readonly limit: number;
  /** Only records whose state has this normalized plate. */
  readonly plate?: string;
}

/** One page in the order (updatedAt, id). A record that is written while a walk is under way moves behind the walker and
 *  is met again; none is missed. */
export async function walkRecords(db: Connection, kind: string, page: WalkPage): Promise<PlatformRecord[]> {
  const { rows } = await db.query<Row>(
    `SELECT ${COLUMNS} FROM record
     WHERE kind = $1 AND ($2::timestamptz IS NULL OR updated_at >= $2)
       AND ($3::timestamptz IS NULL OR (updated_at, id) > ($3, $4::uuid))
       AND ($6::text IS NULL OR state ->> 'plateNormalized' = $6)
     ORDER BY updated_at, id LIMIT $5`,
    [kind, page.since, page.after?.updatedAt ?? null, page.after?.id ?? null, page.limit, page.plate ?? null],
  );
  return rows.map(toRecord);
}

/** Every record of the kind, oldest write first. */
export async function listRecords(db: Connection, kind: string): Promise<PlatformRecord[]> {
  const { rows } = await db.query<Row>(
    `SELECT ${COLUMNS} FROM record WHERE kind = $1 ORDER BY updated_at, id`,
    [kind],
  );
  return rows.map(toRecord);
}

/** The policy with this number that covers `asOf`; without a date, the one that begins last. */
export async function findPolicy(
  db: Connection,
  policyNumber: string,
  asOf: string | null,
): Promise<PlatformRecord | null> {
  const { rows } = await db.query<Row>(
    `SELECT ${COLUMNS} FROM record
     WHERE kind = 'policy' AND state ->> 'policyNumber' = $1
       AND ($2::text IS NULL OR (coalesce(state ->> 'validFrom', $2) <= $2 AND coalesce(state ->> 'validTo', $2) >= $2))
     ORDER BY state ->> 'validFrom' DESC NULLS LAST, id LIMIT 1`,
    [policyNumber, asOf],
  );
  return rows[0] ? toRecord(rows[0]) : null;
}

function json(value: Revision | JsonObject): string {
  return JSON.stringify(value);
}

function toRecord(row: Row): PlatformRecord {
  const { kind, id, revision, state, digest } = row;
  return {
    kind,
    id,
    revision,
    state,
    digest,
    updatedAt: row.updated_at.toISOString(),
    eventId: row.event_id,
  };
}
