import type pg from 'pg';
import type { Outbox, OutboxBacklog, OutboxItem } from '../ports.ts';
import { openOutboxSession } from './open-outbox-session.ts';
import { OUTBOX_CHANNEL } from './outbox-channel.ts';
import { translated } from './translate-error.ts';
import { deliveryColumns } from './write-events.ts';
import { bigintArray } from './binary-arrays.ts';

/** The outbox on PostgreSQL. Sessions open connections of their own, beside the pool. */
export function createOutbox(deps: { readonly pool: pg.Pool; readonly databaseUrl: string }): Outbox {
  const { pool, databaseUrl } = deps;
  return {
    read: (shard, limit, more) => translated(() => readOutbox(pool, shard, limit, more)),
    acknowledge: (rows) => translated(() => acknowledge(pool, rows)),
    park: (sequence, code, cause) => translated(() => park(pool, sequence, code, cause)),
    holds: (entityId) => translated(() => holds(pool, entityId)),
    measure: () => translated(() => measure(pool)),
    notify: coalesce((shards) => translated(() => notify(pool, shards))),
    openSession: (onWake) => translated(() => openOutboxSession(databaseUrl, onWake)),
  };
}

interface OutboxRow {
  readonly sequence: string;
  readonly event_id: string;
  readonly event_type: string;
  readonly provider: string;
  readonly origin: string;
  readonly entity_id: string;
  readonly topic: string;
  readonly occurred_at_ms: number;
  readonly traceparent: string | null;
  readonly bytes: Buffer;
}

/** A row that commits late may have a lower sequence than one already read; it is of another entity then, since rows
 *  of one entity are made one after the other under its row lock. So what was read is left out row by row, by a binary
 *  search, and not everything below the last of it. */
async function readOutbox(
  pool: pg.Pool,
  shard: string,
  limit: number,
  { maxBytes, except = [] }: Parameters<Outbox['read']>[2] = {},
): Promise<readonly OutboxItem[]> {
  const { rows } = await pool.query<OutboxRow>({
    name: 'read-outbox',
    text: `select * from
             (select o.sequence, o.event_id, r.event_type, r.provider, r.origin, e.entity_id, r.topic,
                     date_part('epoch', e.occurred_at) * 1000 as occurred_at_ms, o.traceparent, e.bytes,
                     sum(octet_length(e.bytes)) over (order by o.sequence) - octet_length(e.bytes) as bytes_before
                from outbox o join event e on e.event_id = o.event_id join route r on r.id = e.route_id
               where o.shard = $1 and o.parked_at is null and e.bytes is not null
                 and not o.sequence <@ $4::int8multirange
               order by o.sequence limit $2) oldest
            where $3::bigint is null or bytes_before < $3
            order by sequence`,
    values: [shard, limit, maxBytes, `{${except.map((sequence) => `[${sequence},${sequence}]`).join()}}`],
  });
  return rows.map((row) => ({
    sequence: BigInt(row.sequence),
    eventId: row.event_id,
    eventType: row.event_type,
    provider: row.provider,
    origin: row.origin,
    entityId: row.entity_id,
    topic: row.topic,
    occurredAtMs: Math.round(row.occurred_at_ms),
    traceparent: row.traceparent,
    bytes: row.bytes,
  }));
}

/** One statement, so both or neither. A row that another relay has acknowledged meanwhile was sent twice: both
 *  acknowledgements are noted. */
async function acknowledge(pool: pg.Pool, rows: Parameters<Outbox['acknowledge']>[0]): Promise<void> {
  if (rows.length === 0) return;
  await pool.query({
    name: 'acknowledge-outbox',
    text: `with sent as (delete from outbox where sequence = any($6::bigint[]))
           insert into delivery (event_id, topic, kafka_partition, kafka_offset, outcome)
           select u.event_id, u.topic, u.kafka_partition, u.kafka_offset, u.outcome::outcome
             from unnest($1::uuid[], $2::text[], $3::int[], $4::bigint[], $5::text[])
                  as u (event_id, topic, kafka_partition, kafka_offset, outcome)`,
    values: [...deliveryColumns(rows), bigintArray(rows.map((row) => row.sequence))],
  });
}

async function park(pool: pg.Pool, sequence: bigint, code: string, cause: string): Promise<void> {
  await pool.query({
    name: 'park-outbox',
    text: 'update outbox set parked_at = now(), parked_code = $2, parked_cause = $3 where sequence = $1',
    values: [sequence, code, cause],
  });
}

/** By way of the entity's few events: the outbox has no index on them, and none is worth its writes. */
async function holds(pool: pg.Pool, entityId: string): Promise<boolean> {
  const { rows } = await pool.query<{ held: boolean }>({
    name: 'outbox-holds',
    text: `select exists (select from outbox o join event e on e.event_id = o.event_id where e.entity_id = $1) as held`,
    values: [entityId],
  });
  return rows[0]!.held;
}

/** A row is as old as its event, which was written with it. */
async function measure(pool: pg.Pool): Promise<readonly OutboxBacklog[]> {
  const { rows } = await pool.query<OutboxBacklog>({
    name: 'measure-outbox',
    text: `select o.shard, o.waiting, o.parked,
                  date_part('epoch', clock_timestamp() - e.recorded_at) * 1000 as "oldestMs"
             from (select shard,
                          count(*) filter (where parked_at is null)::int as waiting,
                          count(*) filter (where parked_at is not null)::int as parked,
                          min(sequence) filter (where parked_at is null) as oldest
                     from outbox group by shard) o
             left join outbox w on w.sequence = o.oldest
             left join event e on e.event_id = w.event_id`,
  });
  return rows;
}

/** A statement of its own: a NOTIFY inside the transactions of edits would make their commits wait for one another. */
async function notify(pool: pg.Pool, shards: readonly string[]): Promise<void> {
  await pool.query({
    name: 'notify-outbox',
    text: 'select pg_notify($1, shard) from unnest($2::text[]) as shard',
    values: [OUTBOX_CHANNEL, shards],
  });
}

/** One call at a time: what is asked for while one is under way goes out together with the next. Each promise settles
 *  with the call that carried its shards. */
function coalesce(send: (shards: readonly string[]) => Promise<void>): Outbox['notify'] {
  let waiting = new Set<string>();
  let underWay: Promise<void> = Promise.resolve();
  let next: Promise<void> | undefined;
  return (shards) => {
    for (const shard of shards) waiting.add(shard);
    next ??= underWay.then(() => {
      const batch = [...waiting];
      waiting = new Set();
      next = undefined;
      const sent = send(batch);
      underWay = sent.catch(() => {});
      return sent;
    });
    return next;
  };
}
