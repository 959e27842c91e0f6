import { describe, expect, it } from 'vitest';
import type { Revision } from '../../../src/domain/revision.ts';
import { createHistoryPruner } from '../../../src/postgres/create-history-pruner.ts';
import type { EventRow } from '../../../src/ports.ts';
import { pruneBatch } from '../../../src/prune/prune-history.ts';
import { applyPlanOf, emptyPlan, eventAt, newId, parcel } from '../../contract/toy-kind.ts';
import { setupPostgres } from './setup-postgres.ts';

const fixture = setupPostgres();

/** One entity whose history is written event by event. */
function setup() {
  const { pool, store } = fixture;
  const id = newId();
  let last: Revision | null = null;
  const write = async (revision: Revision, more: Partial<EventRow> = {}): Promise<string> => {
    const event = eventAt(id, revision, more);
    await store.transaction((tx) => tx.write(applyPlanOf(event, last)));
    last = revision;
    return event.eventId;
  };
  const ours = (revision: Revision) =>
    write(revision, { origin: 'eassurance', source: 'api', partition: null, offset: null });
  /** Into the history alone. */
  const note = async (revision: Revision, more: Partial<EventRow> = {}, outbox = false): Promise<string> => {
    const event = eventAt(id, revision, { outcome: 'stale', ...more });
    const rows = outbox ? [{ eventId: event.eventId, shard: 'saa', traceparent: null }] : [];
    await store.transaction((tx) => tx.write({ ...emptyPlan, events: [event], outbox: rows }));
    return event.eventId;
  };
  const pruner = createHistoryPruner({ pool });
  const clock = () => Date.now() + 200 * 86_400_000;
  const rules = { pruner, clock, keepMs: 90 * 86_400_000, keepStates: 1, batchSize: 1_000 };
  /** The ids, among these, of which the bytes are still there. */
  const left = async (eventIds: readonly string[]): Promise<readonly string[]> => {
    const { rows } = await pool.query<{ event_id: string }>(
      'select event_id from event where event_id = any($1) and bytes is not null order by sequence',
      [eventIds],
    );
    return rows.map((row) => row.event_id);
  };
  return { id, pool, store, write, ours, note, pruner, rules, left };
}

describe('pruning on PostgreSQL', () => {
  it('empties what lies below the newest received revision, and nothing else of the row', async () => {
    const { pool, id, write, ours, rules, left } = setup();
    const events = [
      await ours({ eassurance: 1 }),
      await write({ eassurance: 1, saa: 1 }),
      await ours({ eassurance: 2, saa: 1 }),
      await write({ eassurance: 2, saa: 2 }),
      await ours({ eassurance: 3, saa: 2 }),
    ];
    const facts = () =>
      pool.query(
        'select sequence, event_id, digest, revision, outcome from event where entity_id = $1 order by 1',
        [id],
      );
    const before = (await facts()).rows;
    await pruneBatch(parcel, null, rules);
    expect(await left(events)).toEqual(events.slice(3));
    expect((await facts()).rows).toEqual(before);
    const { emptied } = await pruneBatch(parcel, null, rules);
    expect(emptied).toBe(0);
  });

  it('leaves everything without an answer of the provider, and what is young', async () => {
    const silent = setup();
    const kept = [await silent.ours({ eassurance: 1 }), await silent.ours({ eassurance: 2 })];
    const young = setup();
    kept.push(await young.write({ saa: 1 }), await young.write({ saa: 2 }));
    await pruneBatch(parcel, null, { ...young.rules, clock: Date.now });
    await pruneBatch(parcel, null, { ...silent.rules, keepStates: 2 });
    expect(await silent.left(kept)).toEqual(kept);
  });

  it("reads an entity's history in the order of writing, with what came, what is a state and what waits", async () => {
    const { id, pruner, ours, write, note } = setup();
    const events = [
      await ours({ eassurance: 1 }),
      await write({ eassurance: 1, saa: 2 }),
      await note({ eassurance: 1, saa: 1 }),
      await note(
        { eassurance: 1, saa: 2 },
        { origin: 'eassurance', source: 'republish', outcome: 'duplicate', partition: null, offset: null },
        true,
      ),
    ];
    // An event shared with other insurers is of another kind.
    await note({ saa: 1 }, { kind: 'shared-parcel' });
    const histories = await pruner.readHistories(parcel, null, 1_000);
    const history = histories.find(({ entityId }) => entityId === id)!;
    expect(history.presentEventId).toBe(events[1]);
    expect(history.events).toEqual([
      expect.objectContaining({ eventId: events[0], received: false, isState: true, waiting: false }),
      expect.objectContaining({ eventId: events[1], received: true, isState: true, waiting: false }),
      expect.objectContaining({ eventId: events[2], received: true, isState: false, waiting: false }),
      expect.objectContaining({ eventId: events[3], received: false, isState: false, waiting: true }),
    ]);
    expect(history.events[1]!.revision).toEqual({ eassurance: 1, saa: 2 });
    expect(Math.abs(history.events[0]!.recordedAtMs - Date.now())).toBeLessThan(60_000);
  });

  it('pages through the entities in the order of their ids', async () => {
    const { pruner, write } = setup();
    await write({ saa: 1 });
    const other = setup();
    await other.write({ saa: 1 });
    const all = (await pruner.readHistories(parcel, null, 1_000)).map(({ entityId }) => entityId);
    expect(all).toEqual([...all].sort());
    const [first, second] = all;
    expect((await pruner.readHistories(parcel, first!, 1)).map(({ entityId }) => entityId)).toEqual([second]);
  });

  it('never empties the present state or what waits, whoever asks for it', async () => {
    const { pruner, write, note, left } = setup();
    const events = [
      await write({ saa: 1 }),
      await write({ saa: 2 }),
      await note(
        { eassurance: 1 },
        { origin: 'eassurance', source: 'api', partition: null, offset: null },
        true,
      ),
    ];
    expect(await pruner.emptyBytes(parcel, events)).toBe(1);
    expect(await left(events)).toEqual(events.slice(1));
  });

  it('leaves alone what another replica has in hand, without waiting for it', async () => {
    const { pool, pruner, write, left } = setup();
    const events = [await write({ saa: 1 }), await write({ saa: 2 }), await write({ saa: 3 })];
    const other = await pool.connect();
    try {
      await other.query('begin');
      await other.query('select from event where event_id = $1 for no key update', [events[0]]);
      expect(await pruner.emptyBytes(parcel, events)).toBe(1);
      expect(await left(events)).toEqual([events[0], events[2]]);
    } finally {
      await other.query('rollback');
      other.release();
    }
  });
});
