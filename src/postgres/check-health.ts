import type pg from 'pg';
import { TransientError } from '../domain/errors.ts';
import type { HealthCheck } from '../ports.ts';
import { translateError } from './translate-error.ts';

/** `up` when PostgreSQL answers and takes writes. Never rejects; waits no longer than the pool's own limits. */
export function createPostgresHealthCheck(deps: { readonly pool: pg.Pool }): HealthCheck {
  return async function postgres() {
    try {
      const { rows } = await deps.pool.query<{ read_only: string }>(
        `select current_setting('transaction_read_only') as read_only`,
      );
      return rows[0]?.read_only === 'on'
        ? {
            name: 'postgres',
            status: 'down',
            detail: 'PostgreSQL takes no writes: it is a standby, or read-only',
          }
        : { name: 'postgres', status: 'up', detail: 'PostgreSQL answers' };
    } catch (error) {
      const known = translateError(error);
      const code = known instanceof TransientError ? known.code : (error as { code?: string }).code;
      return {
        name: 'postgres',
        status: 'down',
        detail: `PostgreSQL does not answer (${code ?? 'unknown'})`,
      };
    }
  };
}
