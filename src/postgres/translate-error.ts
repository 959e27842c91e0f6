import { BridgeError, TransientError } from '../domain/errors.ts';

/** SQLSTATE, or its class of two characters → code. Whatever is not listed is a bug. */
const SQLSTATE_CODES: Readonly<Record<string, string>> = {
  '08': 'DATABASE_UNAVAILABLE', // connection exception
  '28': 'DATABASE_UNAUTHORISED', // wrong user or password
  '53': 'DATABASE_UNAVAILABLE', // too many connections, out of memory
  '58': 'DATABASE_UNAVAILABLE', // I/O error of the server
  '53100': 'DATABASE_FULL',
  '57P01': 'DATABASE_UNAVAILABLE', // admin shutdown
  '57P02': 'DATABASE_UNAVAILABLE', // crash shutdown
  '57P03': 'DATABASE_UNAVAILABLE', // cannot connect now: starting or stopping
  '57P04': 'DATABASE_UNAVAILABLE', // the database was dropped
  '3D000': 'DATABASE_UNAVAILABLE', // no such database: it is being restored
  '57P05': 'DATABASE_UNAVAILABLE', // idle session timeout
  '25P03': 'DATABASE_TIMEOUT', // idle in transaction
  '57014': 'DATABASE_TIMEOUT', // statement timeout
  '55P03': 'DATABASE_TIMEOUT', // lock timeout
  '25006': 'DATABASE_READ_ONLY', // after a fail-over: this server is now a standby
  '40001': 'DATABASE_CONTENTION', // serialization failure
  '40P01': 'DATABASE_CONTENTION', // deadlock
};

/** Prisma's own codes for what it does not pass on as SQLSTATE. */
const PRISMA_CODES: Readonly<Record<string, string>> = {
  P1001: 'DATABASE_UNAVAILABLE', // cannot reach the server
  P1002: 'DATABASE_UNAVAILABLE', // reached, but timed out
  P1008: 'DATABASE_TIMEOUT', // operation timed out
  P1017: 'DATABASE_UNAVAILABLE', // connection closed by the server
  P2024: 'DATABASE_UNAVAILABLE', // no free connection in time
  P2028: 'DATABASE_TIMEOUT', // transaction could not start in time
  P2034: 'DATABASE_CONTENTION', // write conflict or deadlock
  P2037: 'DATABASE_UNAVAILABLE', // too many connections
};

const NETWORK_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'EHOSTDOWN',
  'ENETUNREACH',
  'ENETDOWN',
  'ENOTFOUND',
  'EAI_AGAIN',
]);

/** What the drivers say without a code when a connection is gone. */
const LOST_CONNECTION =
  /^(Connection terminated|Client has encountered a connection error|Client was closed|timeout exceeded when trying to connect|timeout expired)/;
const NO_ANSWER = /^Query read timeout/;

/** The error as a flow should see it: a TransientError when the database is away, full, read-only or contended, else
 *  the error itself, which is a bug. Our own errors pass unchanged. Understands `pg` as well as Prisma. */
export function translateError(error: unknown): unknown {
  if (error instanceof BridgeError) return error;
  for (const link of causes(error)) {
    const code = codeOf(link);
    if (code !== undefined) return new TransientError(code, describe(code, link), { cause: error });
  }
  return error;
}

/** Whether the error says that this connection is of no more use: it is lost, silent, or leads to a server that takes no
 *  writes. An answer to one statement (a timeout of the server's, a deadlock) says no such thing. */
export function isServersFault(error: unknown): boolean {
  const known = translateError(error);
  if (!(known instanceof TransientError)) return false;
  const answered = typeof (error as { severity?: unknown }).severity === 'string';
  return !answered || known.code === 'DATABASE_READ_ONLY';
}

/** Runs `work`, translating what it throws. */
export async function translated<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw translateError(error);
  }
}

/** The error, and what lies in it: `cause`, the attempts of an AggregateError, and Prisma's wrapping of `pg`. */
function* causes(error: unknown): Generator<Record<string, unknown>> {
  if (typeof error !== 'object' || error === null) return;
  const link = error as Record<string, unknown>;
  yield link;
  if (Array.isArray(link['errors'])) for (const one of link['errors']) yield* causes(one);
  const meta = link['meta'] as Record<string, unknown> | undefined;
  for (const inner of [link['cause'], meta?.['driverAdapterError']]) yield* causes(inner);
}

function codeOf(error: Record<string, unknown>): string | undefined {
  for (const code of [error['originalCode'], error['code']]) {
    if (typeof code !== 'string') continue;
    if (NETWORK_CODES.has(code)) return 'DATABASE_UNAVAILABLE';
    const sqlstate = /^[0-9A-Z]{5}$/.test(code) && !code.startsWith('P');
    const found = sqlstate ? (SQLSTATE_CODES[code] ?? SQLSTATE_CODES[code.slice(0, 2)]) : PRISMA_CODES[code];
    if (found !== undefined) return found;
  }
  const message = error['message'];
  if (typeof message !== 'string') return undefined;
  if (LOST_CONNECTION.test(message)) return 'DATABASE_UNAVAILABLE';
  return NO_ANSWER.test(message) ? 'DATABASE_TIMEOUT' : undefined;
}

function describe(code: string, error: Record<string, unknown>): string {
  const sentences: Record<string, string> = {
    DATABASE_UNAVAILABLE: 'PostgreSQL cannot be reached',
    DATABASE_UNAUTHORISED: 'PostgreSQL refuses the user or its password',
    DATABASE_FULL: 'the disk of PostgreSQL is full',
    DATABASE_TIMEOUT: 'PostgreSQL did not answer in time',
    DATABASE_READ_ONLY: 'PostgreSQL takes no writes: it is a standby, or read-only',
    DATABASE_CONTENTION: 'PostgreSQL ended a transaction in favour of another',
  };
  return `${sentences[code]} (${String(error['message'] ?? error['code'])})`;
}
