import { describe, expect, it } from 'vitest';
import { createOutbox } from '../../../src/postgres/create-outbox.ts';
import type { EventRow, OutboxSession } from '../../../src/ports.ts';
import { emptyPlan, eventAt, newId } from '../../contract/toy-kind.ts';
import { setupPostgres } from './setup-postgres.ts';

const fixture = setupPostgres();

async function setup() {
  const { pool, store, url } = fixture;
  const outbox = createOutbox({ pool, databaseUrl: url });
  const shard = newId();
  const enqueue = async (...events: EventRow[]) =>
    store.transaction((tx) =>
      tx.write({
        ...emptyPlan,
        events,
        outbox: events.map(({ eventId }) => ({ eventId, shard, traceparent: `00-${eventId}` })),
      }),
    );
  return { outbox, shard, enqueue, pool, url };
}

const ours = (saa: number) =>
  eventAt(
    newId(),
    { eassurance: saa },
    { origin: 'eassurance', source: 'api', partition: null, offset: null },
  );

/** Resolves with the first shard that the session hears of. */
function heard() {
  let hear: (shard: string) => void = () => {};
  const shard = new Promise<string>((resolve) => (hear = resolve));
  return { shard, onWake: (name: string) => hear(name) };
}

describe('the outbox', () => {
  it('reads the oldest rows of its shard in sequence, with what the record needs', async () => {
    const { outbox, shard, enqueue } = await setup();
    const events = [ours(1), ours(2), ours(3)];
    await enqueue(...events);
    const items = await outbox.read(shard, 2);
    expect(items.map(({ eventId }) => eventId)).toEqual([events[0]!.eventId, events[1]!.eventId]);
    const { eventType, provider, origin, entityId, topic, occurredAtMs, bytes, eventId } = events[0]!;
    expect(items[0]).toMatchObject({
      ...{ eventType, provider, origin, entityId, topic, occurredAtMs, bytes },
      traceparent: `00-${eventId}`,
    });
    expect(await outbox.read(newId(), 10)).toEqual([]);
  });

  it('reads none of the rows that it is told to leave out, and none that they hide', async () => {
    const { outbox, shard, enqueue } = await setup();
    const other = newId();
    await enqueue(...[1, 2, 3, 4, 5].map(ours));
    const [a, b, c, d, e] = (await outbox.read(shard, 10)).map(({ sequence }) => sequence);
    const left = async (limit: number, except: readonly bigint[]) =>
      (await outbox.read(shard, limit, { except })).map(({ sequence }) => sequence);
    expect(await left(10, [a!, b!, d!])).toEqual([c, e]);
    expect(await left(2, [a!])).toEqual([b, c]);
    expect(await left(10, [e!, a!, c!, b!, d!])).toEqual([]);
    expect(await outbox.read(other, 10, { except: [a!] })).toEqual([]);
  });

  it('reads no further than the row with which the events are as large as they may be', async () => {
    const { outbox, shard, enqueue } = await setup();
    await enqueue(...[1, 2, 3].map(ours));
    const { length } = (await outbox.read(shard, 1))[0]!.bytes;
    const read = async (maxBytes: number) => (await outbox.read(shard, 10, { maxBytes })).length;
    expect([await read(1), await read(length), await read(length + 1), await read(10 * length)]).toEqual([
      1, 1, 2, 3,
    ]);
  });

  it('forgets an acknowledged row and notes where it went', async () => {
    const { outbox, shard, enqueue, pool } = await setup();
    const event = ours(1);
    await enqueue(event, ours(2));
    const [item] = await outbox.read(shard, 1);
    const row = { eventId: event.eventId, topic: event.topic, partition: 2, offset: 2n ** 40n };
    await outbox.acknowledge([{ ...row, outcome: 'published', sequence: item!.sequence }]);
    expect(await outbox.read(shard, 10)).toHaveLength(1);
    const { rows } = await pool.query('select * from delivery where event_id = $1', [event.eventId]);
    expect(rows).toMatchObject([
      { kafka_partition: 2, kafka_offset: String(2n ** 40n), outcome: 'published' },
    ]);
  });

  it('leaves a parked row visible and lets the ones after it through', async () => {
    const { outbox, shard, enqueue, pool } = await setup();
    await enqueue(ours(1), ours(2));
    const [first, second] = await outbox.read(shard, 10);
    await outbox.park(first!.sequence, 'TOO_LARGE', 'the broker refused it');
    expect((await outbox.read(shard, 10)).map(({ sequence }) => sequence)).toEqual([second!.sequence]);
    const { rows } = await pool.query('select * from outbox where sequence = $1', [first!.sequence]);
    expect(rows).toMatchObject([{ parked_code: 'TOO_LARGE', parked_cause: 'the broker refused it' }]);
  });

  it('wakes every session that listens, once for many calls at a time', async () => {
    const { outbox, shard } = await setup();
    const [one, two] = [heard(), heard()];
    const sessions = [await outbox.openSession(one.onWake), await outbox.openSession(two.onWake)];
    await Promise.all([outbox.notify([shard]), outbox.notify([shard]), outbox.notify([shard])]);
    expect([await one.shard, await two.shard]).toEqual([shard, shard]);
    await closeAll(sessions);
  });

  it('gives a shard to one session at a time, and to the next when that one ends', async () => {
    const { outbox, shard } = await setup();
    const [first, second] = [await outbox.openSession(() => {}), await outbox.openSession(() => {})];
    expect(await first.tryLock(shard)).toBe(true);
    expect(await first.tryLock(shard)).toBe(true);
    expect(await second.tryLock(shard)).toBe(false);
    expect(await second.tryLock(newId())).toBe(true);
    await first.close();
    await first.closed;
    // The server frees the lock when it has seen the connection end.
    await expect.poll(() => second.tryLock(shard)).toBe(true);
    await closeAll([second]);
  });

  it('tells when its connection is lost, and does not take the process with it', async () => {
    const { outbox, shard, pool } = await setup();
    const session = await outbox.openSession(() => {});
    await session.tryLock(shard);
    await pool.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and application_name = 'eassurance-bridge outbox'`,
    );
    await session.closed;
    const next = await outbox.openSession(() => {});
    await expect.poll(() => next.tryLock(shard)).toBe(true);
    await closeAll([next, session]);
  });
});

async function closeAll(sessions: readonly OutboxSession[]): Promise<void> {
  for (const session of sessions) await session.close();
}
