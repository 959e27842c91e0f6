import { hash } from 'node:crypto';
import type { ApiKeyTable } from '../ports.ts';
import { callerOf, type Caller } from './endpoint.ts';
import { ProblemError } from './problem.ts';

/** SHA-256 (hex) of an API key's secret: all that is ever stored or compared. A secret has 256 random bits, so a plain
 *  hash can neither be reversed nor searched, and looking up a hash leaks no timing of the secret itself. */
export function hashSecret(secret: string): string {
  return hash('sha256', secret);
}

/** The caller behind an `X-API-Key` with this hash, null where there is none. Throws the problem `unauthenticated` for a key that is missing, unknown or revoked,
 *  with the same words for the last two: whoever holds a wrong key learns nothing about it. */
export async function authenticate(
  secretHash: string | null,
  keys: Pick<ApiKeyTable, 'findBySecretHash'>,
): Promise<Caller> {
  if (secretHash === null) throw refused('Send your API key in the header X-API-Key.');
  const key = await keys.findBySecretHash(secretHash);
  if (key === null || key.revokedAtMs !== null) {
    throw refused('The API key in X-API-Key is unknown or revoked.');
  }
  return callerOf(key);
}

function refused(detail: string): ProblemError {
  return new ProblemError('unauthenticated', detail, {
    headers: { 'WWW-Authenticate': 'ApiKey realm="eassurance"' },
  });
}
