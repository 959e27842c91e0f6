import { createHash, randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { PermanentError } from '../domain/errors.ts';
import { translated } from './translate-error.ts';

export interface MigrationStatus {
  readonly name: string;
  readonly state: 'applied' | 'pending' | 'changed' | 'failed';
}

interface Migration {
  readonly name: string;
  readonly sql: string;
  readonly checksum: string;
}

/** The key that Prisma's own `migrate deploy` locks, so that the two exclude each other as well. */
const LOCK_KEY = 72_707_369;

/** Applies what the directories hold and the database lacks, in the order of their names, each in a transaction of its
 *  own together with its bookkeeping row, which is Prisma's (`_prisma_migrations`). Returns the names it applied.
 *  Replicas that start together wait for one another. A migration that fails leaves nothing behind and throws
 *  PermanentError `MIGRATION_FAILED`; one that was changed after it was applied throws `MIGRATION_CHANGED` before
 *  anything is written. Migrations that only the database knows, from a newer build, are left alone. */
export async function applyMigrations(pool: pg.Pool, dirs: readonly string[]): Promise<readonly string[]> {
  const migrations = await readMigrations(dirs);
  return withMaintenanceClient(pool, async (client) => {
    await client.query('select pg_advisory_lock($1)', [LOCK_KEY]);
    await createBookkeeping(client);
    const statuses = compare(migrations, await readApplied(client));
    refuseBroken(statuses);
    const pending = migrations.filter((_, index) => statuses[index]?.state === 'pending');
    for (const migration of pending) await applyOne(client, migration);
    return pending.map(({ name }) => name);
  });
}

/** What the directories hold, in order, and where each stands in this database. Writes nothing. */
export async function readMigrationStatus(
  pool: pg.Pool,
  dirs: readonly string[],
): Promise<readonly MigrationStatus[]> {
  const migrations = await readMigrations(dirs);
  return withMaintenanceClient(pool, async (client) => {
    const { rows } = await client.query<{ exists: boolean }>(
      "select to_regclass('_prisma_migrations') is not null as exists",
    );
    return compare(migrations, rows[0]?.exists ? await readApplied(client) : new Map());
  });
}

async function readMigrations(dirs: readonly string[]): Promise<readonly Migration[]> {
  const found: Migration[] = [];
  for (const dir of dirs) {
    for (const entry of await readdir(dir, { withFileTypes: true })) {
      if (!entry.isDirectory()) continue;
      const sql = await readFile(join(dir, entry.name, 'migration.sql'), 'utf8');
      found.push({ name: entry.name, sql, checksum: createHash('sha256').update(sql).digest('hex') });
    }
  }
  return found.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** A connection outside the pool: a long migration must not meet the pool's time limits, and the lock ends with it. */
async function withMaintenanceClient<T>(pool: pg.Pool, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({
    connectionString: pool.options.connectionString,
    application_name: 'eassurance-bridge migrate',
    connectionTimeoutMillis: 5_000,
  });
  client.on('error', () => {});
  return translated(async () => {
    try {
      await client.connect();
      return await work(client);
    } finally {
      await client.end();
    }
  });
}

async function createBookkeeping(client: pg.Client): Promise<void> {
  await client.query(`create table if not exists _prisma_migrations (
    id varchar(36) primary key not null,
    checksum varchar(64) not null,
    finished_at timestamptz,
    migration_name varchar(255) not null,
    logs text,
    rolled_back_at timestamptz,
    started_at timestamptz not null default now(),
    applied_steps_count integer not null default 0
  )`);
}

type Applied = ReadonlyMap<string, { readonly checksum: string; readonly finished: boolean }>;

async function readApplied(client: pg.Client): Promise<Applied> {
  const { rows } = await client.query<{ name: string; checksum: string; finished: boolean }>(
    `select migration_name as name, checksum, finished_at is not null as finished
       from _prisma_migrations where rolled_back_at is null order by started_at`,
  );
  return new Map(rows.map((row) => [row.name, row]));
}

function compare(migrations: readonly Migration[], applied: Applied): readonly MigrationStatus[] {
  return migrations.map(({ name, checksum }) => {
    const row = applied.get(name);
    if (row === undefined) return { name, state: 'pending' };
    if (!row.finished) return { name, state: 'failed' };
    return { name, state: row.checksum === checksum ? 'applied' : 'changed' };
  });
}

function refuseBroken(statuses: readonly MigrationStatus[]): void {
  for (const { name, state } of statuses) {
    if (state === 'changed') {
      throw new PermanentError(
        'MIGRATION_CHANGED',
        `migration ${name} is not the one that this database was made with: restore its file, and put the change in a new migration`,
      );
    }
    if (state === 'failed') {
      throw new PermanentError(
        'MIGRATION_FAILED',
        `migration ${name} was left half applied: repair the database, then use \`prisma migrate resolve\``,
      );
    }
  }
}

async function applyOne(client: pg.Client, migration: Migration): Promise<void> {
  await client.query('begin');
  try {
    await client.query(migration.sql);
    await client.query(
      `insert into _prisma_migrations (id, checksum, migration_name, started_at, finished_at, applied_steps_count)
       values ($1, $2, $3, now(), clock_timestamp(), 1)`,
      [randomUUID(), migration.checksum, migration.name],
    );
    await client.query('commit');
  } catch (cause) {
    await client.query('rollback').catch(() => {});
    if ((cause as { severity?: string }).severity !== 'ERROR') throw cause;
    throw new PermanentError('MIGRATION_FAILED', `migration ${migration.name}: ${(cause as Error).message}`, {
      cause,
    });
  }
}
