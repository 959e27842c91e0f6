import type pg from 'pg';
import type { Store, StoreTransaction } from '../ports.ts';
import { inEagerTransaction } from './in-transaction.ts';
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
import { translated } from './translate-error.ts';
import { writePlan } from './write-plan.ts';
import { areNewToQuarantine } from './write-quarantine.ts';

/** The store on PostgreSQL. Hot statements are prepared once per connection; arrays travel in binary. */
export function createStore(deps: { readonly pool: pg.Pool }): Store {
  const { pool } = deps;
  const routes = createRouteIds();
  return {
    transaction: (work, options) =>
      translated(async () => {
        const afterCommit: (() => void)[] = [];
        const result = await inEagerTransaction(
          pool,
          (client, begun) =>
            work(
              bindTransaction(client, async (plan) => {
                await begun;
                afterCommit.push(await writePlan(client, plan, routes));
              }),
            ),
          options,
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
    readIdempotency: (keys) => readIdempotency(client, keys),
    areNewToQuarantine: (records) => areNewToQuarantine(client, records),
    write,
  };
}
