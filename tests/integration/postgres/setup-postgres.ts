import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, inject } from 'vitest';
import type pg from 'pg';
import { createPool } from '../../../src/postgres/create-pool.ts';
import { createStore } from '../../../src/postgres/create-store.ts';
import type { Store } from '../../../src/ports.ts';
import { createTestDatabase } from '../../support/test-database.ts';
import type { TestDatabase } from '../../support/test-database.ts';

const TOY = fileURLToPath(new URL('../../contract/toy-migrations', import.meta.url));

export interface PostgresFixture {
  url: string;
  pool: pg.Pool;
  store: Store;
  /** What the pool told of lost connections. */
  errors: Error[];
}

/** A migrated database of its own for the file, with the toy kind's table. */
export function setupPostgres(): PostgresFixture {
  const fixture = { errors: [] as Error[] } as PostgresFixture;
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createTestDatabase(inject('databaseUrl'), [TOY]);
    fixture.url = database.url;
    fixture.pool = createPool({ databaseUrl: database.url, onError: (error) => fixture.errors.push(error) });
    fixture.store = createStore({ pool: fixture.pool });
  });
  afterAll(async () => {
    await fixture.pool.end();
    await database.drop();
  });
  return fixture;
}
