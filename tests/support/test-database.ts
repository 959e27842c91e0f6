import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { createPool } from '../../src/postgres/create-pool.ts';
import { applyMigrations } from '../../src/postgres/migrate.ts';

export interface TestDatabase {
  readonly url: string;
  drop(): Promise<void>;
}

const MIGRATIONS = fileURLToPath(new URL('../../prisma/migrations', import.meta.url));

/** A new database on the server, with all migrations applied and any of `moreMigrations` after them. `drop` also ends
 *  connections that are still open. */
export async function createTestDatabase(
  serverUrl: string,
  moreMigrations: readonly string[] = [],
): Promise<TestDatabase> {
  const database = await createEmptyDatabase(serverUrl);
  const pool = createPool({ databaseUrl: database.url, max: 1, onError: () => {} });
  await applyMigrations(pool, [MIGRATIONS, ...moreMigrations]);
  await pool.end();
  return database;
}

export async function createEmptyDatabase(serverUrl: string): Promise<TestDatabase> {
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  await runOn(serverUrl, `create database ${name}`);
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return { url: url.href, drop: () => runOn(serverUrl, `drop database if exists ${name} with (force)`) };
}

async function runOn(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
