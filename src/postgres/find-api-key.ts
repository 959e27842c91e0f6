import type pg from 'pg';
import { TransientError } from '../domain/errors.ts';
import type { ApiKey, Scope } from '../ports.ts';
import { joinReads } from '../runtime/join-reads.ts';
import { textArray, uuidArray } from './binary-arrays.ts';
import { translated } from './translate-error.ts';

/** How exact `lastUsedAtMs` is: a key that is used all the time costs one write in this while. */
const LAST_USE_EVERY_MS = 60_000;

/** Finds live keys by the hash of their secret; a revoked one is not found. Lookups that come while others are under way
 *  share a statement, which begins after each of them came: a revocation that is committed holds at once. */
export function createApiKeyFinder(pool: pg.Pool): (secretHash: string) => Promise<ApiKey | null> {
  return joinReads((hashes) => translated(() => findLive(pool, hashes)));
}

async function findLive(pool: pg.Pool, hashes: readonly string[]): Promise<ReadonlyMap<string, ApiKey>> {
  const { rows } = await pool.query<KeyRow>({
    name: 'find-api-keys',
    text: `select id, owner, scope, provider, secret_hash, date_part('epoch', created_at) * 1000 as created_at_ms,
                  date_part('epoch', last_used_at) * 1000 as last_used_at_ms
             from api_key where secret_hash = any($1::text[]) and revoked_at is null`,
    values: [textArray(hashes)],
  });
  const staleBefore = Date.now() - LAST_USE_EVERY_MS;
  const stale = rows.filter((row) => row.last_used_at_ms === null || row.last_used_at_ms < staleBefore);
  if (stale.length > 0) await noteUse(pool, stale);
  return new Map(rows.map((row) => [row.secret_hash, toApiKey(row)]));
}

/** A database that takes no writes still admits whoever only reads. */
async function noteUse(pool: pg.Pool, keys: readonly KeyRow[]): Promise<void> {
  try {
    await translated(() =>
      pool.query('update api_key set last_used_at = now() where id = any($1::uuid[])', [
        uuidArray(keys.map(({ id }) => id)),
      ]),
    );
  } catch (error) {
    if (!(error instanceof TransientError)) throw error;
  }
}

interface KeyRow {
  readonly id: string;
  readonly owner: string;
  readonly scope: string;
  readonly provider: string | null;
  readonly secret_hash: string;
  readonly created_at_ms: number;
  readonly last_used_at_ms: number | null;
}

function toApiKey(row: KeyRow): ApiKey {
  return {
    id: row.id,
    owner: row.owner,
    scope: row.scope as Scope,
    provider: row.provider,
    createdAtMs: Math.round(row.created_at_ms),
    revokedAtMs: null,
    lastUsedAtMs: row.last_used_at_ms === null ? null : Math.round(row.last_used_at_ms),
  };
}
