import { describe, expect, it } from 'vitest';
import { createEntityReader } from '../../../src/postgres/create-entity-reader.ts';
import type { JsonObject } from '../../../src/domain/json.ts';
import type { EventRow, ListQuery } from '../../../src/ports.ts';
import { emptyPlan, eventAt, newId, parcel, writeOf } from '../../contract/toy-kind.ts';
import { setupPostgres } from './setup-postgres.ts';

const fixture = setupPostgres();

function setup() {
  const { pool, store } = fixture;
  const put = (event: EventRow, expected: EventRow['revision'] | null, state: JsonObject = {}) =>
    store.transaction((tx) =>
      tx.write({ ...emptyPlan, events: [event], entities: [writeOf(event, expected, state)] }),
    );
  return { reader: createEntityReader({ pool }), put, store, pool };
}

const everything: ListQuery = { providers: null, filters: {}, updatedSinceMs: null, after: null, limit: 100 };

describe('reading entities', () => {
  it('finds an entity with its bytes and violations, and nothing under another id', async () => {
    const { reader, store } = setup();
    const event = eventAt(newId(), { saa: 1 }, { schemaRef: 3 });
    const violations = [{ pointer: '/label', code: 'TOO_LONG', message: 'a \0 in it' }];
    await store.transaction((tx) =>
      tx.write({ ...emptyPlan, events: [event], entities: [{ ...writeOf(event, null), violations }] }),
    );
    expect(await reader.find(parcel, event.entityId)).toMatchObject({
      kind: 'parcel',
      id: event.entityId,
      revision: { saa: 1 },
      bytes: event.bytes,
      schemaRef: 3,
      violations: [{ ...violations[0], message: 'a \uFFFD in it' }],
    });
    expect(await reader.find(parcel, newId())).toBeNull();
    expect(await reader.find(parcel, 'no uuid')).toBeNull();
  });

  it('keeps search columns of every type, also of a state that has none', async () => {
    const { put, pool } = setup();
    const [full, bare] = [eventAt(newId(), { saa: 1 }), eventAt(newId(), { saa: 1 })];
    const seenAt = '2025-03-04T05:06:07.890Z';
    await put(full, null, { label: "l'été", order: -3, fragile: true, sentOn: '2024-02-29', seenAt });
    await put(bare, null);
    const { rows } = await pool.query(
      `select label, "order", fragile, sent_on::text, seen_at from parcel where id = any($1) order by label`,
      [[full.entityId, bare.entityId]],
    );
    expect(rows).toEqual([
      { label: "l'été", order: -3, fragile: true, sent_on: '2024-02-29', seen_at: new Date(seenAt) },
      { label: null, order: null, fragile: null, sent_on: null, seen_at: null },
    ]);
  });

  it('pages through all that changed, oldest first, without a gap or a repetition', async () => {
    const { reader, store } = setup();
    const provider = newId();
    const events = Array.from({ length: 7 }, () => eventAt(newId(), { saa: 1 }, { provider }));
    // One transaction: all rows have one time, and their ids alone decide.
    await store.transaction((tx) =>
      tx.write({ ...emptyPlan, events, entities: events.map((event) => writeOf(event, null)) }),
    );
    const seen: string[] = [];
    let after: ListQuery['after'] = null;
    for (;;) {
      const page = await reader.list(parcel, { ...everything, providers: [provider], after, limit: 3 });
      if (page.length === 0) break;
      seen.push(...page.map(({ id }) => id));
      after = page.at(-1)!;
    }
    expect(seen).toEqual(events.map(({ entityId }) => entityId).sort());
  });

  it('filters by the columns of the kind, by provider, by status and by time', async () => {
    const { reader, put } = setup();
    const provider = newId();
    const [a, b] = [eventAt(newId(), { saa: 1 }, { provider }), eventAt(newId(), { saa: 1 }, { provider })];
    await put(a, null, { label: provider, order: 5 });
    await put(b, null, { label: provider, order: 6 });
    const ids = async (query: Partial<ListQuery>) =>
      (await reader.list(parcel, { ...everything, ...query })).map(({ id }) => id);
    expect(await ids({ filters: { label: provider } })).toEqual([a.entityId, b.entityId]);
    expect(await ids({ filters: { label: provider, order: '6' } })).toEqual([b.entityId]);
    expect(await ids({ filters: { provider } })).toHaveLength(2);
    expect(await ids({ filters: { provider, status: 'SIGNED' } })).toEqual([]);
    expect(await ids({ providers: [], filters: { label: provider } })).toEqual([]);
    const [stored] = await reader.list(parcel, { ...everything, filters: { provider, order: '6' } });
    expect(await ids({ filters: { provider }, updatedSinceMs: stored!.updatedAtMs })).toContain(b.entityId);
    expect(await ids({ filters: { provider }, updatedSinceMs: stored!.updatedAtMs + 1 })).toEqual([]);
    await expect(ids({ filters: { size: '1' } })).rejects.toThrow('parcel has no filter size');
  });

  it('shows the history newest first, with what Kafka acknowledged', async () => {
    const { reader, put, pool } = setup();
    const id = newId();
    const first = eventAt(id, { saa: 1 });
    const second = eventAt(
      id,
      { saa: 1, eassurance: 1 },
      { origin: 'eassurance', source: 'api', offset: null, partition: null },
    );
    await put(first, null);
    await put(second, { saa: 1 });
    const eventId = second.eventId;
    await fixture.store.transaction((tx) =>
      tx.write({
        ...emptyPlan,
        deliveries: [{ eventId, topic: second.topic, partition: 1, offset: 9n, outcome: 'published' }],
      }),
    );
    const [newest, oldest] = await reader.history(parcel, id, null, 10);
    expect(newest).toMatchObject({ ...second, published: { partition: 1, offset: 9n } });
    expect(oldest).toMatchObject({ ...first, published: null });
    expect(await reader.history(parcel, id, newest!.sequence, 10)).toEqual([oldest]);
    await pool.query('update event set bytes = null where event_id = $1', [first.eventId]);
    expect((await reader.history(parcel, id, newest!.sequence, 10))[0]!.bytes).toBeNull();
  });

  it('finds the state at a revision, and of a revision used twice the one that was applied', async () => {
    const { reader, put, store } = setup();
    const applied = eventAt(newId(), { saa: 1, eassurance: 2 });
    await put(applied, null);
    const reused = {
      ...eventAt(applied.entityId, applied.revision),
      outcome: 'stale' as const,
      bytes: Buffer.from('x'),
    };
    await store.transaction((tx) => tx.write({ ...emptyPlan, events: [reused] }));
    expect(await reader.findRevision(parcel, applied.entityId, { eassurance: 2, saa: 1 })).toEqual({
      bytes: applied.bytes,
      schemaRef: 1,
    });
    expect(await reader.findRevision(parcel, applied.entityId, { saa: 1 })).toBeNull();
  });
});
