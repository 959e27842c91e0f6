import type pg from 'pg';
import { MovedError } from '../domain/errors.ts';
import type { UnmovedEntity } from '../ports.ts';
import { allInOrder } from '../runtime/all-in-order.ts';
import { jsonbArray, uuidArray } from './binary-arrays.ts';
import { quoteName } from './quote-name.ts';

/** Locks the rows, kinds by name and rows by id, until the transaction ends, and throws MovedError `entity` when one of
 *  them no longer has the revision that was read. */
export async function holdEntities(client: pg.ClientBase, unmoved: readonly UnmovedEntity[]): Promise<void> {
  const byKind = Map.groupBy(unmoved, ({ kind }) => kind.name);
  const names = [...byKind.keys()].sort();
  await allInOrder(names.map((name) => holdKind(client, name, byKind.get(name)!)));
}

/** A row that another transaction holds is waited for and compared as that one left it: `for no key update` reads the
 *  newest version. A row that moved is not returned, and so shows in the count. */
async function holdKind(client: pg.ClientBase, name: string, rows: readonly UnmovedEntity[]): Promise<void> {
  const { rowCount } = await client.query({
    name: `hold-${name}`,
    text: `select e.id from ${quoteName(name)} e
             join unnest($1::uuid[], $2::jsonb[]) as u (id, revision) on e.id = u.id and e.revision = u.revision
            order by e.id for no key update of e`,
    values: [
      uuidArray(rows.map(({ id }) => id)),
      jsonbArray(rows.map(({ revision }) => JSON.stringify(revision))),
    ],
  });
  if (rowCount !== rows.length) throw new MovedError('entity', `a ${name} has moved since it was read`);
}
