import type pg from 'pg';
import type { EntityKind } from '../domain/kind.ts';
import type { EntityView, ListQuery } from '../ports.ts';
import type { ViewRow } from './entity-view.ts';
import { toEntityView, viewColumns } from './entity-view.ts';
import { quoteName } from './quote-name.ts';

/** One page by (updatedAt, id), oldest first. A row that is being written while the page is read may appear behind the
 *  cursor: who must miss nothing asks again from a little earlier. Throws TypeError for a filter that the kind lacks. */
export async function listEntities(
  pool: pg.Pool,
  kind: EntityKind,
  query: ListQuery,
): Promise<readonly EntityView[]> {
  const values: unknown[] = [];
  const bind = (value: unknown) => `$${values.push(value)}`;
  const conditions: string[] = [];

  if (query.providers !== null) conditions.push(`e.provider = any(${bind(query.providers)})`);
  for (const [name, value] of Object.entries(query.filters)) {
    conditions.push(matches(kind, name, bind(value)));
  }
  if (query.updatedSinceMs !== null) {
    conditions.push(`e.updated_at >= ${bind(new Date(query.updatedSinceMs))}::timestamptz`);
  }
  if (query.after !== null) {
    const after = [bind(new Date(query.after.updatedAtMs)), bind(query.after.id)];
    conditions.push(`(e.updated_at, e.id) > (${after[0]}::timestamptz, ${after[1]}::uuid)`);
  }

  const where = conditions.length === 0 ? '' : `where ${conditions.join(' and ')}`;
  const { rows } = await pool.query<ViewRow>(
    `select ${viewColumns(kind)} from ${quoteName(kind.name)} e join event v on v.event_id = e.event_id
     ${where} order by e.updated_at, e.id limit ${bind(query.limit)}`,
    values,
  );
  return rows.map((row) => toEntityView(kind, row));
}

/** `provider` and `status` stand in every kind's table and need no filter of the kind's own. */
function matches(kind: EntityKind, name: string, parameter: string): string {
  const columns = kind.filters[name]?.columns ?? (['provider', 'status'].includes(name) ? [name] : []);
  if (columns.length === 0) throw new TypeError(`${kind.name} has no filter ${name}`);
  const equal = columns.map((column) => `e.${quoteName(column)} = ${parameter}${castOf(kind, column)}`);
  return `(${equal.join(' or ')})`;
}

function castOf(kind: EntityKind, column: string): string {
  return `::${kind.columns.find(({ name }) => name === column)?.type ?? 'text'}`;
}
