import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, inject, it, onTestFinished } from 'vitest';
import { PermanentError, UsageError } from '../../../src/domain/errors.ts';
import { createPool } from '../../../src/postgres/create-pool.ts';
import { applyMigrations, readMigrationStatus } from '../../../src/postgres/migrate.ts';
import { requireMigrated } from '../../../src/postgres/require-migrated.ts';
import { createEmptyDatabase } from '../../support/test-database.ts';

async function setup(migrations: Readonly<Record<string, string>>) {
  const database = await createEmptyDatabase(inject('databaseUrl'));
  const pool = createPool({ databaseUrl: database.url, onError: () => {} });
  const dir = await mkdtemp(join(tmpdir(), 'migrations-'));
  onTestFinished(async () => {
    await pool.end();
    await database.drop();
    await rm(dir, { recursive: true, force: true });
  });
  const put = async (name: string, sql: string) => {
    await mkdir(join(dir, name), { recursive: true });
    await writeFile(join(dir, name, 'migration.sql'), sql);
  };
  for (const [name, sql] of Object.entries(migrations)) await put(name, sql);
  const tables = async () =>
    (
      await pool.query<{ tablename: string }>(
        `select tablename from pg_tables where schemaname = 'public' order by 1`,
      )
    ).rows.map(({ tablename }) => tablename);
  return { pool, dir, put, tables };
}

const code = (expected: string) => (error: unknown) =>
  error instanceof PermanentError && error.code === expected;

describe('migrating', () => {
  it('applies what is missing, in the order of the names, once', async () => {
    const { pool, dir, put } = await setup({ '2_b': 'alter table a add b int', '1_a': 'create table a ()' });
    expect((await readMigrationStatus(pool, [dir])).map(({ state }) => state)).toEqual([
      'pending',
      'pending',
    ]);
    await expect(requireMigrated(pool, [dir])).rejects.toBeInstanceOf(UsageError);
    expect(await applyMigrations(pool, [dir])).toEqual(['1_a', '2_b']);
    expect(await applyMigrations(pool, [dir])).toEqual([]);
    await put('3_c', 'alter table a add c int');
    expect(await applyMigrations(pool, [dir])).toEqual(['3_c']);
    await requireMigrated(pool, [dir]);
  });

  it('lets replicas that start together wait for one another', async () => {
    const { pool, dir } = await setup({ '1_a': 'create table a ()' });
    const applied = await Promise.all([1, 2, 3].map(() => applyMigrations(pool, [dir])));
    expect(applied.flat()).toEqual(['1_a']);
  });

  it('leaves nothing of a migration that fails, and keeps the ones before it', async () => {
    const { pool, dir, put, tables } = await setup({
      '1_a': 'create table a ()',
      '2_b': 'create table b (); select nonsense',
    });
    await expect(applyMigrations(pool, [dir])).rejects.toSatisfy(code('MIGRATION_FAILED'));
    expect(await tables()).toEqual(['_prisma_migrations', 'a']);
    await put('2_b', 'create table b ()');
    expect(await applyMigrations(pool, [dir])).toEqual(['2_b']);
  });

  it('refuses to go on when a migration is not the one that was applied', async () => {
    const { pool, dir, put, tables } = await setup({ '1_a': 'create table a ()' });
    await applyMigrations(pool, [dir]);
    await put('1_a', 'create table a (x int)');
    await put('2_b', 'create table b ()');
    await expect(applyMigrations(pool, [dir])).rejects.toSatisfy(code('MIGRATION_CHANGED'));
    expect(await tables()).not.toContain('b');
  });
});
