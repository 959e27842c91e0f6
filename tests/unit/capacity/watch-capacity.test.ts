import { pino } from 'pino';
import { afterEach, describe, expect, it } from 'vitest';
import { watchCapacity, type CapacityLimits } from '../../../src/capacity/watch-capacity.ts';
import { TransientError } from '../../../src/domain/errors.ts';
import type { OutboxBacklog, Store, StoreTransaction, WritePlan } from '../../../src/ports.ts';
import { createMetrics } from '../../../src/telemetry/metrics.ts';
import { waitFor } from '../../support/wait-for.ts';

const HOUR_MS = 3_600_000;
const MB = 1_048_576;
const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

/** A running watch over what `world` says; edits go to a store that notes what it wrote. */
async function setup(limits: Partial<CapacityLimits> = {}) {
  const world = { backlogs: [] as OutboxBacklog[], bytes: 10 * MB };
  const written: string[] = [];
  const metrics = createMetrics();
  let measured = 0;
  const capacity = watchCapacity({
    outbox: { measure: async () => world.backlogs },
    databaseSize: async () => (measured++, world.bytes),
    shards: ['saa', 'trust'],
    limits: { maxWaiting: 3, maxAgeMs: HOUR_MS, maxDatabaseBytes: null, ...limits },
    metrics,
    log: pino({ level: 'silent' }),
    everyMs: 1,
  });
  const stop = new AbortController();
  const running = capacity.run(stop.signal).catch(() => {});
  stops.push(() => (stop.abort(), running));
  const write = async (plan: WritePlan) => void written.push(...plan.outbox.map(({ shard }) => shard));
  const store = capacity.limit({
    transaction: (work) => work({ write } as StoreTransaction),
  } as Store);
  const edit = (shard: string) =>
    store.transaction((tx) => tx.write({ outbox: [{ shard }] } as unknown as WritePlan));
  const change = async (next: Partial<typeof world>) => {
    Object.assign(world, next);
    const since = measured;
    await waitFor('it is measured anew', () => measured >= since + 2);
  };
  return { capacity, edit, change, written, metrics };
}

const backlog = (waiting: number, oldestMs: number | null, shard = 'saa'): OutboxBacklog => {
  return { shard, waiting, parked: 0, oldestMs };
};
const refused = (code: string) => (error: unknown) =>
  error instanceof TransientError && error.code === code && error.retryAfterMs === 30_000;

describe('edits', () => {
  it('are taken while little waits', async () => {
    const { edit, change, written, capacity } = await setup();
    await change({ backlogs: [backlog(2, HOUR_MS - 1)] });
    await edit('saa');
    expect(written).toEqual(['saa']);
    expect(await capacity.check()).toMatchObject({ status: 'up' });
  });

  it.each([
    ['too many wait', backlog(3, 5), /OUTBOX_MAX_WAITING is 3/],
    ['the oldest has waited too long', backlog(1, HOUR_MS), /OUTBOX_MAX_AGE_HOURS is 1/],
  ])("are refused for the insurer for which %s, and taken for the others'", async (_, full, says) => {
    const { edit, change, written, capacity } = await setup();
    await change({ backlogs: [full] });
    await expect(edit('saa')).rejects.toSatisfy(refused('OUTBOX_FULL'));
    await edit('trust');
    expect(written).toEqual(['trust']);
    expect(() => capacity.requireSpace()).not.toThrow();
    expect(await capacity.check()).toMatchObject({ status: 'degraded', detail: expect.stringMatching(says) });

    await change({ backlogs: [] });
    await edit('saa');
    expect(written).toEqual(['trust', 'saa']);
  });

  it('are refused for everybody, and events wait, while the database is larger than allowed', async () => {
    const { edit, change, capacity, written } = await setup({ maxDatabaseBytes: 11 * MB });
    capacity.requireSpace();
    await change({ bytes: 11 * MB });
    await expect(edit('trust')).rejects.toSatisfy(refused('DATABASE_FULL'));
    expect(() => capacity.requireSpace()).toThrow(/11 MB of the 11 MB that DATABASE_MAX_MB allows/);
    expect(written).toEqual([]);
  });
});

describe('what waits', () => {
  it('is shown, and is nothing again once it is gone', async () => {
    const { change, metrics } = await setup();
    await change({ backlogs: [{ ...backlog(2, 90_000), parked: 1 }] });
    const shown = await metrics.text();
    expect(shown).toContain('bridge_outbox_waiting_events{shard="saa"} 2');
    expect(shown).toContain('bridge_outbox_parked_events{shard="saa"} 1');
    expect(shown).toContain('bridge_outbox_oldest_seconds{shard="saa"} 90');
    expect(shown).toContain(`bridge_database_bytes ${10 * MB}`);
    await change({ backlogs: [] });
    expect(await metrics.text()).toContain('bridge_outbox_oldest_seconds{shard="saa"} 0');
  });
});
