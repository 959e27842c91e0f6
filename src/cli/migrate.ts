import { Command } from 'commander';
import { parseSettings } from '../config/env.ts';
import { UsageError } from '../domain/errors.ts';
import { createPool } from '../postgres/create-pool.ts';
import { applyMigrations, readMigrationStatus } from '../postgres/migrate.ts';

/** `bridge migrate [--status]`: brings the database of DATABASE_URL up to this build. */
export function migrateCommand(): Command {
  return new Command('migrate')
    .description('bring the database up to this build; safe to repeat and to run from several places at once')
    .option('--status', 'only show which migrations are applied; exit code 1 when any is not')
    .action(async (options: { status?: boolean }) => {
      const settings = parseSettings(process.env, ['database']);
      const pool = createPool({ databaseUrl: settings.databaseUrl, max: 1, onError: () => {} });
      try {
        await (options.status ? showStatus : bringUpToDate)(pool, settings.migrationsDirs);
      } finally {
        await pool.end();
      }
    });
}

async function bringUpToDate(pool: ReturnType<typeof createPool>, dirs: readonly string[]): Promise<void> {
  const applied = await applyMigrations(pool, dirs);
  for (const name of applied) console.log(`applied ${name}`);
  if (applied.length === 0) console.log('the database is up to date');
}

async function showStatus(pool: ReturnType<typeof createPool>, dirs: readonly string[]): Promise<void> {
  const statuses = await readMigrationStatus(pool, dirs);
  for (const { name, state } of statuses) console.log(`${state.padEnd(8)} ${name}`);
  const missing = statuses.filter(({ state }) => state !== 'applied').length;
  if (missing > 0) throw new UsageError(`${missing} of ${statuses.length} migrations are not applied`);
}
