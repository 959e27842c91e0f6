import type pg from 'pg';
import type { Store, StoreTransaction } from '../ports.ts';
import { createRouteIds } from './intern-routes.ts';
import { readLineage, readStates } from './read-lineage.ts';
import {
  readBytes,
  readEntities,
  readEvents,
  readHistory,
  readIdempotency,
  readPosition,
  readPositions,
} from './read-stored.ts';
import { isServersFault, translated } from './translate-error.ts';
import { writePlan } from './write-plan.ts';
import { areNewToQuarantine } from './write-quarantine.ts';

/** The store on PostgreSQL. Hot statements are prepared once per connection; arrays travel in binary. */
export function createStore(deps: { readonly pool: pg.Pool }): Store {
  const { pool } = deps;
  const routes = createRouteIds();
  return {
    transaction: (work) =>
      translated(async () => {
        const afterCommit: (() => void)[] = [];
        const result = await inTransaction(pool, (client) =>
          work(
            bindTransaction(client, async (plan) => {
              afterCommit.push(await writePlan(client, plan, routes));
            }),
          ),
        );
        for (const remember of afterCommit) remember();
        return result;
      }),
    readPosition: (topic, partition) => translated(() => readPosition(pool, topic, partition)),
    readPositions: (topics) => translated(() => readPositions(pool, topics)),
  };
}

/** What a statement throws passes through `work` to `transaction`, which translates it. */
function bindTransaction(client: pg.ClientBase, write: StoreTransaction['write']): StoreTransaction {
  return {
    readEntities: (kind, ids) => readEntities(client, kind, ids),
    readEvents: (eventIds) => readEvents(client, eventIds),
    readHistory: (kind, pairs) => readHistory(client, kind, pairs),
    readLineage: (kind, entityIds) => readLineage(client, kind, entityIds),
    readStates: (eventIds) => readStates(client, eventIds),
    readBytes: (eventId) => readBytes(client, eventId),
    readIdempotency: (apiKeyId, key) => readIdempotency(client, apiKeyId, key),
    areNewToQuarantine: (records) => areNewToQuarantine(client, records),
    write,
  };
}

/** Commits when `work` resolves, rolls back when it rejects. When the connection is lost on the way the server rolls
 *  back by itself; when it is lost during the commit nobody knows, and trying again finds out: whatever was written
 *  then shows as moved or as known. A connection that failed is not given to anyone else, nor is one to a server that
 *  takes no writes: after a fail-over the address leads to another. */
async function inTransaction<T>(pool: pg.Pool, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  let broken = false;
  try {
    await client.query('begin isolation level read committed');
    const result = await work(client);
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
