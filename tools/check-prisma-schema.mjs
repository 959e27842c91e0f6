// Proves that prisma/schema.prisma says what the migrations make: applies them to an empty database of a throw-away
// server and lets Prisma compare. Exit code 0 when the two agree; else 1 with the SQL that is missing.
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startPostgres } from '../src/embedded/start-postgres.ts';
import { createPool } from '../src/postgres/create-pool.ts';
import { applyMigrations } from '../src/postgres/migrate.ts';

const inProject = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));
const scratch = await mkdtemp(join(tmpdir(), 'check-prisma-'));
const server = await startPostgres({ dataDir: join(scratch, 'data'), password: 'scratch' });
try {
  const pool = createPool({ databaseUrl: server.url, onError: () => {} });
  await applyMigrations(pool, [inProject('prisma/migrations')]);
  await pool.query('drop table _prisma_migrations');
  await pool.end();
  const diff = spawnSync(
    process.execPath,
    [
      inProject('node_modules/prisma/build/index.js'),
      ...['migrate', 'diff', '--from-config-datasource', '--to-schema', 'prisma/schema.prisma'],
      ...['--script', '--exit-code'],
    ],
    {
      cwd: inProject('.'),
      encoding: 'utf8',
      env: {
        ...process.env,
        DATABASE_URL: server.url,
        PRISMA_SCHEMA_ENGINE_BINARY: inProject('tools/schema-engine.mjs'),
      },
    },
  );
  if (diff.status === 0) {
    console.log('schema.prisma and the migrations agree');
  } else {
    console.error(diff.status === 2 ? 'The migrations lack:' : 'The comparison failed:');
    console.error(diff.stdout, diff.status === 2 ? '' : diff.stderr);
    process.exitCode = 1;
  }
} finally {
  await server.stop();
  await rm(scratch, { recursive: true, force: true });
}
