import type pg from 'pg';
import { TransientError } from '../domain/errors.ts';
import type { HealthCheck } from '../ports.ts';
import { translateError } from './translate-error.ts';

/** `up` when PostgreSQL answers and takes writes. Never rejects; waits no longer than the pool's own limits. */
export function createPostgresHealthCheck(deps: { readonly pool: pg.Pool }): HealthCheck {
  return async () => {
    try {
      const { rows } = await deps.pool.query<{ standby: boolean }>('select pg_is_in_recovery() as standby');
      return rows[0]?.standby
        ? { name: 'postgres', status: 'down', detail: 'PostgreSQL takes no writes: it is a standby' }
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
