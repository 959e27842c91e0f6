import type pg from 'pg';
import type { ExplainedEntity } from '../domain/explanation.ts';
import type { EntityKind } from '../domain/kind.ts';
import { quoteName, quoteText } from './quote-name.ts';

/** By id, in the tables of all kinds at once. */
export async function findEntities(
  pool: pg.Pool,
  kinds: readonly EntityKind[],
  id: string,
): Promise<readonly ExplainedEntity[]> {
  if (kinds.length === 0) return [];
  const selects = kinds.map((kind) => `${selectOf(kind)} where id = $1`);
  const { rows } = await pool.query<ExplainedEntity>(selects.join(' union all '), [id]);
  return rows;
}

/** A branch per kind, filter and column, so that each is one index probe; nothing is sorted. */
export async function findByReference(
  pool: pg.Pool,
  kinds: readonly EntityKind[],
  text: string,
  limit: number,
): Promise<readonly ExplainedEntity[]> {
  const values: string[] = [];
  const selects = kinds.flatMap((kind) =>
    referencesOf(kind).flatMap(({ columns, normalize }) => {
      const value = normalize === undefined ? text : normalize(text);
      if (value === '') return [];
      const parameter = `$${values.push(value)}`;
      return columns.map(
        (column) => `(${selectOf(kind)} where ${quoteName(column)} = ${parameter} limit ${limit})`,
      );
    }),
  );
  if (selects.length === 0) return [];
  const { rows } = await pool.query<ExplainedEntity>(`${selects.join(' union ')} limit ${limit}`, values);
  return rows;
}

/** What names an entity outside: text columns that have an index, which `result` of a verification has not. */
function referencesOf(kind: EntityKind) {
  return ['reference', 'policy', 'vin', 'plate'].flatMap((name) => {
    const filter = kind.filters[name];
    return filter === undefined ? [] : [filter];
  });
}

function selectOf(kind: EntityKind): string {
  return `select ${quoteText(kind.name)} as kind, id::text, provider, revision, status, erased_at is not null as erased,
    round(date_part('epoch', updated_at) * 1000) as "updatedAtMs" from ${quoteName(kind.name)}`;
}
