import type pg from 'pg';
import { HUB } from '../domain/event.ts';
import type { EntityKind } from '../domain/kind.ts';
import type { HeldEvent } from '../domain/prunable-states.ts';
import type { Revision } from '../domain/revision.ts';
import type { EntityHistory, HistoryPruner } from '../ports.ts';
import { uuidArray } from './binary-arrays.ts';
import { quoteName } from './quote-name.ts';
import { translated } from './translate-error.ts';

/** Pruning on PostgreSQL, outside any transaction of the bridge's other work. */
export function createHistoryPruner(deps: { readonly pool: pg.Pool }): HistoryPruner {
  const { pool } = deps;
  return {
    readHistories: (kind, after, limit) => translated(() => readHistories(pool, kind, after, limit)),
    emptyBytes: (kind, eventIds) => translated(() => emptyBytes(pool, kind, eventIds)),
  };
}

interface HeldRow {
  readonly entity_id: string;
  readonly present_event_id: string;
  /** Null for an entity without events to prune, and so is everything below. */
  readonly event_id: string | null;
  readonly revision: Revision;
  readonly received: boolean;
  readonly is_state: boolean;
  readonly waiting: boolean;
  readonly recorded_at_ms: number;
}

/** Of a sealed entity nothing is pruned: a merge has to know what was sealed, however long ago. An event shared with other insurers has a kind of its own: it is none of the entity's history. What is read here was
 *  committed; an event that is being written meanwhile can only be newer than all of it. */
async function readHistories(
  pool: pg.Pool,
  kind: EntityKind,
  after: string | null,
  limit: number,
): Promise<readonly EntityHistory[]> {
  const { rows } = await pool.query<HeldRow>({
    name: `read-histories-${kind.name}`,
    text: `with page as (
             select id, event_id, erased_at, seal from ${quoteName(kind.name)}
              where $2::uuid is null or id > $2 order by id limit $3
           )
           select p.id as entity_id, p.event_id as present_event_id, h.*
             from page p
             left join lateral (
               select e.sequence, e.event_id, e.revision,
                      r.source in ('topic', 'pull') and r.origin <> $4 as received,
                      e.outcome in ('applied', 'merged') as is_state,
                      e.event_id in (select o.event_id from outbox o) as waiting,
                      date_part('epoch', e.recorded_at) * 1000 as recorded_at_ms
                 from event e join route r on r.id = e.route_id and r.kind = $1
                where e.entity_id = p.id and e.bytes is not null and p.erased_at is null and p.seal is null
             ) h on true
            order by p.id, h.sequence`,
    values: [kind.name, after, limit, HUB],
  });
  return [...Map.groupBy(rows, (row) => row.entity_id)].map(([entityId, ofEntity]) => ({
    entityId,
    presentEventId: ofEntity[0]!.present_event_id,
    events: ofEntity.flatMap((row) => (row.event_id === null ? [] : [toHeldEvent(row, row.event_id)])),
  }));
}

function toHeldEvent(row: HeldRow, eventId: string): HeldEvent {
  const { revision, received, is_state: isState, waiting } = row;
  return { eventId, revision, received, isState, waiting, recordedAtMs: Math.round(row.recorded_at_ms) };
}

/** The table's trigger lets nothing but bytes change. Rows are locked in the order of their sequence, and one that is
 *  locked is left to whoever has it, so that two replicas neither wait for each other nor in a circle. */
async function emptyBytes(pool: pg.Pool, kind: EntityKind, eventIds: readonly string[]): Promise<number> {
  const { rowCount } = await pool.query({
    name: `empty-bytes-${kind.name}`,
    text: `with due as (
             select e.sequence from event e
              where e.event_id = any($1::uuid[]) and e.bytes is not null
                and e.event_id not in (select o.event_id from outbox o)
                and not exists (select from ${quoteName(kind.name)} s where s.id = e.entity_id and s.event_id = e.event_id)
              order by e.sequence for no key update skip locked
           )
           update event e set bytes = null from due where e.sequence = due.sequence`,
    values: [uuidArray(eventIds)],
  });
  return rowCount ?? 0;
}
