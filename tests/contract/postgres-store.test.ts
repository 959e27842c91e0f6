import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, inject } from 'vitest';
import type pg from 'pg';
import { createConflictReader } from '../../src/postgres/create-conflict-reader.ts';
import { createPool } from '../../src/postgres/create-pool.ts';
import { createStore } from '../../src/postgres/create-store.ts';
import type { FuseBlow, Store } from '../../src/ports.ts';
import { createTestDatabase } from '../support/test-database.ts';
import type { TestDatabase } from '../support/test-database.ts';
import { describeStore } from './store-contract.ts';

const TOY = fileURLToPath(new URL('./toy-migrations', import.meta.url));

describe('the store on PostgreSQL', () => {
  let database: TestDatabase;
  let pool: pg.Pool;
  let store: Store;
  beforeAll(async () => {
    database = await createTestDatabase(inject('databaseUrl'), [TOY]);
    pool = createPool({ databaseUrl: database.url, onError: () => {} });
    store = createStore({ pool });
  });
  afterAll(async () => {
    await pool.end();
    await database.drop();
  });

  const column = async (sql: string, values: unknown[] = []) =>
    (await pool.query({ text: sql, values, rowMode: 'array' })).rows.map(([value]) => value as string);
  describeStore(() => ({
    store,
    conflicts: createConflictReader({ pool }),
    flags: async (entityId) =>
      (
        await pool.query<{ code: string; eventId: string }>(
          'select code, event_id as "eventId" from entity_flag where entity_id = $1 and cleared_at is null',
          [entityId],
        )
      ).rows,
    outbox: () => column('select event_id from outbox order by sequence'),
    deliveries: (eventId) =>
      column('select outcome from delivery where event_id = $1 order by id', [eventId]),
    blows: async (topic) =>
      (
        await pool.query<FuseBlow>(
          'select topic, counted, codes, samples from topic_fuse where topic = $1 and resumed_at is null',
          [topic],
        )
      ).rows,
    quarantine: async (topic) =>
      (
        await pool.query<{ id: string; code: string; attempts: number; how: string | null }>(
          'select id, code, attempts, settled_how as how from quarantine where topic = $1',
          [topic],
        )
      ).rows,
    audit: (subject) => column('select action from audit where subject = $1 order by id', [subject]),
  }));
});
