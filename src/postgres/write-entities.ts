import type pg from 'pg';
import { MovedError } from '../domain/errors.ts';
import type { EntityKind } from '../domain/kind.ts';
import type { EntityWrite } from '../ports.ts';
import { allInOrder } from '../runtime/all-in-order.ts';
import { digestArray, jsonbArray, textArray, uuidArray } from './binary-arrays.ts';
import { quoteName } from './quote-name.ts';
import { storableJson } from './storable.ts';

/** Writes entity rows, one statement per kind, and throws MovedError `entity` when any of them is no longer as read. */
export async function writeEntities(client: pg.ClientBase, writes: readonly EntityWrite[]): Promise<void> {
  const byKind = Map.groupBy(writes, (write) => write.kind);
  // Kinds by name and rows by id: every transaction takes its row locks in one order, so none waits in a circle.
  const kinds = [...byKind.keys()].sort((a, b) => (a.name < b.name ? -1 : 1));
  await allInOrder(
    kinds.map((kind) => {
      const ofKind = byKind.get(kind)!.toSorted((a, b) => (a.entity.id < b.entity.id ? -1 : 1));
      return writeKind(client, kind, ofKind);
    }),
  );
}

/** The compare-and-set. A first write inserts; any other finds its row, waits for a transaction that holds it, and
 *  updates only a row whose revision is still the one that this write replaces: a first write replaces null, which
 *  equals nothing. So a row that moved, or appeared, or is missing, shows as a count that differs from what was meant.
 *  One `insert` does it all because it takes its rows, and so their locks, in the order given; an `update … from` has
 *  no order. `xmax = 0` holds for a row that was inserted. */
async function writeKind(
  client: pg.ClientBase,
  kind: EntityKind,
  writes: readonly EntityWrite[],
): Promise<void> {
  const { rows } = await client.query<{ written: number; inserted: number }>({
    name: `write-entities-${kind.name}`,
    text: statementOf(kind),
    values: [
      uuidArray(writes.map(({ entity }) => entity.id)),
      uuidArray(writes.map(({ entity }) => entity.eventId)),
      textArray(writes.map(({ entity }) => (entity.erased ? 'erased' : null))),
      digestArray(writes.map(({ entity }) => entity.digest)),
      digestArray(writes.map(({ entity }) => entity.seal)),
      textArray(writes.map(({ entity }) => entity.provider)),
      textArray(writes.map(({ entity }) => entity.createdBy)),
      textArray(writes.map(({ entity }) => entity.status)),
      jsonbArray(writes.map(({ entity }) => JSON.stringify(entity.revision))),
      jsonbArray(writes.map(({ expected }) => (expected === null ? null : JSON.stringify(expected)))),
      jsonbArray(writes.map(({ violations }) => (violations.length === 0 ? null : storableJson(violations)))),
      ...kind.columns.map((column) =>
        textArray(
          writes.map(({ state }) => {
            const value = column.value(state);
            return value === null ? null : String(value);
          }),
        ),
      ),
    ],
  });
  const firsts = writes.filter(({ expected }) => expected === null).length;
  if (rows[0]?.written !== writes.length || rows[0].inserted !== firsts) {
    throw new MovedError('entity', `a ${kind.name} has moved since it was read`);
  }
}

const BASE: readonly (readonly [column: string, type: string, stored?: string])[] = [
  ['id', 'uuid'],
  ['event_id', 'uuid'],
  ['erased_at', 'text', 'case when u.erased_at is not null then now() end'],
  ['digest', 'bytea'],
  ['seal', 'bytea'],
  ['provider', 'text'],
  ['created_by', 'text'],
  ['status', 'text'],
  ['revision', 'jsonb'],
  ['replaced_revision', 'jsonb'],
  ['violations', 'jsonb'],
];

const statements = new WeakMap<EntityKind, string>();

function statementOf(kind: EntityKind): string {
  let statement = statements.get(kind);
  if (statement === undefined) statements.set(kind, (statement = composeStatement(kind)));
  return statement;
}

function composeStatement(kind: EntityKind): string {
  const table = quoteName(kind.name);
  const own = kind.columns.map(({ name, type }): readonly [string, string, string] => {
    return [quoteName(name), 'text', `u.${quoteName(name)}::${type}`];
  });
  const columns = [...BASE, ...own];
  const names = columns.map(([name]) => name);
  const updated = names
    .filter((name) => name !== 'id' && name !== 'erased_at')
    .map((name) => `${name} = excluded.${name}`);
  return `with written as (
    insert into ${table} as stored (${names.join(', ')}, updated_at)
    select ${columns.map(([name, , stored]) => stored ?? `u.${name}`).join(', ')}, now()
      from unnest(${columns.map(([, type], index) => `$${index + 1}::${type}[]`).join(', ')}) as u (${names.join(', ')})
    on conflict (id) do update set ${updated.join(', ')}, updated_at = excluded.updated_at,
      erased_at = case when excluded.erased_at is not null then coalesce(stored.erased_at, excluded.erased_at) end
      where stored.revision = excluded.replaced_revision
    returning (stored.xmax = 0) as inserted
  )
  select count(*)::int as written, (count(*) filter (where inserted))::int as inserted from written`;
}
