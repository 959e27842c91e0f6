import pg from 'pg';
import type { CleanupStack } from '../../src/runtime/cleanup-stack.ts';
import type { TestServices } from '../../tests/support/start-test-services.ts';
import { createTestDatabase } from '../../tests/support/test-database.ts';
import { connectLoader } from '../connect-loader.ts';
import { lastSequence } from '../drain/check-ending.ts';
import { composeLoad } from '../drain/compose-load.ts';
import { fillTopics } from '../drain/fill-topics.ts';
import { runBridges } from '../drain/run-bridges.ts';
import { openBed } from '../open-bed.ts';
import type { Cost } from './compare-costs.ts';
import { forgetDrained, storeEvents } from './store-events.ts';

export interface BesideOptions {
  /** How many events are stored already, the fewest first. */
  readonly sizes: readonly number[];
  readonly events: number;
  readonly rounds: number;
  readonly signal: AbortSignal;
}

/** Drains the same load into databases that hold events of others already; by the number of those. */
export async function drainBesideEvents(
  services: TestServices,
  { sizes, events, rounds, signal }: BesideOptions,
  cleanup: CleanupStack,
): Promise<ReadonlyMap<number, readonly Cost[]>> {
  const bed = await openBed({ services, providers: 1, partitions: 8, signal }, cleanup);
  const load = await composeLoad(events, bed.providerIds[0]!, services.registryUrl, signal);
  await fillTopics(bed.kafka, load.records, bed.signal);
  const { value } = load.records.find(({ event }) => event !== null)!;

  const databases = new Map<number, string>();
  for (const size of sizes) {
    console.error(`growth: storing ${size.toLocaleString('en')} events`);
    const database = await createTestDatabase(services.databaseUrl);
    cleanup.defer('the database', () => database.drop());
    databases.set(size, database.url);
    const client = await connectLoader(database.url, signal);
    await storeEvents(client, size, value);
    await client.query('checkpoint');
    await client.end();
  }
  const costs = new Map(sizes.map((size) => [size, [] as Cost[]]));
  for (let round = 1; round <= rounds; round++) {
    for (const [size, url] of databases) {
      console.error(`growth: round ${round} of ${rounds}, beside ${size.toLocaleString('en')} events`);
      const db = new pg.Pool({ connectionString: url, max: 1 });
      try {
        const before = await lastSequence(db);
        costs.get(size)!.push(await runBridges(1, bed, load, url));
        const client = await connectLoader(url, signal);
        await forgetDrained(client, before);
        await client.end();
      } finally {
        await db.end();
      }
    }
  }
  return costs;
}
