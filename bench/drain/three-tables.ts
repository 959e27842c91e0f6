import pg from 'pg';
import type { JsonObject } from '../../src/simulator/json.ts';
import { createTestDatabase } from '../../tests/support/test-database.ts';
import type { Bed } from '../open-bed.ts';
import type { Load, LoadRecord } from './compose-load.ts';
import type { Drained } from './run-bridges.ts';

const BATCH = 1_000;

/** A row for searching, the state as a document in the history, and a line in a ledger: what comes to mind first. */
const TABLES = `
  create schema three;
  create table three.constat (
    id uuid primary key, provider text, revision bigint, status text, reference text, channel text, created_by text,
    accident_date date, place text, wilaya text, country text, plate_a text, plate_b text, vin_a text, vin_b text,
    policy_a text, policy_b text, injuries text, updated_at timestamptz default now());
  create table three.history (
    entity_id uuid, revision bigint, state jsonb, at timestamptz default now(), primary key (entity_id, revision));
  create table three.ledger (
    event_id text primary key, topic text, partition int, "offset" bigint, outcome text, at timestamptz default now());`;

const COLUMNS = [
  'id', 'provider', 'revision', 'status', 'reference', 'channel', 'created_by', 'accident_date', 'place', 'wilaya',
  'country', 'plate_a', 'plate_b', 'vin_a', 'vin_b', 'policy_a', 'policy_b', 'injuries',
] as const; // prettier-ignore
const TYPES: Partial<Record<(typeof COLUMNS)[number], string>> = {
  id: 'uuid',
  revision: 'bigint',
  accident_date: 'date',
};

const ENTITY = `
  insert into three.constat (${COLUMNS.join(', ')})
  select * from unnest(${COLUMNS.map((column, i) => `$${i + 1}::${TYPES[column] ?? 'text'}[]`).join(', ')})
  on conflict (id) do update set ${COLUMNS.slice(1)
    .map((column) => `${column} = excluded.${column}`)
    .join(', ')}, updated_at = now() where constat.revision < excluded.revision`;

/** Rows decoded beforehand, one connection, `unnest` in batches: no broker, no decoding, no rules. */
export async function fillThreeTables(bed: Bed, load: Load): Promise<Drained> {
  const batches = toBatches(load.records);
  const database = await createTestDatabase(bed.services.databaseUrl);
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  try {
    await client.query(TABLES);
    const cpu = process.cpuUsage();
    const start = performance.now();
    for (const { entities, history, ledger } of batches) {
      bed.signal.throwIfAborted();
      await client.query('begin');
      await client.query({ name: 'entity', text: ENTITY, values: entities });
      await client.query({
        name: 'history',
        text: `insert into three.history (entity_id, revision, state)
               select * from unnest($1::uuid[], $2::bigint[], $3::jsonb[]) on conflict do nothing`,
        values: history,
      });
      await client.query({
        name: 'ledger',
        text: `insert into three.ledger (event_id, topic, partition, "offset", outcome)
               select * from unnest($1::text[], $2::text[], $3::int[], $4::bigint[], $5::text[]) on conflict do nothing`,
        values: ledger,
      });
      await client.query('commit');
    }
    const seconds = (performance.now() - start) / 1_000;
    const { user, system } = process.cpuUsage(cpu);
    const events = load.records.length;
    const cpuPer1000 = (user + system) / events;
    return { perSecond: events / seconds, cpuPer1000, resident: process.memoryUsage.rss() };
  } finally {
    await client.end();
    await database.drop();
  }
}

/** One `unnest` parameter a column. Within a batch an entity is written once, with its last state. */
function toBatches(records: readonly LoadRecord[]) {
  const readable = records.filter(({ event }) => event !== null);
  return Array.from({ length: Math.ceil(readable.length / BATCH) }, (_, i) => {
    const batch = readable.slice(i * BATCH, (i + 1) * BATCH);
    const last = [...new Map(batch.map((record) => [record.key, record])).values()];
    const rows = last.map(({ event }) => columnsOf(event!));
    return {
      entities: COLUMNS.map((_, column) => rows.map((row) => row[column])),
      history: [
        batch.map(({ key }) => key),
        batch.map(({ event }) => event!.counter),
        batch.map(({ event }) => JSON.stringify(event!.state)),
      ],
      ledger: [
        batch.map(({ event }) => event!.eventId),
        batch.map(({ topic }) => topic),
        batch.map(() => 0),
        batch.map((_, offset) => i * BATCH + offset),
        batch.map(() => 'applied'),
      ],
    };
  });
}

function columnsOf({ entityId, counter, state }: NonNullable<LoadRecord['event']>): unknown[] {
  const accident = state['accident'] as JsonObject;
  const [a, b] = state['parties'] as JsonObject[];
  const vehicle = (party: JsonObject | undefined, field: string) =>
    (party?.['vehicle'] as JsonObject | undefined)?.[field] ?? null;
  const policy = (party: JsonObject | undefined) =>
    (party?.['insurance'] as JsonObject | null | undefined)?.['policyNumber'] ?? null;
  return [
    ...[
      entityId,
      state['providerId'],
      counter,
      state['status'],
      state['providerReference'],
      state['channel'],
    ],
    ...[state['createdBy'], accident['accidentDate'], accident['place'], accident['wilayaCode']],
    ...[accident['country'], vehicle(a, 'plateNormalized'), vehicle(b, 'plateNormalized'), vehicle(a, 'vin')],
    ...[vehicle(b, 'vin'), policy(a), policy(b), accident['injuries']],
  ];
}
