import type pg from 'pg';
import type { Rhythm } from '../domain/lag/judge-provider.ts';
import type { AppliedPosition } from '../domain/lag/sample.ts';
import { POISON_REST_MS, POISON_WINDOW_MS } from '../domain/lag/thresholds.ts';
import { UNREAD_COUNTED, type LagLedger, type LedgerSample, type Place } from '../ports.ts';
import { bigintArray, integerArray, textArray } from './binary-arrays.ts';
import { translated } from './translate-error.ts';

/** What PostgreSQL knows about lag. Every statement reads an index over what is *not* settled, so that its cost follows
 *  the backlog and not the history. */
export function createLagLedger({ pool }: { readonly pool: pg.Pool }): LagLedger {
  return {
    read: () =>
      translated(async () => {
        // One after the other: together they would take the connections that the batches need.
        const positions = await readPositions(pool);
        return {
          ...positions,
          outbox: await readOutbox(pool),
          quarantine: await readQuarantine(pool),
          pauses: await readPauses(pool),
          conflicts: await readConflicts(pool),
          cursors: await readCursors(pool),
          rhythms: await readRhythms(pool),
          constats: await readConstats(pool),
        };
      }),
    unread: (places) => translated(() => readUnread(pool, places)),
    keepRhythm: (provider, rhythm) => translated(() => keepRhythm(pool, provider, rhythm)),
  };
}

async function readPositions(pool: pg.Pool): Promise<Pick<LedgerSample, 'positions' | 'arrivals'>> {
  const { rows } = await pool.query<{
    topic: string;
    partition: number;
    topic_id: string;
    next_offset: string;
    moved_at: number;
    arrived_at: number | null;
  }>({
    name: 'lag-positions',
    text: `select topic, partition, topic_id, next_offset, date_part('epoch', updated_at) * 1000 as moved_at,
                  date_part('epoch', arrived_at) * 1000 as arrived_at
             from applied_offset`,
  });
  const arrivals = new Map<string, number>();
  for (const { topic, arrived_at } of rows) {
    if (arrived_at !== null) arrivals.set(topic, Math.max(arrivals.get(topic) ?? 0, arrived_at));
  }
  const positions = new Map(
    rows.map((row): [Place, AppliedPosition] => [
      `${row.topic}/${row.partition}`,
      { next: BigInt(row.next_offset), topicId: row.topic_id, movedAtMs: row.moved_at },
    ]),
  );
  return { positions, arrivals };
}

/** The oldest by sequence: what is sent next. */
async function readOutbox(pool: pg.Pool): Promise<LedgerSample['outbox']> {
  const { rows } = await pool.query<{
    shard: string;
    waiting: string;
    parked: string;
    sequence: string | null;
    at: number | null;
  }>({
    name: 'lag-outbox',
    text: `select s.shard, s.waiting, s.parked, s.sequence, date_part('epoch', e.occurred_at) * 1000 as at
             from (select o.shard, count(*) filter (where o.parked_at is null) as waiting,
                          count(*) filter (where o.parked_at is not null) as parked,
                          min(o.sequence) filter (where o.parked_at is null) as sequence
                     from outbox o group by o.shard) s
             left join outbox o on o.sequence = s.sequence
             left join event e on e.event_id = o.event_id`,
  });
  return rows.map(({ shard, waiting, parked, sequence, at }) => ({
    shard,
    waiting: Number(waiting),
    parked: Number(parked),
    oldest: sequence === null || at === null ? null : { sequence: BigInt(sequence), atMs: at },
  }));
}

async function readQuarantine(pool: pg.Pool): Promise<LedgerSample['quarantine']> {
  const { rows } = await pool.query<{
    provider: string;
    topic: string;
    partition: number | null;
    code: string;
    open: string;
    lately: string;
    since_rest: string;
    oldest: number | null;
  }>({
    name: 'lag-quarantine',
    text: `select provider, topic, kafka_partition as partition, code,
                  count(*) filter (where settled_at is null) as open,
                  count(*) filter (where first_seen > now() - $1 * interval '1 ms') as lately,
                  count(*) filter (where first_seen > now() - $2 * interval '1 ms') as since_rest,
                  date_part('epoch', min(first_seen) filter (where settled_at is null)) * 1000 as oldest
             from (select provider, topic, kafka_partition, code, first_seen, settled_at from quarantine
                    where settled_at is null
                   union all
                   select provider, topic, kafka_partition, code, first_seen, settled_at from quarantine
                    where settled_at is not null and first_seen > now() - $2 * interval '1 ms') q
            group by provider, topic, kafka_partition, code`,
    values: [POISON_WINDOW_MS, POISON_REST_MS],
  });
  return rows.map(({ open, lately, since_rest, oldest, ...row }) => ({
    ...row,
    open: Number(open),
    lately: Number(lately),
    sinceRest: Number(since_rest),
    oldestMs: oldest,
  }));
}

async function readPauses(pool: pg.Pool): Promise<LedgerSample['pauses']> {
  const { rows } = await pool.query<{ topic: string; paused_by: string | null; since: number }>({
    name: 'lag-pauses',
    text: `select topic, paused_by, date_part('epoch', blown_at) * 1000 as since from topic_fuse
            where resumed_at is null`,
  });
  return new Map(
    rows.map(({ topic, paused_by, since }) => [topic, { byPerson: paused_by !== null, sinceMs: since }]),
  );
}

async function readConflicts(pool: pg.Pool): Promise<LedgerSample['conflicts']> {
  const { rows } = await pool.query<{ provider: string; severity: string; open: string; oldest: number }>({
    name: 'lag-conflicts',
    text: `select provider, severity, count(*) as open, date_part('epoch', min(opened_at)) * 1000 as oldest
             from conflict where status = 'open' group by provider, severity`,
  });
  return rows.map(({ open, oldest, ...row }) => ({ ...row, open: Number(open), oldestMs: oldest }));
}

async function readCursors(pool: pg.Pool): Promise<LedgerSample['cursors']> {
  const { rows } = await pool.query<{ provider: string; collection: string; moved_at: number }>({
    name: 'lag-cursors',
    text: `select provider, collection, date_part('epoch', updated_at) * 1000 as moved_at from pull_cursor`,
  });
  return rows.map(({ moved_at, ...row }) => ({ ...row, movedAtMs: moved_at }));
}

async function readRhythms(pool: pg.Pool): Promise<ReadonlyMap<string, Rhythm>> {
  const { rows } = await pool.query<{ provider: string; last: number; usual: string; pauses: number }>({
    name: 'lag-rhythms',
    text: `select provider, date_part('epoch', last_arrival_at) * 1000 as last, usual_pause_ms as usual, pauses
             from provider_rhythm`,
  });
  return new Map(
    rows.map(({ provider, last, usual, pauses }) => [
      provider,
      { lastArrivalMs: last, usualMs: Number(usual), pauses },
    ]),
  );
}

/** Days are those of Algiers, and so is the law: an accident is declared within seven. */
async function readConstats(pool: pg.Pool): Promise<LedgerSample['constats']> {
  const { rows } = await pool.query<{ provider: string; undeclared: number; without_report: number }>({
    name: 'lag-constats',
    text: `select provider, sum(undeclared)::int as undeclared, sum(without_report)::int as without_report
             from (select provider, 1 as undeclared, 0 as without_report from constat
                    where status = 'DRAFT' and erased_at is null
                      and accident_date between (now() at time zone 'Africa/Algiers')::date - 7
                                        and (now() at time zone 'Africa/Algiers')::date - 5
                   union all
                   select provider, 0, 1 from constat
                    where violations @> '[{"code": "INJURY_WITHOUT_REPORT"}]'
                      and status not in ('CLOSED', 'REJECTED', 'CANCELLED') and erased_at is null) c
            group by provider`,
  });
  return rows.map(({ without_report: withoutReport, ...row }) => ({ ...row, withoutReport }));
}

/** Offsets of one partition are acknowledged in their order, or nearly: the first is the oldest. */
async function readUnread(
  pool: pg.Pool,
  places: Parameters<LagLedger['unread']>[0],
): ReturnType<LagLedger['unread']> {
  if (places.length === 0) return new Map();
  const { rows } = await pool.query<{ topic: string; partition: number; count: string; oldest: number }>({
    name: 'lag-unread',
    text: `select p.topic, p.partition, d.count, date_part('epoch', d.oldest) * 1000 as oldest
             from unnest($1::text[], $2::int[], $3::bigint[]) as p (topic, partition, next)
             cross join lateral (select count(*), min(at) as oldest
                                   from (select at from delivery
                                          where outcome = 'published' and topic = p.topic
                                            and kafka_partition = p.partition and kafka_offset >= p.next
                                          order by kafka_offset limit $4) counted) d
            where d.count > 0`,
    values: [
      textArray(places.map(({ topic }) => topic)),
      integerArray(places.map(({ partition }) => partition)),
      bigintArray(places.map(({ from }) => from)),
      UNREAD_COUNTED,
    ],
  });
  return new Map(
    rows.map(({ topic, partition, count, oldest }): [Place, { count: number; oldestAtMs: number }] => [
      `${topic}/${partition}`,
      { count: Number(count), oldestAtMs: oldest },
    ]),
  );
}

/** Several replicas learn from the same arrivals: of two that write the same one, the first is kept. */
async function keepRhythm(pool: pg.Pool, provider: string, rhythm: Rhythm): Promise<void> {
  await pool.query({
    name: 'keep-rhythm',
    text: `insert into provider_rhythm as kept (provider, last_arrival_at, usual_pause_ms, pauses)
           values ($1, $2, $3, $4)
           on conflict (provider) do update
              set last_arrival_at = excluded.last_arrival_at, usual_pause_ms = excluded.usual_pause_ms,
                  pauses = excluded.pauses
            where kept.last_arrival_at < excluded.last_arrival_at`,
    values: [provider, new Date(rhythm.lastArrivalMs), Math.round(rhythm.usualMs), rhythm.pauses],
  });
}
