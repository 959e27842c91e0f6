import { randomUUID } from 'node:crypto';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type pg from 'pg';
import { createCodec } from '../src/avro/create-codec.ts';
import { loadContracts } from '../src/avro/load-contracts.ts';
import { loadTopology } from '../src/config/load-topology.ts';
import { startPostgres } from '../src/embedded/start-postgres.ts';
import { explainSubject } from '../src/explain/explain-subject.ts';
import { sayTimeInUtc } from '../src/explain/say-time.ts';
import { createConflictReader } from '../src/postgres/create-conflict-reader.ts';
import { createLedgerReader } from '../src/postgres/create-ledger-reader.ts';
import { createPool } from '../src/postgres/create-pool.ts';
import { createSchemaTable } from '../src/postgres/create-schema-table.ts';
import { applyMigrations } from '../src/postgres/migrate.ts';
import { createSampleData } from '../src/simulator/sample-data.ts';
import { connectLoader } from './connect-loader.ts';
import { fillTables } from './fill-tables.ts';
import type { BenchOptions, Figure, Report } from './figures.ts';

const home = (name: string) => path.resolve(import.meta.dirname, '..', name);
const EVENTS_PER_ENTITY = 5;
const PARTITIONS = 3;
const GOAL_MS = 100;
const LOOKS = 20;

/** How long `bridge explain` takes by each way to ask, beside `events` stored events of a fifth as many claims: five each,
 *  read from the topic in batches of 500 a partition. PostgreSQL alone, with its own defaults. */
export async function benchExplain({ events = 200_000, signal }: BenchOptions): Promise<Report> {
  const dir = await mkdtemp(path.join(tmpdir(), 'bridge-bench-'));
  await chmod(dir, 0o755);
  const server = await startPostgres({ dataDir: path.join(dir, 'data'), password: randomUUID() });
  const pool = createPool({ databaseUrl: server.url, max: 4, onError: () => {} });
  try {
    await applyMigrations(pool, [home('prisma/migrations')]);
    console.error(`storing ${events.toLocaleString('en')} events`);
    await fill(pool, server.url, events, signal);
    const figures = await measure(pool, events, signal);
    return {
      title: `Explaining beside ${events.toLocaleString('en')} events, by what is asked for`,
      figures,
    };
  } finally {
    await pool.end();
    await server.stop();
    await rm(dir, { recursive: true });
  }
}

async function fill(pool: pg.Pool, url: string, events: number, signal: AbortSignal): Promise<void> {
  const client = await connectLoader(url, signal);
  const { bytes, schemaRef } = await encodeClaim(pool);
  await client.query(`insert into route (provider, kind, event_type, origin, source, topic)
             values ('saa', 'claim', 'claim.processed', 'saa', 'topic', 'saa-claim.processed')`);
  // Of an event: batch and place in it give partition and offset; the entity comes back after a while, not at once.
  const entities = Math.ceil(events / EVENTS_PER_ENTITY);
  const uuid = (n: string) => `lpad(to_hex(${n}), 32, '0')::uuid`;
  await fillTables(
    client,
    ['event', 'claim', 'delivery'],
    [
      `insert into event (occurred_at, kafka_offset, kafka_partition, schema_id, outcome, route_id, event_id, entity_id,
                                digest, author, revision, bytes)
             select now(), (i / ${500 * PARTITIONS}) * 500 + i % 500, (i / 500) % ${PARTITIONS}, ${schemaRef}, 'applied', 1,
                    ${uuid('i + (1::bigint << 60)')}, ${uuid(`i % ${entities}`)}, '\\x00', 'saa',
                    jsonb_build_object('saa', i / ${entities} + 1), '\\x${bytes.toString('hex')}'
               from generate_series(0, ${events - 1}) i`,
      `insert into claim (id, event_id, digest, provider, created_by, revision, claim_number)
             select ${uuid('i')}, ${uuid(`i + (1::bigint << 60)`)}, '\\x00', 'saa', 'saa', '{"saa": 5}', 'REF-' || i
               from generate_series(0, ${entities - 1}) i`,
      `insert into delivery (kafka_offset, kafka_partition, outcome, event_id, topic)
             select i, 0, 'published', ${uuid('i + (1::bigint << 60)')}, 'saa-claim.created'
               from generate_series(0, ${Math.ceil(events / 2)} - 1) i`,
    ],
  );
  await client.end();
}

/** One claim, as it travels: the same bytes for all. */
async function encodeClaim(pool: pg.Pool) {
  const { codec } = await openContracts(pool);
  const sample = createSampleData({ seed: 1, providerId: 'saa', today: '2026-05-10' });
  const at = '2026-05-10T09:00:00.000Z';
  const entityId = randomUUID();
  const own = { claimId: entityId, providerId: 'saa', createdBy: 'saa', createdAt: at, updatedAt: at };
  return codec.encode('saa-claim.processed', {
    meta: {
      ...{ eventId: randomUUID(), eventType: 'claim.processed', providerId: 'saa', origin: 'saa' },
      ...{ entityType: 'claim', entityId, revision: { saa: 1 }, occurredAt: at, correlationId: null },
      ...{ causationId: null, actor: 'USER', replay: false },
    },
    state: { ...sample.claim(), ...own },
    changedFields: [],
    changeReason: null,
  });
}

async function openContracts(pool: pg.Pool) {
  const contracts = loadContracts([home('schemas')]);
  const topology = await loadTopology({
    topicsFile: home('topics.yaml'),
    kindsDirs: [home('src/domain')],
    shapeOf: contracts.shapeOf,
  });
  const codec = createCodec({
    ...{ contracts, topology, schemaTable: createSchemaTable({ pool }) },
    topicSchemaIds: new Map([...topology.routes.keys()].map((topic, i) => [topic, i + 1])),
    registry: { fetchSchema: () => Promise.reject(new Error('the registry is not needed here')) },
  });
  return { topology, codec };
}

async function measure(pool: pg.Pool, events: number, signal: AbortSignal): Promise<readonly Figure[]> {
  const { topology, codec } = await openContracts(pool);
  const deps = {
    ...{ topology, codec },
    ledger: createLedgerReader({ pool }),
    conflicts: createConflictReader({ pool }),
    offsets: null,
    show: (_atom: string) => null,
    kafkaWithinMs: 0,
  };
  const uuid = (n: bigint) =>
    n
      .toString(16)
      .padStart(32, '0')
      .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  const anyOf = (count: number) => Math.floor(Math.random() * count);
  const entities = Math.ceil(events / EVENTS_PER_ENTITY);
  const ways: Readonly<Record<string, () => string>> = {
    'entity id': () => uuid(BigInt(anyOf(entities))),
    'event id': () => uuid(BigInt(anyOf(events)) + (1n << 60n)),
    reference: () => `REF-${anyOf(entities)}`,
    'position, read': () => {
      const i = anyOf(events);
      const [batch, place] = [Math.floor(i / 500), i % 500];
      return `saa-claim.processed/${batch % PARTITIONS}/${Math.floor(batch / PARTITIONS) * 500 + place}`;
    },
    'position, published': () => `saa-claim.created/0/${anyOf(Math.ceil(events / 2))}`,
    'position, unknown': () => `saa-claim.processed/0/${events * 10 + anyOf(events)}`,
  };
  const figures: Figure[] = [];
  for (const [way, subject] of Object.entries(ways)) {
    const times: number[] = [];
    for (let look = -2; look < LOOKS; look++) {
      signal.throwIfAborted();
      const startedMs = performance.now();
      const asked = { subject: subject(), providers: null, say: sayTimeInUtc, limit: 50 };
      const result = await explainSubject(asked, deps);
      if (result.status !== 'explained') throw new Error(`${way}: ${JSON.stringify(result)}`);
      const found = result.explanation.entity !== null;
      if (found === way.endsWith('unknown')) throw new Error(`${way}: ${result.explanation.summary}`);
      if (look >= 0) times.push(performance.now() - startedMs);
    }
    figures.push({ name: way, unit: 'ms', values: times, goal: { atMost: GOAL_MS } });
  }
  return figures;
}
