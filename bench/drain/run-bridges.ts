import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { createCleanupStack } from '../../src/runtime/cleanup-stack.ts';
import { startBridge } from '../../tests/soak/open-world.ts';
import { freePort } from '../../tests/support/free-port.ts';
import { programOf, residentBytes } from '../../tests/support/inspect-process.ts';
import { createTestDatabase } from '../../tests/support/test-database.ts';
import type { Bed } from '../open-bed.ts';
import type { Load } from './compose-load.ts';

export interface Drained {
  /** From the first settled batch to the last. */
  readonly perSecond: number;
  /** Of the processes that drained, user and system, milliseconds for 1,000 events; the database's comes on top. */
  readonly cpuPer1000: number;
  /** Highest resident size of one process, bytes. */
  readonly resident: number;
}

const POLL_MS = 50;
const TICKS_PER_SECOND = 100;

/** `bridge run`, as many processes as asked for, on an empty database and full topics, until every record has its outcome.
 *  Then holds every row against what the insurer reckons. */
export async function runBridges(processes: number, bed: Bed, load: Load): Promise<Drained> {
  const cleanup = createCleanupStack();
  const stop = new AbortController();
  try {
    const database = await createTestDatabase(bed.services.databaseUrl);
    cleanup.defer('the database', () => database.drop());
    const env = { ...bed.env, DATABASE_URL: database.url };
    const children = [];
    for (let i = 1; i <= processes; i++) {
      const world = { env, folder: bed.folder };
      const child = await startBridge(`drain-${i}`, await freePort(), world, stop.signal);
      cleanup.defer(child.name, child.stop);
      children.push(child);
    }
    const db = new pg.Pool({ connectionString: database.url, max: 1 });
    cleanup.defer('the reader', () => db.end());

    let first: { readonly at: number; readonly settled: number; readonly cpu: number } | null = null;
    let resident = 0;
    for (;;) {
      const settled = await countSettled(db);
      const pids = await Promise.all(children.map(({ pid }) => programOf(pid)));
      const cpu = async () => (await Promise.all(pids.map(cpuMs))).reduce((sum, ms) => sum + ms, 0);
      if (settled > 0) {
        first ??= { at: performance.now(), settled, cpu: await cpu() };
        resident = Math.max(resident, ...(await Promise.all(pids.map(residentBytes))));
      }
      if (first !== null && settled >= load.records.length) {
        const events = settled - first.settled;
        const perSecond = (events / (performance.now() - first.at)) * 1_000;
        const cpuPer1000 = (((await cpu()) - first.cpu) / events) * 1_000;
        await checkEnding(db, bed, load);
        return { perSecond, cpuPer1000, resident };
      }
      await delay(POLL_MS);
    }
  } finally {
    await cleanup.unwind();
    await forgetGroups(bed);
  }
}

async function countSettled(db: pg.Pool): Promise<number> {
  const { rows } = await db.query<{ settled: number }>(
    'select coalesce(sum(next_offset), 0)::int as settled from applied_offset',
  );
  return rows[0]!.settled;
}

/** Row by row; throws with the first difference. */
async function checkEnding(db: pg.Pool, bed: Bed, load: Load): Promise<void> {
  const [provider] = bed.providerIds as [string];
  const { rows } = await db.query<{ id: string; revision: Record<string, number>; digest: string }>(
    `select id, revision, encode(digest, 'hex') as digest from constat`,
  );
  const fail = (what: string) => {
    throw new Error(`the bench ends with another state than the insurer's: ${what}`);
  };
  if (rows.length !== load.expected.size) fail(`${rows.length} constats instead of ${load.expected.size}`);
  for (const { id, revision, digest } of rows) {
    const wanted = load.expected.get(id);
    if (!wanted || wanted.counter !== revision[provider] || wanted.digest !== digest)
      fail(`constat ${id} at ${JSON.stringify(revision)} with ${digest}`);
  }
  const { rows: counts } = await db.query<{ events: number; bytes: number; poison: number }>(
    `select count(*)::int as events, count(bytes)::int as bytes,
            (select coalesce(sum(attempts), 0)::int from quarantine) as poison from event`,
  );
  const { events, bytes, poison } = counts[0]!;
  if (events !== load.distinctEvents || bytes !== events) fail(`${events} events, ${bytes} with bytes`);
  if (poison !== load.poison) fail(`${poison} records in quarantine instead of ${load.poison}`);
}

/** The next round must find the group as the first one did. */
async function forgetGroups({ kafka, providerIds }: Bed): Promise<void> {
  const admin = kafka.admin();
  await admin.connect();
  // One that never came to be needs no forgetting.
  await admin.deleteGroups(providerIds.map((id) => `eassurance-${id}`)).catch(() => {});
  await admin.disconnect();
}

async function cpuMs(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return ((Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND) * 1_000;
}
