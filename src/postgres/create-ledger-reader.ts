import type pg from 'pg';
import type { DeliveryView, FlagView, LedgerReader, ParkedView, QuarantineView } from '../ports.ts';
import { findByReference, findEntities } from './find-explained.ts';
import { readHistoryOf } from './read-history-of.ts';
import { isUuid } from './storable.ts';
import { translated } from './translate-error.ts';

/** The ledger on PostgreSQL, each read one statement. An id that is no UUID is the id of nothing. */
export function createLedgerReader(deps: { readonly pool: pg.Pool }): LedgerReader {
  const { pool } = deps;
  return {
    findEntities: async (kinds, id) => (isUuid(id) ? translated(() => findEntities(pool, kinds, id)) : []),
    findByReference: (kinds, text, limit) => translated(() => findByReference(pool, kinds, text, limit)),
    findEvent: async (eventId) => (isUuid(eventId) ? translated(() => findEvent(pool, eventId)) : null),
    findEventAt: ({ topic, partition, offset }) =>
      translated(() => findEventAt(pool, topic, partition, offset)),
    events: async (kinds, entityId, limit) =>
      isUuid(entityId) ? translated(() => readHistoryOf(pool, kinds, entityId, null, limit)) : [],
    deliveries: (eventIds) => translated(() => readDeliveries(pool, eventIds)),
    parked: (eventIds) => translated(() => readParked(pool, eventIds)),
    flags: (kind, entityId) => translated(() => readFlags(pool, kind, entityId)),
    quarantined: (by, limit) => translated(() => readQuarantined(pool, by, limit)),
    appliedTo: (topic, partition) => translated(() => readApplied(pool, topic, partition)),
  };
}

async function findEvent(pool: pg.Pool, eventId: string) {
  const { rows } = await pool.query<{ kind: string; entityId: string; provider: string }>({
    name: 'explain-event',
    text: `select r.kind, e.entity_id as "entityId", r.provider
             from event e join route r on r.id = e.route_id where e.event_id = $1`,
    values: [eventId],
  });
  return rows[0] ?? null;
}

/** The two expressions are those of the indexes, character for character, or the planner can't use them; what they find
 *  is compared again, since a Bloom filter also lets others through. */
async function findEventAt(
  pool: pg.Pool,
  topic: string,
  partition: number,
  offset: bigint,
): Promise<string | null> {
  if (!fits(partition, offset)) return null;
  const { rows: routes } = await pool.query<{ id: number }>({
    name: 'explain-routes',
    text: `select id from route where topic = $1 and source = 'topic'`,
    values: [topic],
  });
  const values = [partition, offset];
  const found: string[] = [];
  for (const { id } of routes) {
    const { rows } = await pool.query<{ event_id: string }>(
      `select event_id from event
        where ((route_id::bigint << 48) # (kafka_partition::bigint << 40) # kafka_offset)
              = ((${id}::bigint << 48) # ($1::bigint << 40) # $2::bigint)
          and route_id = ${id} and kafka_partition = $1::int and kafka_offset = $2::bigint
        order by sequence desc limit 1`,
      values,
    );
    found.push(...rows.map((row) => row.event_id));
  }
  if (found.length > 0) return found.at(-1)!;
  const { rows } = await pool.query<{ event_id: string }>(
    `select event_id from delivery
      where (hashtextextended(topic, 0) # (kafka_partition::bigint << 40) # kafka_offset)
            = (hashtextextended($3::text, 0) # ($1::bigint << 40) # $2::bigint)
        and topic = $3 and kafka_partition = $1::int and kafka_offset = $2::bigint
      order by id desc limit 1`,
    [...values, topic],
  );
  return rows[0]?.event_id ?? null;
}

async function readDeliveries(pool: pg.Pool, eventIds: readonly string[]): Promise<readonly DeliveryView[]> {
  const { rows } = await pool.query<DeliveryView & { offset: string; atMs: number }>({
    name: 'explain-deliveries',
    text: `select event_id as "eventId", topic, kafka_partition as partition, kafka_offset as offset, outcome::text,
                  date_part('epoch', at) * 1000 as "atMs"
             from delivery where event_id = any($1::uuid[]) order by id`,
    values: [eventIds],
  });
  return rows.map((row) => ({ ...row, offset: BigInt(row.offset), atMs: Math.round(row.atMs) }));
}

async function readParked(pool: pg.Pool, eventIds: readonly string[]): Promise<readonly ParkedView[]> {
  const { rows } = await pool.query<ParkedView>({
    name: 'explain-parked',
    text: `select event_id as "eventId", round(date_part('epoch', parked_at) * 1000) as "atMs",
                  parked_code as code, parked_cause as cause
             from outbox where parked_at is not null and event_id = any($1::uuid[])`,
    values: [eventIds],
  });
  return rows;
}

async function readFlags(pool: pg.Pool, kind: string, entityId: string): Promise<readonly FlagView[]> {
  const { rows } = await pool.query<FlagView>({
    name: 'explain-flags',
    text: `select kind, entity_id as "entityId", provider, code, event_id as "eventId",
                  round(date_part('epoch', raised_at) * 1000) as "raisedAtMs",
                  round(date_part('epoch', cleared_at) * 1000) as "clearedAtMs"
             from entity_flag where entity_id = $1 and kind = $2 order by id`,
    values: [entityId, kind],
  });
  return rows;
}

async function readQuarantined(
  pool: pg.Pool,
  by: Parameters<LedgerReader['quarantined']>[0],
  limit: number,
): Promise<readonly QuarantineView[]> {
  const [condition, values] = conditionOf(by);
  if (condition === null) return [];
  const { rows } = await pool.query<QuarantineView & { offset: string | null }>(
    `select id, code, cause, topic, kafka_partition as partition, kafka_offset as offset, provider,
            event_id as "eventId", kind, entity_id as "entityId", attempts,
            round(date_part('epoch', first_seen) * 1000) as "firstSeenMs",
            round(date_part('epoch', settled_at) * 1000) as "settledAtMs", settled_how as "settledHow"
       from quarantine where ${condition} order by id desc limit ${limit}`,
    values,
  );
  return rows.map((row) => ({ ...row, offset: row.offset === null ? null : BigInt(row.offset) }));
}

function conditionOf(by: Parameters<LedgerReader['quarantined']>[0]): readonly [string | null, unknown[]] {
  if ('entityId' in by) return ['entity_id = $1', [by.entityId]];
  if ('eventId' in by) return ['event_id = $1', [by.eventId]];
  const { topic, partition, offset } = by.position;
  if (!fits(partition, offset)) return [null, []];
  return ['topic = $1 and kafka_partition = $2 and kafka_offset = $3', [topic, partition, offset]];
}

async function readApplied(pool: pg.Pool, topic: string, partition: number): Promise<bigint | null> {
  if (!fits(partition, 0n)) return null;
  const { rows } = await pool.query<{ next: string }>({
    name: 'explain-applied',
    text: 'select next_offset as next from applied_offset where topic = $1 and partition = $2',
    values: [topic, partition],
  });
  return rows[0] === undefined ? null : BigInt(rows[0].next);
}

/** What Kafka's own types can hold. */
function fits(partition: number, offset: bigint): boolean {
  return partition < 2 ** 31 && offset < 2n ** 63n;
}
