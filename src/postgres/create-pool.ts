import pg from 'pg';

export interface PoolOptions {
  readonly databaseUrl: string;
  /** Connections at most; the others wait. */
  readonly max?: number;
  /** A statement that takes longer is ended; far longer than any batch takes. */
  readonly statementTimeoutMs?: number;
  /** A connection was lost while nobody used it, or between two statements: told, never thrown. */
  readonly onError: (error: Error) => void;
}

/** The one pool of a process. Opens no connection yet. Nothing waits for ever: not for a free connection, a connection
 *  attempt, a statement, nor a server that has vanished without closing its connections; and a transaction that this
 *  process forgot is ended by the server. */
export function createPool(options: PoolOptions): pg.Pool {
  const { statementTimeoutMs = 30_000 } = options;
  const pool = new pg.Pool({
    connectionString: options.databaseUrl,
    application_name: 'eassurance-bridge',
    max: options.max ?? 10,
    // Short: whoever waits for a server that does not answer tries again soon after its return.
    connectionTimeoutMillis: 3_000,
    idleTimeoutMillis: 60_000,
    statement_timeout: statementTimeoutMs,
    // Later than the server's own limit: it ends only what the server can no longer answer for.
    query_timeout: statementTimeoutMs * 1.2,
    lock_timeout: statementTimeoutMs * 0.7,
    idle_in_transaction_session_timeout: 60_000,
    // Statements are sent without waiting for the answer to the one before; each fails by itself.
    pipeline: true,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
  });
  pool.on('error', options.onError);
  // A connection that is checked out has no other listener, and an 'error' event without one ends the process.
  pool.on('connect', (client) => client.on('error', options.onError));
  return pool;
}
