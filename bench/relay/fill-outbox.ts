import { HUB } from '../../src/domain/event.ts';
import { createPool } from '../../src/postgres/create-pool.ts';
import { createStore } from '../../src/postgres/create-store.ts';
import { toPlan, type OwnEvent } from '../drain/own-layout.ts';
import type { Bed } from '../open-bed.ts';

const BATCH = 1_000;

/** Writes the edits as the bridge does, each with its entity row, its event and its outbox row, in their order. */
export async function fillOutbox(bed: Bed, databaseUrl: string, edits: readonly OwnEvent[]): Promise<void> {
  const [shard] = bed.providerIds as [string];
  const pool = createPool({ databaseUrl, max: 1, onError: () => {} });
  const store = createStore({ pool });
  const written = new Map<string, number>();
  try {
    for (let from = 0; from < edits.length; from += BATCH) {
      bed.signal.throwIfAborted();
      const plan = toPlan(bed, edits.slice(from, from + BATCH), written, HUB);
      const outbox = plan.events.map(({ eventId }) => ({ eventId, shard, traceparent: null }));
      await store.transaction((tx) => tx.write({ ...plan, outbox }));
    }
    // What autovacuum would have done by and by.
    await pool.query('vacuum analyze');
  } finally {
    await pool.end();
  }
}
