import type pg from 'pg';
import { allInOrder } from '../runtime/all-in-order.ts';
import { sendTogether } from './send-together.ts';
import { isServersFault } from './translate-error.ts';

/** Commits when `work` resolves, rolls back when it rejects. When the connection is lost on the way the server rolls
 *  back by itself; when it is lost during the commit nobody knows, and trying again finds out: whatever was written
 *  then shows as moved or as known. A connection that failed is not given to anyone else, nor is one to a server that
 *  takes no writes: after a fail-over the address leads to another. */
export async function inTransaction<T>(
  pool: pg.Pool,
  work: (client: pg.PoolClient) => Promise<T>,
): Promise<T> {
  return inEagerTransaction(pool, async (client, begun) => {
    await begun;
    return work(client);
  });
}

/** The same, but `work` is called before the server has answered that it has begun. What it reads may be sent at once, and
 *  is answered behind that. What it writes has to wait for `begun`: where a server refused to begin (somebody cancels
 *  that very statement), each statement would be a transaction of its own. */
export async function inEagerTransaction<T>(
  pool: pg.Pool,
  work: (client: pg.PoolClient, begun: Promise<unknown>) => Promise<T>,
  { lockWaitMs }: { readonly lockWaitMs?: number } = {},
): Promise<T> {
  const client = await pool.connect();
  let broken = false;
  try {
    const limit = lockWaitMs === undefined ? '' : `; set local lock_timeout = ${Math.trunc(lockWaitMs)}`;
    const [, result] = await sendTogether(client, () => {
      const begun = client.query(`begin isolation level read committed${limit}`);
      return allInOrder([begun, work(client, begun)]);
    });
    const { command } = await client.query('commit');
    // PostgreSQL answers a commit of a transaction in which a statement had failed with a rollback, not with an error.
    if (command !== 'COMMIT')
      throw new Error('a failed statement was ignored: the transaction was rolled back');
    return result;
  } catch (error) {
    // A server that did not answer is not asked for a rollback, which it would owe just as long: it makes one by itself.
    if (isServersFault(error)) broken = true;
    else await client.query('rollback').catch(() => (broken = true));
    throw error;
  } finally {
    client.release(broken);
  }
}
