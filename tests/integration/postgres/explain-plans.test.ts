import path from 'node:path';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadContracts } from '../../../src/avro/load-contracts.ts';
import { loadTopology } from '../../../src/config/load-topology.ts';
import type { EntityKind } from '../../../src/domain/kind.ts';
import { createConflictReader } from '../../../src/postgres/create-conflict-reader.ts';
import { createLedgerReader } from '../../../src/postgres/create-ledger-reader.ts';
import { setupPostgres } from './setup-postgres.ts';

/** The tables that `bridge explain` reads and that grow with the years; beside them that of each kind. */
const LEDGER = ['event', 'delivery', 'quarantine', 'conflict', 'entity_flag', 'outbox'];
const ROWS = 5_000;
const ID = '00000000-0000-0000-0000-0000000007d0';
const TOPIC = 'saa-constat.created';
const fixture = setupPostgres();
let kinds: readonly EntityKind[];
let growing: ReadonlySet<string>;
let planner: pg.PoolClient;

beforeAll(async () => {
  const home = (name: string) => path.resolve(import.meta.dirname, '../../..', name);
  const { shapeOf } = loadContracts([home('schemas')]);
  const topology = await loadTopology({
    topicsFile: home('topics.yaml'),
    kindsDirs: [home('src/domain')],
    shapeOf,
  });
  kinds = [...topology.kinds.values()];
  growing = new Set([...LEDGER, ...kinds.map(({ name }) => name)]);
  for (const table of growing) await fill(table);
  await fixture.pool.query(
    `insert into route (provider, kind, event_type, origin, source, topic)
     values ('saa', 'constat', 'constat.created', 'saa', 'topic', $1)`,
    [TOPIC],
  );
  await fixture.pool.query('analyze');
  planner = await fixture.pool.connect();
  // A few thousand rows are read as quickly from end to end: what counts is whether there is another way.
  await planner.query('set enable_seqscan = off');
});
afterAll(() => planner?.release());

/** Rows with something in every column, so that no partial index is empty. */
async function fill(table: string): Promise<void> {
  const { rows } = await fixture.pool.query<{ name: string; type: string; given: boolean }>(
    `select column_name as name, udt_name as type, is_identity = 'YES' as given
       from information_schema.columns where table_schema = 'public' and table_name = $1`,
    [table],
  );
  const columns = rows.filter(({ name, given }) => !given && !LEFT_EMPTY.test(name));
  const values = columns.map(
    ({ name, type }) => VALUES[`${table}.${name}`] ?? VALUES[name] ?? VALUES[type] ?? `('x' || i)::${type}`,
  );
  const names = columns.map(({ name }) => `"${name}"`);
  await fixture.pool.query(
    `insert into "${table}" (${names.join(', ')}) select ${values.join(', ')} from generate_series(1, ${ROWS}) i`,
  );
}
const LEFT_EMPTY = /^(settled|settling|erased|cleared)_/;
const VALUES: Readonly<Record<string, string>> = {
  uuid: `lpad(to_hex(i), 32, '0')::uuid`,
  bytea: 'int8send(i)',
  jsonb: `'{}'`,
  timestamptz: 'now()',
  date: 'current_date',
  bool: 'false',
  int2: '1',
  int4: '1',
  int8: 'i',
  outcome: `'applied'::outcome`,
  conflict_status: `'open'::conflict_status`,
  'delivery.outcome': `'published'::outcome`,
  provider: `'saa'`,
  severity: `'normal'`,
  stands: `'ours'`,
  topic: `'${TOPIC}'`,
};

interface Statement {
  readonly text: string;
  readonly values: readonly unknown[];
}
interface PlanNode {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Index Name'?: string;
  readonly 'Index Cond'?: string;
  readonly Plans?: readonly PlanNode[];
}

/** What `work` asks of PostgreSQL by way of a pool that keeps every statement. */
async function statementsOf(work: (pool: pg.Pool) => Promise<unknown>): Promise<readonly Statement[]> {
  const asked: Statement[] = [];
  const query = (first: string | Statement, values: readonly unknown[] = []) => {
    const statement = typeof first === 'string' ? { text: first, values } : first;
    asked.push(statement);
    return fixture.pool.query(statement as pg.QueryConfig);
  };
  await work({ query } as unknown as pg.Pool);
  return asked;
}

/** Every way in which the plan reads a growing table other than by looking it up in an index. */
async function readEndToEnd({ text, values }: Statement): Promise<readonly string[]> {
  const { rows } = await planner.query<{ 'QUERY PLAN': [{ Plan: PlanNode }] }>(
    `explain (format json) ${text}`,
    [...values],
  );
  const nodes = [rows[0]!['QUERY PLAN'][0].Plan];
  const found: string[] = [];
  for (const node of nodes) {
    nodes.push(...(node.Plans ?? []));
    const { 'Node Type': type, 'Relation Name': table = '', 'Index Cond': lookup } = node;
    // What an index gave to a bitmap is looked at in its own node.
    if (growing.has(table) && lookup === undefined && type !== 'Bitmap Heap Scan')
      found.push(`${type} on ${table}`);
    if (type === 'Bitmap Index Scan' && lookup === undefined) found.push(`${type} on ${node['Index Name']}`);
  }
  return found;
}

const by = { position: { topic: TOPIC, partition: 1, offset: 2_000n } };
const ledgerOf = (pool: pg.Pool) => createLedgerReader({ pool });
const QUERY = { providers: null, status: null, severity: null, kind: 'constat', after: null, limit: 200 };
const reads: readonly (readonly [string, (pool: pg.Pool) => Promise<unknown>])[] = [
  ['the entities with an id', (pool) => ledgerOf(pool).findEntities(kinds, ID)],
  ['the entities that a text names', (pool) => ledgerOf(pool).findByReference(kinds, 'x2000', 20)],
  ['an event by its id', (pool) => ledgerOf(pool).findEvent(ID)],
  // Of no event, so that the acknowledgements are asked too.
  ['the event at a position', (pool) => ledgerOf(pool).findEventAt({ ...by.position, offset: 9_999n })],
  ["an entity's events", (pool) => ledgerOf(pool).events(['constat'], ID, 200)],
  ['arrivals and acknowledgements', (pool) => ledgerOf(pool).deliveries([ID])],
  ['what is parked', (pool) => ledgerOf(pool).parked([ID])],
  ["an entity's marks", (pool) => ledgerOf(pool).flags('constat', ID)],
  ['quarantine by entity', (pool) => ledgerOf(pool).quarantined({ entityId: ID }, 20)],
  ['quarantine by event', (pool) => ledgerOf(pool).quarantined({ eventId: ID }, 20)],
  ['quarantine by position', (pool) => ledgerOf(pool).quarantined(by, 5)],
  ["an entity's conflicts", (pool) => createConflictReader({ pool }).list({ ...QUERY, entityId: ID })],
];

describe('however many events are stored, explaining looks up in an index', () => {
  it.each(reads)('%s', async (_, read) => {
    const statements = await statementsOf(read);
    expect(statements.length).toBeGreaterThan(0);
    for (const statement of statements)
      expect({ text: statement.text, endToEnd: await readEndToEnd(statement) }).toEqual({
        text: statement.text,
        endToEnd: [],
      });
  });

  it('and this test tells when one is missing', async () => {
    const asked = await Promise.all([reads[3], reads[4], reads[10]].map((read) => statementsOf(read![1])));
    await planner.query('begin');
    await planner.query(
      'drop index event_entity_id_sequence_idx, event_position_idx, quarantine_position_idx',
    );
    const found = [];
    for (const statements of asked)
      for (const statement of statements) found.push(...(await readEndToEnd(statement)));
    await planner.query('rollback');
    for (const table of ['event', 'quarantine'])
      expect(found).toContainEqual(expect.stringMatching(` on ${table}$`));
    expect(found.length).toBeGreaterThanOrEqual(3);
  });
});
