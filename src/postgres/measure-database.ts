import type pg from 'pg';
import type { DatabaseSize } from '../ports.ts';
import { translated } from './translate-error.ts';

/** Tables, indexes and what lies dead in them; the log of the server (WAL) comes on top. */
export function createDatabaseSize(deps: { readonly pool: pg.Pool }): DatabaseSize {
  return () =>
    translated(async () => {
      const { rows } = await deps.pool.query<{ bytes: string }>(
        'select pg_database_size(current_database()) as bytes',
      );
      return Number(rows[0]!.bytes);
    });
}
