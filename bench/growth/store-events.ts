import type pg from 'pg';
import { fillTables } from '../fill-tables.ts';

/** Of a hundred events, eighty open a constat and twenty change one of those. */
const OPENED = 0.8;
const PROVIDER = 'stored';

/** Stores events and their constats as years of work leave them: ids as they are made (UUIDv7 of events in their order,
 *  random ones of entities), search columns that differ, and the bytes of one event for all. */
export async function storeEvents(client: pg.Client, events: number, bytes: Buffer): Promise<void> {
  const entities = Math.ceil(events * OPENED);
  const topic = `${PROVIDER}-constat.created`;
  const { rows } = await client.query<{ id: number }>(
    `insert into route (provider, kind, event_type, origin, source, topic)
     values ($1, 'constat', 'constat.created', $1, 'topic', $2) returning id`,
    [PROVIDER, topic],
  );
  const eventId = (i: string) =>
    `(lpad(to_hex(1700000000000 + ${i}), 12, '0') || '7000' || '8000' || substr(md5((${i})::text), 1, 12))::uuid`;
  const entityId = (i: string) => `md5('entity ' || ${i})::uuid`;
  const digest = (i: string) => `decode(md5('a' || ${i}) || md5('b' || ${i}), 'hex')`;
  const revision = (i: string) => `jsonb_build_object('${PROVIDER}', ${i} / ${entities} + 1)`;
  const last = `case when e + ${entities} < ${events} then e + ${entities} else e end`;
  const plate = (from: number) => `(hashtext(e || '${from}') & 2147483647)::text`;
  const vin = (from: number) => `upper(substr(md5(e || 'v${from}'), 1, 17))`;
  const policy = (from: number) => `'POL-' || (hashtext(e || 'p${from}') & 2147483647)`;
  await fillTables(
    client,
    ['event', 'constat'],
    [
      `insert into event (occurred_at, kafka_offset, kafka_partition, schema_id, outcome, route_id, event_id, entity_id,
                        digest, author, revision, bytes)
     select now(), i / 8, i % 8, 1, 'applied', ${rows[0]!.id}, ${eventId('i')}, ${entityId(`i % ${entities}`)},
            ${digest('i')}, '${PROVIDER}', ${revision('i')}, '\\x${bytes.toString('hex')}'
       from generate_series(0::bigint, ${events - 1}) i`,
      `insert into constat (id, event_id, digest, provider, created_by, status, revision, reference, plate_a, plate_b,
                          vin_a, vin_b, policy_a, policy_b, accident_date)
     select ${entityId('e')}, ${eventId('last')}, ${digest('last')}, '${PROVIDER}', '${PROVIDER}', 'SIGNED',
            ${revision('last')}, 'REF-' || e, ${plate(1)}, ${plate(2)}, ${vin(1)}, ${vin(2)}, ${policy(1)}, ${policy(2)},
            date '2020-01-01' + (e % 2000)::int
       from generate_series(0::bigint, ${entities - 1}) e, lateral (select ${last} as last) newest`,
    ],
  );
}

/** Takes back what was drained after `before`, so that the next round meets the same tables. */
export async function forgetDrained(client: pg.Client, before: string): Promise<void> {
  // What only ever grows is guarded by triggers.
  await client.query('set session_replication_role = replica');
  await client.query(`delete from constat where id in (select entity_id from event where sequence > $1)`, [
    before,
  ]);
  await client.query('delete from event where sequence > $1', [before]);
  await client.query('truncate applied_offset, quarantine, delivery cascade');
  await client.query('vacuum (analyze) event, constat');
  await client.query('checkpoint');
}
