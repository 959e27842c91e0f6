import type pg from 'pg';
import { UsageError } from '../domain/errors.ts';
import { readMigrationStatus } from './migrate.ts';

/** Throws UsageError unless every migration of this build is applied, unchanged. Writes nothing. */
export async function requireMigrated(pool: pg.Pool, dirs: readonly string[]): Promise<void> {
  const statuses = await readMigrationStatus(pool, dirs);
  const lacking = statuses.filter(({ state }) => state !== 'applied').map(({ name }) => name);
  if (lacking.length > 0) {
    throw new UsageError(`the database lacks ${lacking.join(', ')}: run \`bridge migrate\` first`);
  }
}
