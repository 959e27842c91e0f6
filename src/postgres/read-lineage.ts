import type pg from 'pg';
import { HUB } from '../domain/event.ts';
import type { EntityKind } from '../domain/kind.ts';
import type { LineageEntry } from '../ports.ts';
import { uuidArray } from './binary-arrays.ts';
import { byRequestedId } from './read-stored.ts';

interface LineageRow extends LineageEntry {
  readonly entityId: string;
}

/** One statement for all entities; no bytes are read. What was sent again (`republish`) has made no state and is left
 *  out. Every entity asked for has a list, if an empty one. */
export async function readLineage(
  client: pg.ClientBase,
  kind: EntityKind,
  entityIds: readonly string[],
): Promise<ReadonlyMap<string, readonly LineageEntry[]>> {
  if (entityIds.length === 0) return new Map();
  const { rows } = await client.query<LineageRow>({
    name: 'read-lineage',
    text: `select e.entity_id as "entityId", e.event_id as "eventId", e.revision, encode(e.digest, 'hex') as digest,
                  r.origin = $3 as "byHub", e.author, date_part('epoch', e.occurred_at) * 1000 as "occurredAtMs",
                  e.outcome = 'applied' as accepted, r.source = 'api' as edit, e.bytes is null as pruned
             from event e join route r on r.id = e.route_id and r.kind = $1 and r.source <> 'republish'
            where e.entity_id = any($2::uuid[]) and e.outcome in ('applied', 'merged')
            order by e.sequence`,
    values: [kind.name, uuidArray(entityIds), HUB],
  });
  const lineages = Map.groupBy(rows, ({ entityId }) => entityId);
  return new Map(entityIds.map((id) => [id, (lineages.get(id.toLowerCase()) ?? []).map(toEntry)]));
}

function toEntry({ entityId: _, occurredAtMs, ...entry }: LineageRow): LineageEntry {
  return { ...entry, occurredAtMs: Math.round(occurredAtMs) };
}

export async function readStates(
  client: pg.ClientBase,
  eventIds: readonly string[],
): Promise<ReadonlyMap<string, { bytes: Buffer; schemaRef: number }>> {
  if (eventIds.length === 0) return new Map();
  const { rows } = await client.query<{ event_id: string; bytes: Buffer; schema_id: number }>({
    name: 'read-states',
    text: `select event_id, bytes, schema_id from event where event_id = any($1::uuid[]) and bytes is not null`,
    values: [uuidArray(eventIds)],
  });
  return byRequestedId(
    eventIds,
    rows,
    (row) => row.event_id,
    ({ bytes, schema_id: schemaRef }) => ({ bytes, schemaRef }),
  );
}
