import { describe, expect, it } from 'vitest';
import { MovedError } from '../../../src/domain/errors.ts';
import { createHubEditReader } from '../../../src/postgres/create-hub-edit-reader.ts';
import { createOutbox } from '../../../src/postgres/create-outbox.ts';
import type { EventRow, UnmovedEntity } from '../../../src/ports.ts';
import { applyPlanOf, emptyPlan, eventAt, newId, parcel } from '../../contract/toy-kind.ts';
import { setupPostgres } from './setup-postgres.ts';

const fixture = setupPostgres();
const fromHub = { origin: 'eassurance', source: 'api', partition: null, offset: null } as const;

async function written(more: Partial<EventRow> = {}): Promise<EventRow> {
  const event = eventAt(newId(), { eassurance: 1 }, { ...fromHub, ...more });
  await fixture.store.transaction((tx) => tx.write(applyPlanOf(event, null)));
  return event;
}

const unmovedAs = ({ entityId: id, revision }: EventRow): UnmovedEntity => ({ kind: parcel, id, revision });
const republication = (of: EventRow): EventRow =>
  eventAt(of.entityId, of.revision, { ...fromHub, source: 'republish', outcome: 'duplicate' });

describe('a plan that wants an entity unmoved', () => {
  it('writes its events and leaves the entity row as it is', async () => {
    const { store, pool } = fixture;
    const entity = await written();
    const row = async () => (await pool.query('select * from parcel where id = $1', [entity.entityId])).rows;
    const before = await row();
    const event = republication(entity);
    await store.transaction((tx) =>
      tx.write({ ...emptyPlan, events: [event], unmoved: [unmovedAs(entity)] }),
    );
    expect(await row()).toEqual(before);
    const known = await store.transaction((tx) => tx.readEvents([event.eventId]));
    expect(known.get(event.eventId)).toMatchObject({ origin: 'eassurance' });
    const lineage = await store.transaction((tx) => tx.readLineage(parcel, [entity.entityId]));
    expect(lineage.get(entity.entityId)!.map(({ eventId }) => eventId)).toEqual([entity.eventId]);
  });

  it.each([
    ['has moved', (entity: EventRow) => ({ ...unmovedAs(entity), revision: { eassurance: 2 } })],
    ['is not there', (entity: EventRow) => ({ ...unmovedAs(entity), id: newId() })],
  ])('writes nothing when it %s', async (_story, other) => {
    const { store } = fixture;
    const entity = await written();
    const event = republication(entity);
    const writing = store.transaction((tx) =>
      tx.write({ ...emptyPlan, events: [event], unmoved: [unmovedAs(entity), other(entity)] }),
    );
    await expect(writing).rejects.toSatisfy(
      (error: unknown) => error instanceof MovedError && error.what === 'entity',
    );
    expect((await store.transaction((tx) => tx.readEvents([event.eventId]))).size).toBe(0);
  });

  it('waits for an edit under way, and then finds that it has moved', async () => {
    const { store } = fixture;
    const entity = await written();
    const next = eventAt(entity.entityId, { eassurance: 2 }, fromHub);
    const edited = Promise.withResolvers<void>();
    const commit = Promise.withResolvers<void>();
    const editing = store.transaction(async (tx) => {
      await tx.write(applyPlanOf(next, entity.revision));
      edited.resolve();
      await commit.promise;
    });
    await edited.promise;
    const republishing = store.transaction((tx) =>
      tx.write({ ...emptyPlan, events: [republication(entity)], unmoved: [unmovedAs(entity)] }),
    );
    const refused = expect(republishing).rejects.toThrow(MovedError);
    const waiting = () =>
      fixture.pool.query(
        `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
      );
    await expect.poll(async () => (await waiting()).rowCount).toBe(1);
    commit.resolve();
    await editing;
    await refused;
  });
});

describe('the outbox', () => {
  it('tells whether an event of an entity is still there, parked or not', async () => {
    const { store, pool, url } = fixture;
    const outbox = createOutbox({ pool, databaseUrl: url });
    const [entity, other] = [await written(), await written()];
    const shard = newId();
    const rows = [{ eventId: entity.eventId, shard, traceparent: null }];
    await store.transaction((tx) => tx.write({ ...emptyPlan, outbox: rows }));
    expect([await outbox.holds(entity.entityId), await outbox.holds(other.entityId)]).toEqual([true, false]);
    const [item] = await outbox.read(shard, 1);
    await outbox.park(item!.sequence, 'TOO_LARGE', 'refused');
    expect(await outbox.holds(entity.entityId)).toBe(true);
    const sent = { eventId: entity.eventId, topic: entity.topic, partition: 0, offset: 1n } as const;
    await outbox.acknowledge([{ ...sent, outcome: 'published', sequence: item!.sequence }]);
    expect(await outbox.holds(entity.entityId)).toBe(false);
  });
});

describe('the edits of ours', () => {
  it('are listed per provider in the order of writing, page by page, as far as they are old enough', async () => {
    const provider = `p${newId().replaceAll('-', '')}`;
    const edits = [];
    for (let i = 0; i < 3; i++) edits.push(await written({ provider }));
    const theirs = await written({ provider, origin: provider, source: 'topic' });
    await written();
    const reader = createHubEditReader({ pool: fixture.pool });
    const start = { updatedAtMs: 0, id: '00000000-0000-0000-0000-000000000000' };
    const later = Date.now() + 60_000;
    const query = { provider, after: start, untilMs: later, allUntilMs: 0, limit: 10 };
    const ids = (found: readonly { id: string }[]) => found.map(({ id }) => id);

    const all = await reader.list(parcel, query);
    const inOrder = [...edits].sort((a, b) => {
      const [x, y] = [a, b].map(({ entityId }) => all.find(({ id }) => id === entityId)!);
      return x!.updatedAtMs - y!.updatedAtMs || (x!.id < y!.id ? -1 : 1);
    });
    expect(ids(all)).toEqual(inOrder.map(({ entityId }) => entityId));
    expect(ids(await reader.list(parcel, { ...query, limit: 2 }))).toEqual(ids(all.slice(0, 2)));
    expect(ids(await reader.list(parcel, { ...query, after: all[1]! }))).toEqual(ids(all.slice(2)));
    expect(await reader.list(parcel, { ...query, untilMs: all[0]!.updatedAtMs })).toEqual([]);

    const everything = await reader.list(parcel, { ...query, allUntilMs: later });
    expect(new Set(ids(everything))).toEqual(new Set([...ids(all), theirs.entityId]));
  });
});
