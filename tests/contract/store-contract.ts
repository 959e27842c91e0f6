import { describe, expect, it } from 'vitest';
import { MovedError } from '../../src/domain/errors.ts';
import type { Revision } from '../../src/domain/revision.ts';
import type { ConflictReader, FuseBlow, QuarantineRow, Store, WritePlan } from '../../src/ports.ts';
import { describeConflicts } from './conflict-contract.ts';
import { applyPlanOf, digestOf, emptyPlan, eventAt, newId, parcel, writeOf } from './toy-kind.ts';

/** The store under test, and a look at what it has committed. */
export interface StoreUnderTest {
  readonly store: Store;
  /** Event ids that wait in the outbox, in sequence. */
  readonly outbox: () => Promise<readonly string[]>;
  readonly conflicts: ConflictReader;
  /** The flags raised on an entity. */
  readonly flags: (
    entityId: string,
  ) => Promise<readonly { readonly code: string; readonly eventId: string }[]>;
  readonly deliveries: (eventId: string) => Promise<readonly string[]>;
  readonly blows: (topic: string) => Promise<readonly FuseBlow[]>;
  /** `how` is null while the record waits. */
  readonly quarantine: (topic: string) => Promise<
    readonly {
      readonly id: string;
      readonly code: string;
      readonly attempts: number;
      readonly how: string | null;
    }[]
  >;
  /** Actions on this subject. */
  readonly audit: (subject: string) => Promise<readonly string[]>;
}

const moved = (what: MovedError['what']) => (error: unknown) =>
  error instanceof MovedError && error.what === what;

async function outcomeOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => 'committed',
    (error: unknown) => error,
  );
}

/** What every Store promises (src/ports.ts); run against the fake and against PostgreSQL. */
export function describeStore(setup: () => StoreUnderTest): void {
  const write = (plan: WritePlan) => setup().store.transaction((tx) => tx.write(plan));
  const read = (id: string) =>
    setup()
      .store.transaction((tx) => tx.readEntities(parcel, [id]))
      .then((found) => found.get(id));

  describe('reading back', () => {
    it('returns the entity as it was written, without its state', async () => {
      const event = eventAt(newId(), { saa: 1 });
      const seal = digestOf('front');
      const plan = applyPlanOf(event, null);
      const entity = { ...plan.entities[0]!.entity, status: 'SIGNED', seal };
      const before = Date.now();
      await write({ ...plan, entities: [{ ...plan.entities[0]!, entity }] });
      const stored = await read(event.entityId);
      expect(stored).toMatchObject(entity);
      expect(stored!.updatedAtMs).toBeGreaterThan(before - 60_000);
    });

    it('finds settled events by id, and no others', async () => {
      const event = eventAt(newId(), { saa: 1 });
      await write(applyPlanOf(event, null));
      const found = await setup().store.transaction((tx) => tx.readEvents([newId(), event.eventId]));
      expect([...found.keys()]).toEqual([event.eventId]);
      expect(found.get(event.eventId)).toMatchObject({
        digest: event.digest,
        origin: 'saa',
        entityId: event.entityId,
      });
    });

    it('returns the bytes of an event exactly', async () => {
      const event = eventAt(newId(), { saa: 1 }, { schemaRef: 42 });
      await write(applyPlanOf(event, null));
      await setup().store.transaction(async (tx) => {
        expect(await tx.readBytes(event.eventId)).toEqual({ bytes: event.bytes, schemaRef: 42 });
        expect(await tx.readBytes(newId())).toBeNull();
      });
    });

    it('sees in a transaction what that transaction wrote', async () => {
      const event = eventAt(newId(), { saa: 1 });
      await setup().store.transaction(async (tx) => {
        await tx.write(applyPlanOf(event, null));
        expect((await tx.readEntities(parcel, [event.entityId])).get(event.entityId)?.eventId).toBe(
          event.eventId,
        );
      });
    });

    it('holds every digest that was seen at a revision, of that kind and entity alone', async () => {
      const id = newId();
      const [first, again, reused] = [
        eventAt(id, { saa: 1 }),
        eventAt(id, { saa: 1 }, { outcome: 'duplicate' }),
        eventAt(id, { saa: 1 }, { outcome: 'stale', digest: digestOf('other content') }),
      ];
      const stranger = eventAt(id, { saa: 1 }, { kind: 'letter', digest: digestOf('letter') });
      const elsewhere = eventAt(newId(), { saa: 1 }, { digest: digestOf('elsewhere') });
      await write({ ...emptyPlan, events: [first, again, reused, stranger, elsewhere] });
      const pairs = [
        { entityId: id, revision: { saa: 1 } },
        { entityId: id, revision: { saa: 2 } },
      ];
      const held = await setup().store.transaction((tx) => tx.readHistory(parcel, pairs));
      expect(held.map(({ revision }) => revision)).toEqual([{ saa: 1 }, { saa: 1 }]);
      expect(new Set(held.map(({ digest }) => digest))).toEqual(new Set([first.digest, reused.digest]));
    });

    it('compares revisions whatever the order of their writers', async () => {
      const id = newId();
      await write(applyPlanOf(eventAt(id, { eassurance: 2, saa: 1 }), null));
      await write(applyPlanOf(eventAt(id, { saa: 2, eassurance: 2 }), { saa: 1, eassurance: 2 }));
      expect((await read(id))!.revision).toEqual({ eassurance: 2, saa: 2 });
    });
  });

  describe('the lineage of an entity', () => {
    const lineage = async (...ids: string[]) =>
      setup().store.transaction((tx) => tx.readLineage(parcel, ids));

    it('is every state that it had or that was merged into it, in the order of writing', async () => {
      const id = newId();
      const [first, merged, ours] = [
        eventAt(id, { saa: 2 }),
        eventAt(id, { saa: 1 }, { outcome: 'merged' }),
        eventAt(id, { saa: 2, eassurance: 1 }, { origin: 'eassurance', source: 'merge', author: 'Amina' }),
      ];
      await write({ ...emptyPlan, events: [first, merged, ours] });
      const found = (await lineage(id)).get(id)!;
      expect(found.map(({ eventId }) => eventId)).toEqual([first.eventId, merged.eventId, ours.eventId]);
      const { eventId, revision, digest, author, occurredAtMs } = ours;
      const facts = { eventId, revision, digest, author, occurredAtMs };
      expect(found[2]).toEqual({ ...facts, byHub: true, accepted: true, edit: false, pruned: false });
      expect(found[1]).toMatchObject({ byHub: false, accepted: false, edit: false });
    });

    it('tells the edits of our own people from what was merged', async () => {
      const id = newId();
      const ours = eventAt(id, { eassurance: 1 }, { origin: 'eassurance', source: 'api' });
      await write({ ...emptyPlan, events: [ours] });
      expect((await lineage(id)).get(id)).toMatchObject([{ byHub: true, accepted: true, edit: true }]);
    });

    it('leaves out what made no state, what was sent again, and other kinds', async () => {
      const id = newId();
      await write({
        ...emptyPlan,
        events: [
          eventAt(id, { saa: 1 }, { outcome: 'stale' }),
          eventAt(id, { saa: 2 }, { outcome: 'duplicate' }),
          eventAt(id, { saa: 3 }, { source: 'republish', origin: 'eassurance' }),
          eventAt(id, { saa: 4 }, { kind: 'letter' }),
        ],
      });
      expect((await lineage(id)).get(id)).toEqual([]);
    });

    it('is read for many entities at once, each with its own, and an empty one for a stranger', async () => {
      const [a, b, stranger] = [newId(), newId(), newId()];
      const events = [eventAt(a, { saa: 1 }), eventAt(b, { saa: 1 }), eventAt(a, { saa: 2 })];
      await write({ ...emptyPlan, events });
      const found = await lineage(a, stranger, b);
      expect([...found.keys()]).toEqual([a, stranger, b]);
      expect([...found.values()].map((entries) => entries.map(({ revision }) => revision))).toEqual([
        [{ saa: 1 }, { saa: 2 }],
        [],
        [{ saa: 1 }],
      ]);
    });

    it('gives the states of its events by id, and nothing for an unknown one', async () => {
      const [a, b] = [eventAt(newId(), { saa: 1 }, { schemaRef: 8 }), eventAt(newId(), { saa: 2 })];
      await write({ ...emptyPlan, events: [a, b] });
      const states = await setup().store.transaction((tx) => tx.readStates([b.eventId, newId(), a.eventId]));
      expect(states).toEqual(
        new Map([
          [a.eventId, { bytes: a.bytes, schemaRef: 8 }],
          [b.eventId, { bytes: b.bytes, schemaRef: 1 }],
        ]),
      );
    });
  });

  describeConflicts(setup);

  describe('compare and set', () => {
    it('refuses a write on a revision that has moved', async () => {
      const id = newId();
      await write(applyPlanOf(eventAt(id, { saa: 1 }), null));
      await write(applyPlanOf(eventAt(id, { saa: 2 }), { saa: 1 }));
      expect(await outcomeOf(write(applyPlanOf(eventAt(id, { saa: 3 }), { saa: 1 })))).toSatisfy(
        moved('entity'),
      );
      expect((await read(id))!.revision).toEqual({ saa: 2 });
    });

    it('refuses a first write of an entity that exists, and a later write of one that does not', async () => {
      const id = newId();
      await write(applyPlanOf(eventAt(id, { saa: 1 }), null));
      expect(await outcomeOf(write(applyPlanOf(eventAt(id, { saa: 2 }), null)))).toSatisfy(moved('entity'));
      const absent = eventAt(newId(), { saa: 2 });
      expect(await outcomeOf(write(applyPlanOf(absent, { saa: 1 })))).toSatisfy(moved('entity'));
      expect(await read(absent.entityId)).toBeUndefined();
    });

    it('refuses a plan that wants an entity unmoved which has moved, and leaves the row of one that has not', async () => {
      const id = newId();
      await write(applyPlanOf(eventAt(id, { saa: 1 }), null));
      const before = await read(id);
      const notedAt = (revision: Revision) => {
        const event = eventAt(id, revision, { outcome: 'duplicate' });
        return { ...emptyPlan, events: [event], unmoved: [{ kind: parcel, id, revision }] };
      };
      expect(await outcomeOf(write(notedAt({ saa: 1 })))).toBe('committed');
      expect(await read(id)).toEqual(before);
      const late = notedAt({ saa: 2 });
      expect(await outcomeOf(write(late))).toSatisfy(moved('entity'));
      const known = await setup().store.transaction((tx) => tx.readEvents([late.events[0]!.eventId]));
      expect(known.size).toBe(0);
    });

    it('lets one of two interleaved first writes through', async () => {
      const id = newId();
      const outcomes = await interleave(setup().store, [
        applyPlanOf(eventAt(id, { saa: 1 }), null),
        applyPlanOf(eventAt(id, { eassurance: 1 }), null),
      ]);
      expect(outcomes.filter((outcome) => outcome === 'committed')).toHaveLength(1);
      expect(outcomes.find((outcome) => outcome !== 'committed')).toSatisfy(moved('entity'));
    });

    it('lets one of two interleaved updates through, whichever order their entities are named in', async () => {
      const ids = [newId(), newId(), newId()];
      const at = (
        revision: Record<string, number>,
        expected: Record<string, number> | null,
        order: string[],
      ) => {
        const events = order.map((id) => eventAt(id, revision));
        return { ...emptyPlan, events, entities: events.map((event) => writeOf(event, expected)) };
      };
      await write(at({ saa: 1 }, null, ids));
      const outcomes = await interleave(setup().store, [
        at({ saa: 2 }, { saa: 1 }, ids),
        at({ saa: 1, eassurance: 1 }, { saa: 1 }, ids.toReversed()),
      ]);
      expect(outcomes.filter((outcome) => outcome === 'committed')).toHaveLength(1);
      expect(outcomes.find((outcome) => outcome !== 'committed')).toSatisfy(moved('entity'));
    });

    it('refuses an event id that is settled already, also when two settle it at once', async () => {
      const event = eventAt(newId(), { saa: 1 });
      const plan = { ...emptyPlan, events: [event] };
      const outcomes = await interleave(setup().store, [plan, plan]);
      expect(outcomes.filter((outcome) => outcome === 'committed')).toHaveLength(1);
      expect(outcomes.find((outcome) => outcome !== 'committed')).toSatisfy(moved('event'));
      expect(await outcomeOf(write(plan))).toSatisfy(moved('event'));
    });

    it('moves a position only from where it was expected', async () => {
      const topic = `saa-parcel.${newId()}`;
      const step = (expected: bigint | null, next: bigint, topicId = 'a') => ({
        ...emptyPlan,
        positions: [{ topic, partition: 2, topicId, expected, next }],
      });
      expect(await setup().store.readPosition(topic, 2)).toBeNull();
      expect(await outcomeOf(write(step(5n, 9n)))).toSatisfy(moved('position'));
      await write(step(null, 2n ** 53n + 1n));
      expect(await outcomeOf(write(step(null, 3n)))).toSatisfy(moved('position'));
      expect(await setup().store.readPosition(topic, 2)).toEqual({ next: 2n ** 53n + 1n, topicId: 'a' });
      // A recreated topic starts over.
      await write(step(2n ** 53n + 1n, 4n, 'b'));
      expect(await setup().store.readPosition(topic, 2)).toEqual({ next: 4n, topicId: 'b' });
      expect(await setup().store.readPosition(topic, 3)).toBeNull();
      expect(await setup().store.readPositions([topic, `${topic}.none`])).toEqual([
        { topic, partition: 2, next: 4n, topicId: 'b' },
      ]);
    });

    it('moves the positions of several partitions, all or none', async () => {
      const topic = `saa-parcel.${newId()}`;
      const step = (partition: number, expected: bigint | null, next: bigint) => {
        return { topic, partition, topicId: 'a', expected, next, arrivedAtMs: 1_000 };
      };
      const positions = async () =>
        (await setup().store.readPositions([topic]))
          .map(({ partition, next }) => [partition, next])
          .toSorted();
      await write({ ...emptyPlan, positions: [step(1, null, 5n), step(0, null, 3n)] });
      await write({ ...emptyPlan, positions: [step(2, null, 1n), step(1, 5n, 9n), step(0, 3n, 4n)] });
      const before = [
        [0, 4n],
        [1, 9n],
        [2, 1n],
      ];
      expect(await positions()).toEqual(before);
      for (const moving of [step(1, 5n, 11n), step(2, null, 2n), step(3, 1n, 2n)])
        expect(await outcomeOf(write({ ...emptyPlan, positions: [step(0, 4n, 6n), moving] }))).toSatisfy(
          moved('position'),
        );
      expect(await positions()).toEqual(before);
    });

    it('lets one of two consumers of a partition advance it', async () => {
      const topic = `saa-parcel.${newId()}`;
      const first = { topic, partition: 0, topicId: 'a', expected: null, next: 1n };
      await write({ ...emptyPlan, positions: [first] });
      const second = { ...emptyPlan, positions: [{ ...first, expected: 1n, next: 2n }] };
      const outcomes = await interleave(setup().store, [second, second]);
      expect(outcomes.filter((outcome) => outcome === 'committed')).toHaveLength(1);
      expect(outcomes.find((outcome) => outcome !== 'committed')).toSatisfy(moved('position'));
    });

    it('carries out a request with an idempotency key once', async () => {
      const keyed = (key = 'abc') => {
        const event = eventAt(newId(), { eassurance: 1 });
        const { entityId, eventId } = event;
        return {
          ...applyPlanOf(event, null),
          idempotency: [{ key, apiKeyId, requestDigest: digestOf('request'), entityId, eventId }],
        };
      };
      const apiKeyId = newId();
      const first = keyed();
      await write(first);
      expect(await outcomeOf(write(keyed()))).toSatisfy(moved('event'));
      await setup().store.transaction(async (tx) => {
        const [abc, other] = [
          { apiKeyId, key: 'abc' },
          { apiKeyId, key: 'other' },
        ];
        expect(await tx.readIdempotency([abc, other])).toEqual(first.idempotency);
        expect(await tx.readIdempotency([other, { apiKeyId: newId(), key: 'abc' }])).toEqual([]);
      });
      const [fresh, repeated] = [keyed('fresh'), keyed()];
      const both = {
        ...emptyPlan,
        events: [...fresh.events, ...repeated.events],
        entities: [...fresh.entities, ...repeated.entities],
        idempotency: [...fresh.idempotency, ...repeated.idempotency],
      };
      expect(await outcomeOf(write(both))).toSatisfy(moved('event'));
      const known = await setup().store.transaction((tx) => tx.readIdempotency(fresh.idempotency));
      expect(known).toEqual([]);
    });
  });

  describe('all or nothing', () => {
    it('writes nothing of a plan when one part of it has moved', async () => {
      const topic = `saa-parcel.${newId()}`;
      const [known, fresh] = [eventAt(newId(), { saa: 1 }), eventAt(newId(), { saa: 1 })];
      await write(applyPlanOf(known, null));
      const plan = {
        ...emptyPlan,
        events: [fresh, known],
        entities: [writeOf(fresh, null)],
        outbox: [{ eventId: fresh.eventId, shard: 'saa', traceparent: null }],
        deliveries: [
          { eventId: fresh.eventId, topic, partition: 0, offset: 1n, outcome: 'duplicate' as const },
        ],
        quarantined: [quarantined(topic)],
        positions: [{ topic, partition: 0, topicId: 'a', expected: null, next: 1n }],
      };
      expect(await outcomeOf(write(plan))).toSatisfy(moved('event'));
      await expectNothing(fresh.entityId, fresh.eventId, topic);
    });

    it('writes nothing when the work fails after its write', async () => {
      const topic = `saa-parcel.${newId()}`;
      const event = eventAt(newId(), { saa: 1 });
      const failure = new Error('later');
      const work = setup().store.transaction(async (tx) => {
        await tx.write({
          ...applyPlanOf(event, null),
          outbox: [{ eventId: event.eventId, shard: 'saa', traceparent: null }],
          quarantined: [quarantined(topic)],
        });
        throw failure;
      });
      expect(await outcomeOf(work)).toBe(failure);
      await expectNothing(event.entityId, event.eventId, topic);
      await write(applyPlanOf(event, null));
      expect(await read(event.entityId)).toMatchObject({ eventId: event.eventId });
    });

    async function expectNothing(entityId: string, eventId: string, topic: string) {
      const { store, outbox, deliveries, quarantine } = setup();
      expect(await read(entityId)).toBeUndefined();
      expect((await store.transaction((tx) => tx.readEvents([eventId]))).size).toBe(0);
      expect(await outbox()).not.toContain(eventId);
      expect(await deliveries(eventId)).toEqual([]);
      expect(await quarantine(topic)).toEqual([]);
      expect(await store.readPosition(topic, 0)).toBeNull();
    }
  });

  describe('what else a plan holds', () => {
    it('keeps the order of the outbox, within a plan and over several', async () => {
      const events = [1, 2, 3, 4].map((saa) => eventAt(newId(), { saa }));
      const plan = (rows: typeof events) => ({
        ...emptyPlan,
        events: rows,
        outbox: rows.map(({ eventId }) => ({ eventId, shard: 'saa', traceparent: null })),
      });
      await write(plan([events[2]!, events[0]!]));
      await write(plan([events[3]!, events[1]!]));
      const mine = new Set(events.map(({ eventId }) => eventId));
      expect((await setup().outbox()).filter((id) => mine.has(id))).toEqual(
        [2, 0, 3, 1].map((index) => events[index]!.eventId),
      );
    });

    it('notes each delivery of a known event', async () => {
      const eventId = newId();
      const row = { eventId, topic: 't', partition: 0, offset: 1n };
      await write({
        ...emptyPlan,
        deliveries: [
          { ...row, outcome: 'duplicate' },
          { ...row, outcome: 'stale' },
        ],
      });
      expect(await setup().deliveries(eventId)).toEqual(['duplicate', 'stale']);
    });

    it('counts the arrivals of a quarantined record, in one batch and in several, in a single row', async () => {
      const topic = `saa-parcel.${newId()}`;
      const row = quarantined(topic);
      await write({ ...emptyPlan, quarantined: [row, { ...row, offset: 2n }] });
      await write({ ...emptyPlan, quarantined: [{ ...row, code: 'UNKNOWN_SCHEMA' }] });
      expect(await setup().quarantine(topic)).toMatchObject([{ code: 'UNKNOWN_SCHEMA', attempts: 3 }]);
    });

    it('tells quarantined records apart by key and value, absent or empty', async () => {
      const topic = `saa-parcel.${newId()}`;
      const row = quarantined(topic);
      const others = [
        { value: Buffer.from('x') },
        { value: Buffer.alloc(0) },
        { value: null },
        { key: null },
      ];
      await write({ ...emptyPlan, quarantined: [row, ...others.map((other) => ({ ...row, ...other }))] });
      expect(await setup().quarantine(topic)).toHaveLength(5);
    });

    it('knows what is new to quarantine, and what only comes again', async () => {
      const [known, strange] = [quarantined(`saa-${newId()}`), quarantined(`saa-${newId()}`)];
      await write({ ...emptyPlan, quarantined: [known] });
      const asked = [strange, { ...known, offset: 7n }, strange, { ...strange, key: null }];
      const isNew = await setup().store.transaction((tx) => tx.areNewToQuarantine(asked));
      expect(isNew).toEqual([true, false, false, true]);
      expect(await setup().store.transaction((tx) => tx.areNewToQuarantine([]))).toEqual([]);
    });

    it('stops a topic once, however many replicas want to, and not when the transaction fails', async () => {
      const { store, blows } = setup();
      const topic = `saa-${newId()}`;
      const blow = { topic, counted: 20, codes: { UNDECODABLE: 20 }, samples: [] };
      const failing = store.transaction(async (tx) => {
        await tx.write({ ...emptyPlan, blow });
        throw new Error('rolled back');
      });
      await expect(failing).rejects.toThrow('rolled back');
      expect(await blows(topic)).toEqual([]);
      await Promise.all([write({ ...emptyPlan, blow }), write({ ...emptyPlan, blow })]);
      expect(await blows(topic)).toEqual([blow]);
    });

    it('takes a record out of quarantine that settles when it comes again, and no other', async () => {
      const topic = `saa-parcel.${newId()}`;
      const row = quarantined(topic);
      await write({ ...emptyPlan, quarantined: [row, { ...row, value: Buffer.from('another') }] });
      const record = { topic, key: row.key, value: row.value, outcome: 'applied' } as const;
      await write({ ...emptyPlan, settledRecords: [record, { ...record, outcome: 'duplicate' }] });
      const kept = await setup().quarantine(topic);
      expect(kept.map(({ how }) => how).sort()).toEqual(['applied', null]);
    });

    it('undoes that when the record lands in quarantine again, and not what people have decided', async () => {
      const topic = `saa-parcel.${newId()}`;
      const row = quarantined(topic);
      const end = async (how: 'applied' | 'discarded') => {
        const [{ id }] = (await setup().quarantine(topic)) as unknown as [{ id: string }];
        await write({ ...emptyPlan, quarantineSteps: [{ id, how, by: 'Amel', reason: null }] });
        await write({ ...emptyPlan, quarantined: [row] });
        return (await setup().quarantine(topic)).map((kept) => kept.how);
      };
      await write({ ...emptyPlan, quarantined: [row] });
      expect(await end('applied')).toEqual([null]);
      expect(await end('discarded')).toEqual(['discarded']);
    });

    it('lets one of two people settle a record, and writes nothing of the other', async () => {
      const topic = `saa-parcel.${newId()}`;
      await write({ ...emptyPlan, quarantined: [quarantined(topic)] });
      const [{ id }] = (await setup().quarantine(topic)) as unknown as [{ id: string }];
      const subject = `quarantine/${newId()}`;
      const retry = (event = eventAt(newId(), { saa: 1 })): WritePlan => ({
        ...applyPlanOf(event, null),
        quarantineSteps: [{ id, how: 'applied', by: 'Amel', reason: null }],
        audit: [{ actor: 'Amel', action: 'quarantine.retry', subject }],
      });
      const plans = [retry(), retry()] as const;
      const results = await interleave(setup().store, plans);
      expect(results.filter((result) => result === 'committed')).toHaveLength(1);
      expect(results.filter(moved('quarantine'))).toHaveLength(1);
      const loser = plans[results.findIndex((result) => result !== 'committed')]!;
      expect(await read(loser.entities[0]!.entity.id)).toBeUndefined();
      expect(await setup().audit(subject)).toEqual(['quarantine.retry']);
    });

    it('holds a record that stays, unless it is settled', async () => {
      const topic = `saa-parcel.${newId()}`;
      await write({ ...emptyPlan, quarantined: [quarantined(topic)] });
      const [{ id }] = (await setup().quarantine(topic)) as unknown as [{ id: string }];
      const step = (how: 'stale' | null) =>
        outcomeOf(write({ ...emptyPlan, quarantineSteps: [{ id, how, by: 'Amel', reason: null }] }));
      expect(await step(null)).toBe('committed');
      expect(await step('stale')).toBe('committed');
      expect(await step(null)).toSatisfy(moved('quarantine'));
    });

    it('settles an event that waited in quarantine', async () => {
      const topic = `saa-parcel.${newId()}`;
      const event = eventAt(newId(), { saa: 1 });
      await write({ ...emptyPlan, quarantined: [{ ...quarantined(topic), eventId: event.eventId }] });
      expect((await setup().store.transaction((tx) => tx.readEvents([event.eventId]))).size).toBe(0);
      await write(applyPlanOf(event, null));
      expect(await read(event.entityId)).toMatchObject({ eventId: event.eventId });
    });
  });
}

/** Both transactions have begun and read before either writes. */
async function interleave(store: Store, plans: readonly [WritePlan, WritePlan]): Promise<unknown[]> {
  let arrived = 0;
  let open = () => {};
  const bothRead = new Promise<void>((resolve) => (open = resolve));
  const run = (plan: WritePlan) =>
    store.transaction(async (tx) => {
      await tx.readEntities(
        parcel,
        plan.entities.map(({ entity }) => entity.id),
      );
      arrived += 1;
      if (arrived === plans.length) open();
      await bothRead;
      await tx.write(plan);
    });
  return Promise.all(plans.map((plan) => outcomeOf(run(plan))));
}

function quarantined(topic: string): QuarantineRow {
  return {
    code: 'UNDECODABLE',
    cause: 'not Avro',
    topic,
    partition: 0,
    offset: 1n,
    key: Buffer.from('key'),
    value: Buffer.from([0, 255]),
    headers: { ce_id: 'x' },
    schemaId: null,
    provider: 'saa',
    eventId: null,
    kind: null,
    entityId: null,
    revision: null,
  };
}
