import pg from 'pg';

export interface PoolOptions {
  readonly databaseUrl: string;
  /** Connections at most; the others wait. */
  readonly max?: number;
  /** A connection was lost while nobody used it, or between two statements: told, never thrown. */
  readonly onError: (error: Error) => void;
}

/** The one pool of a process. Opens no connection yet. Nothing waits for ever: not for a free connection, a connection
 *  attempt, a statement, nor a server that has vanished without closing its connections; and a transaction that this
 *  process forgot is ended by the server. */
export function createPool(options: PoolOptions): pg.Pool {
  const pool = new pg.Pool({
    connectionString: options.databaseUrl,
    application_name: 'eassurance-bridge',
    max: options.max ?? 10,
    connectionTimeoutMillis: 5_000,
    idleTimeoutMillis: 60_000,
    statement_timeout: 30_000,
    // Later than the server's own limit: it ends only what the server can no longer answer for.
    query_timeout: 35_000,
    lock_timeout: 20_000,
    idle_in_transaction_session_timeout: 60_000,
    keepAlive: true,
  });
  pool.on('error', options.onError);
  // A connection that is checked out has no other listener, and an 'error' event without one ends the process.
  pool.on('connect', (client) => client.on('error', options.onError));
  return pool;
}
