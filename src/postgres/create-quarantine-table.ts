import type pg from 'pg';
import type {
  AuditEntry,
  QuarantinedRecord,
  QuarantineEntry,
  QuarantineFilter,
  QuarantineGroup,
  QuarantineRow,
  QuarantineTable,
} from '../ports.ts';
import { inTransaction } from './in-transaction.ts';
import { findEdit, listEdits, propose, reject } from './quarantine-edits.ts';
import { isRowId, storableText } from './storable.ts';
import { translated } from './translate-error.ts';
import { insertAudit } from './write-audit.ts';

/** Implements QuarantineTable (see its promises). */
export function createQuarantineTable(deps: { readonly pool: pg.Pool }): QuarantineTable {
  const { pool } = deps;
  return {
    groups: (filter) => translated(() => readGroups(pool, filter)),
    list: (query) => translated(() => list(pool, query)),
    read: (ids) => translated(() => read(pool, ids.filter(isRowId))),
    discard: (ids, by, reason, audit) =>
      translated(() =>
        inTransaction(pool, (client) => discard(client, ids.filter(isRowId), by, reason, audit)),
      ),
    propose: (edit, audit) => translated(() => inTransaction(pool, (client) => propose(client, edit, audit))),
    reject: (id, by, reason, audit) =>
      translated(() => inTransaction(pool, (client) => reject(client, id, by, reason, audit))),
    findEdit: async (id) => (isRowId(id) ? translated(() => findEdit(pool, id)) : null),
    edits: (filter) => translated(() => listEdits(pool, filter)),
    note: (entry) => translated(() => inTransaction(pool, (client) => insertAudit(client, [entry]))),
    expire: (settledBeforeMs, limit) => translated(() => expire(pool, settledBeforeMs, limit)),
  };
}

/** The condition for a filter, with its values appended to `values`. */
function conditionsOf(filter: QuarantineFilter, values: unknown[]): string[] {
  const columns = { cause: 'code', topic: 'topic', provider: 'provider' } as const;
  return Object.entries(columns).flatMap(([name, column]) => {
    const value = filter[name as keyof typeof columns];
    return value === null ? [] : [`${column} = $${values.push(value)}`];
  });
}

async function readGroups(pool: pg.Pool, filter: QuarantineFilter): Promise<readonly QuarantineGroup[]> {
  const values: unknown[] = [];
  const { rows } = await pool.query<QuarantineGroup>(
    `select code, topic, provider, count(*)::int as count, sum(attempts)::int as attempts,
            (date_part('epoch', min(first_seen)) * 1000)::float8 as "oldestMs",
            (date_part('epoch', max(last_seen)) * 1000)::float8 as "newestMs"
       from quarantine where ${['settled_at is null', ...conditionsOf(filter, values)].join(' and ')}
      group by code, topic, provider order by min(first_seen), code, topic`,
    values,
  );
  return rows;
}

interface Row extends QuarantineRow {
  readonly id: string;
  /** PostgreSQL's bigint, as `pg` reads it. */
  readonly rawOffset: string | null;
  readonly rawSchemaId: string | null;
  readonly keyBytes: number | null;
  readonly valueBytes: number | null;
  readonly attempts: number;
  readonly firstSeen: Date;
  readonly lastSeen: Date;
  readonly settledAt: Date | null;
  readonly how: NonNullable<QuarantineEntry['settled']>['how'];
  readonly by: string | null;
  readonly reason: string | null;
}

const COLUMNS = `id, provider, topic, kafka_partition as partition, kafka_offset as "rawOffset", code, cause,
  schema_id as "rawSchemaId", event_id as "eventId", revision, kind, entity_id as "entityId", length(key) as "keyBytes",
  length(value) as "valueBytes", attempts, first_seen as "firstSeen", last_seen as "lastSeen", settled_at as "settledAt",
  settled_how as how, settled_by as by, settled_reason as reason`;

/** Without the bytes, which may be a megabyte each. */
async function list(
  pool: pg.Pool,
  query: Parameters<QuarantineTable['list']>[0],
): Promise<readonly QuarantineEntry[]> {
  const { settled, after, limit } = query;
  if (after !== null && !isRowId(after)) return [];
  const values: unknown[] = [];
  const conditions = conditionsOf(query, values);
  if (settled !== null) conditions.push(`settled_at is ${settled ? 'not ' : ''}null`);
  if (after !== null) conditions.push(`id > $${values.push(after)}::bigint`);
  const where = conditions.length === 0 ? '' : `where ${conditions.join(' and ')}`;
  const { rows } = await pool.query<Row>(
    `select ${COLUMNS} from quarantine ${where} order by id limit $${values.push(limit)}`,
    values,
  );
  return rows.map(toEntry);
}

async function read(pool: pg.Pool, ids: readonly string[]): Promise<readonly QuarantinedRecord[]> {
  const { rows } = await pool.query<Row>({
    name: 'read-quarantine',
    text: `select ${COLUMNS}, key, value, headers from quarantine where id = any($1::bigint[])
            order by topic, kafka_partition, kafka_offset, id`,
    values: [ids],
  });
  return rows.map((row) => {
    const { key, value, headers } = row;
    return { ...toEntry(row), key, value, headers };
  });
}

async function discard(
  client: pg.ClientBase,
  ids: readonly string[],
  by: string,
  reason: string,
  audit: (id: string) => AuditEntry,
): Promise<readonly string[]> {
  const { rows } = await client.query<{ id: string }>({
    name: 'discard-quarantine',
    text: `with held as (
             select id from quarantine where id = any($1::bigint[]) and settled_at is null order by fingerprint for update
           )
           update quarantine q
              set settled_at = now(), settled_how = 'discarded', settled_by = $2, settled_reason = $3
             from held where q.id = held.id returning q.id`,
    values: [ids, storableText(by), storableText(reason)],
  });
  const discarded = rows.map(({ id }) => id);
  await client.query({
    name: 'reject-edits-of-discarded',
    text: `update quarantine_edit
              set status = 'rejected', decided_at = now(), decided_by = $2, decided_reason = 'The record was discarded.'
            where quarantine_id = any($1::bigint[]) and status = 'waiting'`,
    values: [discarded, storableText(by)],
  });
  await insertAudit(client, discarded.map(audit));
  return discarded;
}

/** Rows that another replica is deleting are left to it. */
async function expire(pool: pg.Pool, settledBeforeMs: number, limit: number): Promise<number> {
  const { rowCount } = await pool.query({
    name: 'expire-quarantine',
    text: `with due as (
             select id from quarantine where settled_at < $1 order by settled_at limit $2 for update skip locked
           ), edits as (
             delete from quarantine_edit where quarantine_id in (select id from due)
           )
           delete from quarantine where id in (select id from due)`,
    values: [new Date(settledBeforeMs), limit],
  });
  return rowCount ?? 0;
}

function toEntry(row: Row): QuarantineEntry {
  const { id, provider, topic, partition, code, cause, eventId, revision, kind, entityId } = row;
  const { keyBytes, valueBytes, attempts, settledAt, how, by, reason } = row;
  return {
    ...{
      id,
      provider,
      topic,
      partition,
      code,
      cause,
      eventId,
      revision,
      kind,
      entityId,
      keyBytes,
      valueBytes,
      attempts,
    },
    offset: row.rawOffset === null ? null : BigInt(row.rawOffset),
    schemaId: row.rawSchemaId === null ? null : Number(row.rawSchemaId),
    firstSeenMs: row.firstSeen.getTime(),
    lastSeenMs: row.lastSeen.getTime(),
    settled: settledAt === null ? null : { atMs: settledAt.getTime(), how, by, reason },
  };
}
