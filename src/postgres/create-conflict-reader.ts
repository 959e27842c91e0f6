import type pg from 'pg';
import type { Json } from '../domain/json.ts';
import type { Conflict, ConflictQuery, ConflictReader } from '../ports.ts';
import { isRowId, isUuid } from './storable.ts';
import { translated } from './translate-error.ts';

/** Conflicts for people, each read one statement outside any transaction. An id that no conflict can have is the id of
 *  nothing. */
export function createConflictReader(deps: { readonly pool: pg.Pool }): ConflictReader {
  const { pool } = deps;
  return {
    find: async (id) => (isRowId(id) ? translated(() => find(pool, id)) : null),
    list: (query) => translated(() => list(pool, query)),
  };
}

interface Row extends Omit<Conflict, 'openedAtMs' | 'settledAtMs' | 'oursAtMs' | 'theirsAtMs'> {
  readonly base: Json;
  readonly openedAt: Date;
  readonly settledAt: Date | null;
  readonly oursAt: Date;
  readonly theirsAt: Date;
}

const COLUMNS = `id, status, kind, entity_id as "entityId", provider, atom, event_id as "eventId", base, ours, theirs,
  stands, code, severity, ours_author as "oursAuthor", theirs_author as "theirsAuthor", ours_at as "oursAt",
  theirs_at as "theirsAt", joined, opened_at as "openedAt", settled_at as "settledAt", settled_by as "settledBy",
  settling_event_id as "settlingEventId",
  settled_reason as "settledReason"`;

async function find(pool: pg.Pool, id: string): Promise<Conflict | null> {
  const { rows } = await pool.query<Row>({
    name: 'find-conflict',
    text: `select ${COLUMNS} from conflict where id = $1`,
    values: [id],
  });
  return rows[0] === undefined ? null : toConflict(rows[0]);
}

async function list(pool: pg.Pool, query: ConflictQuery): Promise<readonly Conflict[]> {
  const { providers, status, severity, kind, entityId, after, limit } = query;
  if (entityId !== null && !isUuid(entityId)) return [];
  if (after !== null && !isRowId(after)) return [];
  const values: unknown[] = [];
  const bind = (value: unknown) => `$${values.push(value)}`;
  const conditions: string[] = [];
  if (providers !== null) conditions.push(`provider = any(${bind(providers)})`);
  if (status !== null) conditions.push(`status = ${bind(status)}`);
  if (severity !== null) conditions.push(`severity = ${bind(severity)}`);
  if (kind !== null) conditions.push(`kind = ${bind(kind)}`);
  if (entityId !== null) conditions.push(`entity_id = ${bind(entityId)}`);
  if (after !== null) conditions.push(`id > ${bind(after)}::bigint`);
  const where = conditions.length === 0 ? '' : `where ${conditions.join(' and ')}`;
  const { rows } = await pool.query<Row>(
    `select ${COLUMNS} from conflict ${where} order by id limit ${bind(limit)}`,
    values,
  );
  return rows.map(toConflict);
}

function toConflict({ openedAt, settledAt, oursAt, theirsAt, ...row }: Row): Conflict {
  return {
    ...row,
    openedAtMs: openedAt.getTime(),
    settledAtMs: settledAt?.getTime() ?? null,
    oursAtMs: oursAt.getTime(),
    theirsAtMs: theirsAt.getTime(),
  };
}
