import type pg from 'pg';
import type { EntityKind } from '../domain/kind.ts';
import type { Revision } from '../domain/revision.ts';
import type { IdempotencyRow, PartitionPosition, StoredEntity } from '../ports.ts';
import { jsonbArray, textArray, uuidArray } from './binary-arrays.ts';
import { quoteName } from './quote-name.ts';

/** The columns of a StoredEntity, for a table aliased `e`. */
export const STORED_COLUMNS = `e.id, e.provider, e.revision, encode(e.digest, 'hex') as digest, e.status,
  encode(e.seal, 'hex') as seal, e.created_by, e.erased_at is not null as erased, e.event_id,
  date_part('epoch', e.updated_at) * 1000 as updated_at_ms`;

/** A row of STORED_COLUMNS. */
export interface StoredRow {
  readonly id: string;
  readonly provider: string;
  readonly revision: Revision;
  readonly digest: string;
  readonly status: string | null;
  readonly seal: string | null;
  readonly created_by: string;
  readonly erased: boolean;
  readonly event_id: string;
  readonly updated_at_ms: number;
}

export function toStoredEntity(row: StoredRow): StoredEntity {
  const { id, provider, revision, digest, status, seal, erased } = row;
  const updatedAtMs = Math.round(row.updated_at_ms);
  return {
    id,
    provider,
    revision,
    digest,
    status,
    seal,
    createdBy: row.created_by,
    erased,
    eventId: row.event_id,
    updatedAtMs,
  };
}

/** No lock is taken: whoever writes compares the revision that was read (see write-entities.ts). */
export async function readEntities(
  client: pg.ClientBase,
  kind: EntityKind,
  ids: readonly string[],
): Promise<ReadonlyMap<string, StoredEntity>> {
  if (ids.length === 0) return new Map();
  const { rows } = await client.query<StoredRow>({
    name: `read-entities-${kind.name}`,
    text: `select ${STORED_COLUMNS} from ${quoteName(kind.name)} e where e.id = any($1::uuid[])`,
    values: [uuidArray(ids)],
  });
  return byRequestedId(ids, rows, (row) => row.id, toStoredEntity);
}

export async function readEvents(
  client: pg.ClientBase,
  eventIds: readonly string[],
): Promise<ReadonlyMap<string, { digest: string; origin: string; entityId: string }>> {
  if (eventIds.length === 0) return new Map();
  const { rows } = await client.query<{
    event_id: string;
    digest: string;
    origin: string;
    entity_id: string;
  }>({
    name: 'read-events',
    text: `select e.event_id, encode(e.digest, 'hex') as digest, r.origin, e.entity_id
             from event e join route r on r.id = e.route_id where e.event_id = any($1::uuid[])`,
    values: [uuidArray(eventIds)],
  });
  return byRequestedId(
    eventIds,
    rows,
    (row) => row.event_id,
    ({ digest, origin, entity_id: entityId }) => ({ digest, origin, entityId }),
  );
}

/** Erased and pruned rows count: their revision and digest stay. */
export async function readHistory(
  client: pg.ClientBase,
  kind: EntityKind,
  pairs: readonly { readonly entityId: string; readonly revision: Revision }[],
): Promise<readonly { entityId: string; revision: Revision; digest: string }[]> {
  if (pairs.length === 0) return [];
  const { rows } = await client.query<{ ordinal: string; digest: string }>({
    name: 'read-history',
    text: `select distinct p.ordinal, encode(e.digest, 'hex') as digest
             from unnest($2::uuid[], $3::jsonb[]) with ordinality as p (entity_id, revision, ordinal)
             join event e on e.entity_id = p.entity_id and e.revision = p.revision
             join route r on r.id = e.route_id and r.kind = $1`,
    values: [
      kind.name,
      uuidArray(pairs.map((pair) => pair.entityId)),
      jsonbArray(pairs.map((pair) => JSON.stringify(pair.revision))),
    ],
  });
  return rows.map((row) => {
    const { entityId, revision } = pairs[Number(row.ordinal) - 1]!;
    return { entityId, revision, digest: row.digest };
  });
}

export async function readBytes(
  client: pg.ClientBase,
  eventId: string,
): Promise<{ bytes: Buffer; schemaRef: number } | null> {
  const { rows } = await client.query<{ bytes: Buffer; schemaRef: number }>({
    name: 'read-bytes',
    text: `select bytes, schema_id as "schemaRef" from event where event_id = $1 and bytes is not null`,
    values: [eventId],
  });
  return rows[0] ?? null;
}

export async function readIdempotency(
  client: pg.ClientBase,
  keys: readonly Pick<IdempotencyRow, 'apiKeyId' | 'key'>[],
): Promise<readonly IdempotencyRow[]> {
  const { rows } = await client.query<IdempotencyRow>({
    name: 'read-idempotency',
    text: `select i.key, i.api_key_id as "apiKeyId", i.request_digest as "requestDigest", i.entity_id as "entityId",
                  i.event_id as "eventId"
             from idempotency i
             join unnest($1::uuid[], $2::text[]) as u (api_key_id, key) on i.api_key_id = u.api_key_id and i.key = u.key`,
    values: [uuidArray(keys.map((row) => row.apiKeyId)), textArray(keys.map((row) => row.key))],
  });
  return rows;
}

export async function readPosition(
  pool: pg.Pool,
  topic: string,
  partition: number,
): Promise<{ next: bigint; topicId: string } | null> {
  const { rows } = await pool.query<{ next_offset: string; topic_id: string }>({
    name: 'read-position',
    text: 'select next_offset, topic_id from applied_offset where topic = $1 and partition = $2',
    values: [topic, partition],
  });
  return rows[0] === undefined ? null : { next: BigInt(rows[0].next_offset), topicId: rows[0].topic_id };
}

export async function readPositions(
  pool: pg.Pool,
  topics: readonly string[],
): Promise<readonly (PartitionPosition & { readonly topicId: string })[]> {
  const { rows } = await pool.query<{
    topic: string;
    partition: number;
    next_offset: string;
    topic_id: string;
  }>({
    name: 'read-positions',
    text: 'select topic, partition, next_offset, topic_id from applied_offset where topic = any ($1)',
    values: [topics],
  });
  return rows.map(({ topic, partition, next_offset, topic_id }) => ({
    ...{ topic, partition, next: BigInt(next_offset), topicId: topic_id },
  }));
}

/** Keyed as asked: a UUID may arrive in capitals, and PostgreSQL answers in small letters. */
export function byRequestedId<Row, T>(
  ids: readonly string[],
  rows: readonly Row[],
  idOf: (row: Row) => string,
  read: (row: Row) => T,
): ReadonlyMap<string, T> {
  const found = new Map(rows.map((row) => [idOf(row), read(row)]));
  for (const id of ids) {
    const value = found.get(id.toLowerCase());
    if (value !== undefined) found.set(id, value);
  }
  return found;
}
