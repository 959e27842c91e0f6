import { isAxiosError } from 'axios';
import { BridgeError, PermanentError, TransientError } from '../domain/errors.ts';

/** What the registry client's library writes when an answer has no message of the registry, and also (as status 400)
 *  when there was no answer at all. */
const NOT_ITS_OWN_WORD = / - Error, status \d+/;

/** The status that the registry itself answered with, from either client. A failed connection and a proxy's error page
 *  count as 503: they say nothing about a schema. */
export function statusOf(error: unknown): number | undefined {
  const axiosError = isAxiosError(error);
  const status = axiosError
    ? (error.response?.status ?? 503)
    : (error as { status?: unknown } | null)?.status;
  if (typeof status !== 'number') return undefined;
  if (isUnauthorised(status)) return status;
  const silent = axiosError
    ? typeof (error.response?.data as { message?: unknown } | undefined)?.message !== 'string'
    : NOT_ITS_OWN_WORD.test((error as Error).message);
  return silent ? 503 : status;
}

function isUnauthorised(status: number | undefined): boolean {
  return status === 401 || status === 403;
}

/** What a failed call to the registry means: a refused schema (4xx) is a PermanentError `SCHEMA_REFUSED`; wrong
 *  credentials, no connection, throttling and 5xx are TransientErrors, since no message is to blame for them. */
export function translateRegistryError(error: unknown, doing: string): BridgeError {
  if (error instanceof BridgeError) return error;
  const status = statusOf(error);
  const options = { cause: error };
  if (isUnauthorised(status))
    return new TransientError(
      'REGISTRY_UNAUTHORISED',
      `the schema registry refused the credentials while ${doing}: correct SCHEMA_REGISTRY_USERNAME and SCHEMA_REGISTRY_PASSWORD`,
      options,
    );
  if (status !== undefined && status >= 400 && status < 500 && status !== 408 && status !== 429)
    return new PermanentError(
      'SCHEMA_REFUSED',
      `the schema registry refused while ${doing}: ${reasonOf(error)}`,
      options,
    );
  return new TransientError(
    'REGISTRY_UNAVAILABLE',
    `the schema registry can't be asked while ${doing}: ${reasonOf(error)}`,
    options,
  );
}

/** The registry's own words, on one line. */
export function reasonOf(error: unknown): string {
  const body = isAxiosError<{ message?: unknown } | undefined>(error) ? error.response?.data : undefined;
  const text = typeof body?.message === 'string' ? body.message : (error as Error).message;
  return text
    .replace(/^Confluent_Schema_Registry - /, '')
    .replace(/\s+/g, ' ')
    .slice(0, 500)
    .replace(/[.\s]+$/, '');
}
