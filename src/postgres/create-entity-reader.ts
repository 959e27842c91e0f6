import type pg from 'pg';
import type { EntityKind } from '../domain/kind.ts';
import type { Revision } from '../domain/revision.ts';
import type { EntityReader, EntityView } from '../ports.ts';
import { joinReads } from '../runtime/join-reads.ts';
import { uuidArray } from './binary-arrays.ts';
import { toEntityView, viewColumns } from './entity-view.ts';
import type { ViewRow } from './entity-view.ts';
import { listEntities } from './list-entities.ts';
import { quoteName } from './quote-name.ts';
import { readHistoryOf } from './read-history-of.ts';
import { byRequestedId } from './read-stored.ts';
import { isUuid } from './storable.ts';
import { translated } from './translate-error.ts';

/** Reads for people, each one statement outside any transaction; entities that are looked for at the same time share one,
 *  which begins after all of them were asked for. An id that is no UUID is the id of nothing. */
export function createEntityReader(deps: { readonly pool: pg.Pool }): EntityReader {
  const { pool } = deps;
  const finders = new Map<string, ReturnType<typeof createFinder>>();
  const finderOf = (kind: EntityKind) => {
    const finder = finders.get(kind.name) ?? createFinder(pool, kind);
    finders.set(kind.name, finder);
    return finder;
  };
  return {
    find: async (kind, id) => (isUuid(id) ? finderOf(kind)(id) : null),
    list: (kind, query) => translated(() => listEntities(pool, kind, query)),
    history: async (kind, id, before, limit) =>
      isUuid(id) ? translated(() => readHistoryOf(pool, [kind.name], id, before, limit)) : [],
    findRevision: async (kind, id, revision) =>
      isUuid(id) ? translated(() => findRevision(pool, kind, id, revision)) : null,
  };
}

function createFinder(pool: pg.Pool, kind: EntityKind): (id: string) => Promise<EntityView | null> {
  const statement = {
    name: `find-${kind.name}`,
    text: `select ${viewColumns(kind)} from ${quoteName(kind.name)} e join event v on v.event_id = e.event_id
            where e.id = any($1::uuid[])`,
  };
  return joinReads((ids) =>
    translated(async () => {
      const { rows } = await pool.query<ViewRow>({ ...statement, values: [uuidArray(ids)] });
      return byRequestedId(
        ids,
        rows,
        (row) => row.id,
        (row) => toEntityView(kind, row),
      );
    }),
  );
}

/** Where a revision stands more than once (a repeated event, a counter used again), the one that made a state. */
async function findRevision(
  pool: pg.Pool,
  kind: EntityKind,
  id: string,
  revision: Revision,
): Promise<{ bytes: Buffer; schemaRef: number } | null> {
  const { rows } = await pool.query<{ bytes: Buffer; schemaRef: number }>({
    name: 'find-revision',
    text: `select e.bytes, e.schema_id as "schemaRef"
             from event e join route r on r.id = e.route_id and r.kind = $1
            where e.entity_id = $2 and e.revision = $3 and e.bytes is not null
            order by e.outcome not in ('applied', 'merged'), e.sequence desc limit 1`,
    values: [kind.name, id, JSON.stringify(revision)],
  });
  return rows[0] ?? null;
}
