import type pg from 'pg';
import { HUB } from '../domain/event.ts';
import type { EntityKind } from '../domain/kind.ts';
import type { EditPosition, HubEditReader } from '../ports.ts';
import { quoteName } from './quote-name.ts';
import { translated } from './translate-error.ts';

export function createHubEditReader(deps: { readonly pool: pg.Pool }): HubEditReader {
  return { list: (kind, query) => translated(() => listHubEdits(deps.pool, kind, query)) };
}

/** In the order of the index on (updated_at, id). A transaction that commits late shows rows with a time before its
 *  commit: whoever walks stays behind now by more than a transaction lasts. */
async function listHubEdits(
  pool: pg.Pool,
  kind: EntityKind,
  query: Parameters<HubEditReader['list']>[1],
): Promise<readonly EditPosition[]> {
  const { provider, after, untilMs, allUntilMs, limit } = query;
  const { rows } = await pool.query<{ id: string; updated_at: Date }>({
    name: `list-hub-edits-${kind.name}`,
    text: `select e.id, e.updated_at
             from ${quoteName(kind.name)} e
             join event v on v.event_id = e.event_id
             join route r on r.id = v.route_id
            where e.provider = $1 and e.erased_at is null and (r.origin = $2 or e.updated_at < $3)
              and (e.updated_at, e.id) > ($4, $5::uuid) and e.updated_at < $6
            order by e.updated_at, e.id limit $7`,
    values: [
      provider,
      HUB,
      new Date(allUntilMs),
      new Date(after.updatedAtMs),
      after.id,
      new Date(untilMs),
      limit,
    ],
  });
  return rows.map(({ id, updated_at }) => ({ id, updatedAtMs: updated_at.getTime() }));
}
