import pg from 'pg';
import { createCleanupStack } from '../../src/runtime/cleanup-stack.ts';
import { createTestDatabase } from '../../tests/support/test-database.ts';
import { launchBridge, type Bridge } from '../launch-bridge.ts';
import type { Bed } from '../open-bed.ts';
import { forgetGroups } from '../watch-groups.ts';
import { checkEnding, lastSequence } from './check-ending.ts';
import type { Load } from './compose-load.ts';

export interface Drained {
  /** From the first settled batch to the last. */
  readonly perSecond: number;
  /** Of the processes that drained, user and system, milliseconds for 1,000 events; the database's comes on top. */
  readonly cpuPer1000: number;
  /** Highest resident size of one process, bytes. */
  readonly resident: number;
}

/** `bridge run`, as many processes as asked for, on full topics, until every record has its outcome: in an empty database,
 *  or in the one given. Then holds every row against what the insurer reckons. */
export async function runBridges(
  processes: number,
  bed: Bed,
  load: Load,
  databaseUrl?: string,
): Promise<Drained> {
  const cleanup = createCleanupStack();
  cleanup.defer('the groups', () => forgetGroups(bed));
  try {
    let url = databaseUrl;
    if (url === undefined) {
      const database = await createTestDatabase(bed.services.databaseUrl);
      cleanup.defer('the database', () => database.drop());
      url = database.url;
    }
    const db = new pg.Pool({ connectionString: url, max: 1 });
    cleanup.defer('the reader', () => db.end());
    const before = await lastSequence(db);
    const bridges: Bridge[] = [];
    for (let i = 1; i <= processes; i++) bridges.push(await launchBridge(`drain-${i}`, url, bed, cleanup));
    const all = async (measure: (bridge: Bridge) => Promise<number>) => Promise.all(bridges.map(measure));
    const cpuMs = async () => (await all((bridge) => bridge.cpuMs())).reduce((sum, ms) => sum + ms, 0);

    let settled = 0;
    let resident = 0;
    const look = async (): Promise<number> => {
      settled = await countSettled(db);
      if (settled > 0) resident = Math.max(resident, ...(await all((bridge) => bridge.residentBytes())));
      return settled;
    };
    const [bridge] = bridges as [Bridge];
    await bridge.until(async () => (await look()) > 0);
    const first = { at: performance.now(), settled, cpu: await cpuMs() };
    await bridge.until(async () => (await look()) >= load.records.length);
    const elapsedMs = performance.now() - first.at;
    const events = settled - first.settled;
    const cpuPer1000 = (((await cpuMs()) - first.cpu) / events) * 1_000;
    await checkEnding(db, load, before);
    return { perSecond: (events / elapsedMs) * 1_000, cpuPer1000, resident };
  } finally {
    await cleanup.unwind();
  }
}

/** Records with an outcome, of topics that were new. */
export async function countSettled(db: pg.Pool): Promise<number> {
  const { rows } = await db.query<{ settled: number }>(
    'select coalesce(sum(next_offset), 0)::int as settled from applied_offset',
  );
  return rows[0]!.settled;
}
