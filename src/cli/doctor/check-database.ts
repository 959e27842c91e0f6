import type pg from 'pg';
import type { SettingsOf } from '../../config/env.ts';
import { TransientError } from '../../domain/errors.ts';
import { createPool } from '../../postgres/create-pool.ts';
import { readMigrationStatus } from '../../postgres/migrate.ts';
import { translateError } from '../../postgres/translate-error.ts';
import { judgeSkew } from './judge-skew.ts';
import { fail, pass, warn, type Check, type Finding } from './finding.ts';

/** BRIN's Bloom filters came with it. */
const OLDEST = 140_000;

interface Server {
  readonly version: string;
  readonly number: number;
  readonly standby: boolean;
  readonly role: string;
  readonly excess: readonly string[];
  readonly size: string;
  readonly nowMs: number;
}

/** PostgreSQL: reachable as this role, of a version that will do, no more rights than needed, migrated, on time. */
export function checkDatabase({ databaseUrl, migrationsDirs }: SettingsOf<'database'>): Check {
  return {
    name: 'postgres',
    run: async () => {
      const pool = createPool({ databaseUrl, max: 1, onError: () => {} });
      try {
        return await examine(pool, migrationsDirs);
      } catch (error) {
        return [unreachable(error, databaseUrl)];
      } finally {
        await pool.end();
      }
    },
  };
}

async function examine(pool: pg.Pool, migrationsDirs: readonly string[]): Promise<readonly Finding[]> {
  await pool.query('select 1');
  const askedMs = Date.now();
  const server = await readServer(pool);
  const answeredMs = Date.now();
  const { version, number, standby, role, excess, size } = server;
  return [
    standby
      ? fail('postgres', 'PostgreSQL takes no writes: it is a standby.', 'point DATABASE_URL at the primary')
      : number < OLDEST
        ? fail('postgres', `PostgreSQL ${version} is too old.`, 'bring the server to version 14 or newer')
        : pass(
            'postgres',
            `PostgreSQL ${version} answers in ${answeredMs - askedMs} ms and takes writes; the database has ${size}.`,
          ),
    excess.length > 0
      ? warn(
          'postgres-role',
          `The role ${role} may do more than the bridge needs: ${excess.join(', ')}.`,
          `as an administrator: alter role "${role}" ${excess.map((right) => `no${right}`).join(' ')}`,
        )
      : pass('postgres-role', `The role ${role} has no right over the server.`),
    await checkMigrations(pool, migrationsDirs),
    judgeSkew('postgres-clock', "PostgreSQL's clock", server.nowMs, askedMs, answeredMs),
  ];
}

async function readServer(pool: pg.Pool): Promise<Server> {
  const { rows } = await pool.query<Server>(
    `select current_setting('server_version') as version, current_setting('server_version_num')::int as number,
            pg_is_in_recovery() as standby, rolname as role,
            array_remove(array[case when rolsuper then 'superuser' end, case when rolcreaterole then 'createrole' end,
              case when rolcreatedb then 'createdb' end, case when rolreplication then 'replication' end,
              case when rolbypassrls then 'bypassrls' end], null) as excess,
            pg_size_pretty(pg_database_size(current_database())) as size,
            date_part('epoch', clock_timestamp()) * 1000 as "nowMs"
       from pg_roles where rolname = current_user`,
  );
  return rows[0]!;
}

async function checkMigrations(pool: pg.Pool, dirs: readonly string[]): Promise<Finding> {
  const statuses = await readMigrationStatus(pool, dirs);
  const named = (state: string) => statuses.filter((one) => one.state === state).map(({ name }) => name);
  const [broken, pending] = [[...named('changed'), ...named('failed')], named('pending')];
  if (broken.length > 0)
    return fail(
      'migrations',
      `${broken.join(', ')} failed, or is not what was applied to this database.`,
      'run the build that belongs to this database; bridge migrate --status shows each',
    );
  return pending.length > 0
    ? fail('migrations', `The database lacks ${pending.join(', ')}.`, 'bridge migrate')
    : pass('migrations', `All ${statuses.length} are applied.`);
}

function unreachable(error: unknown, databaseUrl: string): Finding {
  const known = translateError(error);
  if (!(known instanceof TransientError)) throw error;
  const { host, pathname } = new URL(databaseUrl);
  if (known.code === 'DATABASE_UNAUTHORISED')
    return fail(
      'postgres',
      `PostgreSQL at ${host} refuses the user or its password.`,
      'correct them in DATABASE_URL',
    );
  if ((error as { code?: string }).code === '3D000')
    return fail(
      'postgres',
      `PostgreSQL at ${host} has no database ${pathname.slice(1)}.`,
      'create it, then bridge migrate',
    );
  return fail(
    'postgres',
    `PostgreSQL at ${host} does not answer (${known.code}).`,
    'start it, or correct DATABASE_URL',
  );
}
