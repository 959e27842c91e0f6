import { describe, expect, it } from 'vitest';
import { MovedError, TransientError } from '../../../src/domain/errors.ts';
import { CONSTAT_ID, constatState } from '../domain/setup.ts';
import { AUTHOR, constat, CREATED, interleave, NOW, setup, UPDATED } from './setup.ts';

const theirs = (change = {}) => constatState({ createdBy: 'saa', ...change });
const position = (expected: bigint | null, next: bigint) => ({
  topic: CREATED,
  partition: 0,
  topicId: 'T',
  expected,
  next,
});

describe('a batch', () => {
  it('judges several events of one entity in order and keeps the last state, and all events', async () => {
    const { arrival, outcomes, store, stored } = setup();
    const batch = [
      await arrival(CREATED, theirs(), { saa: 1 }),
      await arrival(UPDATED, theirs({ statusReason: 'deux' }), { saa: 2 }),
      await arrival(UPDATED, theirs({ statusReason: 'trois' }), { saa: 3 }),
    ];
    expect(await outcomes(batch)).toEqual(['applied', 'applied', 'applied']);
    expect(await stored(CONSTAT_ID)).toMatchObject({
      revision: { saa: 3 },
      eventId: batch[2]!.event.meta.eventId,
      createdBy: 'saa',
      updatedAtMs: NOW,
      state: { statusReason: 'trois' },
    });
    expect(store.tables().events.map(({ revision }) => revision)).toEqual([
      { saa: 1 },
      { saa: 2 },
      { saa: 3 },
    ]);
  });

  it('in which the newer comes first keeps the newer; the older is stale, and kept in the ledger', async () => {
    const { arrival, outcomes, store, stored } = setup();
    const newer = await arrival(UPDATED, theirs({ statusReason: 'deux' }), { saa: 2 });
    const older = await arrival(CREATED, theirs(), { saa: 1 });
    expect(await outcomes([newer, older])).toEqual(['applied', 'stale']);
    expect(await stored(CONSTAT_ID)).toMatchObject({ revision: { saa: 2 }, state: { statusReason: 'deux' } });
    expect(store.tables().events.map(({ outcome }) => outcome)).toEqual(['applied', 'stale']);
  });

  it('with the same event twice writes it once and notes the other arrival', async () => {
    const { arrival, outcomes, store } = setup();
    const event = await arrival(CREATED, theirs(), { saa: 1 });
    expect(await outcomes([event, { ...event, offset: 8n }])).toEqual(['applied', 'duplicate']);
    const { events, deliveries } = store.tables();
    expect(events).toHaveLength(1);
    expect(deliveries).toEqual([
      { eventId: event.event.meta.eventId, topic: CREATED, partition: 0, offset: 8n, outcome: 'duplicate' },
    ]);
  });

  it('with a counter that was used twice flags the entity and alerts', async () => {
    const { arrival, outcomes, store, deps } = setup();
    const first = await arrival(CREATED, theirs(), { saa: 1 });
    const again = await arrival(UPDATED, theirs({ statusReason: 'autre' }), { saa: 1 });
    expect(await outcomes([first, again])).toEqual(['applied', 'merged']);
    expect(store.tables().flags).toMatchObject([{ code: 'REVISION_REUSED', entityId: CONSTAT_ID }]);
    expect(await deps.metrics.text()).toContain('bridge_revisions_reused_total{provider="saa"} 1');
  });

  it('that comes again as a whole changes nothing but the deliveries', async () => {
    const { arrival, apply, outcomes, store } = setup();
    const batch = [
      await arrival(CREATED, theirs(), { saa: 1 }),
      await arrival(UPDATED, theirs({ statusReason: 'deux' }), { saa: 2 }),
    ];
    await apply(batch);
    const before = store.tables();
    expect(await outcomes(batch)).toEqual(['duplicate', 'duplicate']);
    const after = store.tables();
    expect(after.entities).toEqual(before.entities);
    expect(after.events).toEqual(before.events);
    expect(after.deliveries).toHaveLength(2);
  });

  it('puts what can not be read beside what can, each with its own outcome', async () => {
    const { arrival, outcomes, store } = setup();
    const good = await arrival(CREATED, theirs(), { saa: 1 });
    const { topic, partition, key, headers } = good;
    const raw = { source: 'topic', topic, partition, key, headers, readable: false } as const;
    const bad = {
      ...raw,
      offset: 6n,
      value: Buffer.from([1, 2, 3]),
      code: 'UNDECODABLE',
      cause: 'Too short.',
      schemaId: null,
    } as const;
    const foreign = await arrival(
      CREATED,
      theirs({ providerId: 'trust' }),
      { trust: 1 },
      { providerId: 'trust', origin: 'trust' },
    );
    expect(await outcomes([bad, foreign, good])).toEqual(['UNDECODABLE', 'WRONG_PROVIDER', 'applied']);
    expect(store.tables().quarantined).toMatchObject([
      // Its key is all that tells whose it is.
      {
        ...{ code: 'UNDECODABLE', provider: 'saa', offset: 6n, value: bad.value, eventId: null },
        ...{ kind: 'constat', entityId: CONSTAT_ID, revision: null },
      },
      { code: 'WRONG_PROVIDER', provider: 'saa', value: foreign.value, eventId: foreign.event.meta.eventId },
    ]);
    expect(store.tables().entities.size).toBe(1);
  });

  it('records which rules of the form a state breaks, and applies it', async () => {
    const { arrival, outcomes, store } = setup();
    const accident = { ...(constatState()['accident'] as object), accidentDate: '2026-05-11' };
    expect(await outcomes([await arrival(CREATED, theirs({ accident }), { saa: 1 })])).toEqual(['applied']);
    expect(store.entity('constat', CONSTAT_ID)!.violations).toEqual([
      expect.objectContaining({ pointer: '/accident/accidentDate', code: 'ACCIDENT_IN_FUTURE' }),
    ]);
  });
});

describe('our own event', () => {
  it('that comes back writes nothing', async () => {
    const { edits, store, outcomes, deps } = setup();
    const { constatId: _id, ...state } = constatState();
    const created = await edits.create({
      kind: constat,
      provider: 'saa',
      state,
      context: AUTHOR,
      idempotency: null,
    });
    expect(created.status).toBe('created');
    const [event] = store.tables().events;
    const { bytes, schemaRef } = event!;
    const echo = {
      source: 'topic',
      topic: CREATED,
      partition: 0,
      offset: 0n,
      key: null,
      value: bytes,
      headers: {},
      readable: true,
      kind: constat,
      event: await deps.codec.decodeStored(bytes, schemaRef),
      schemaRef,
    } as const;
    const before = store.tables();
    expect(await outcomes([echo])).toEqual(['echo']);
    expect({ ...store.tables(), positions: null }).toEqual({ ...before, positions: null });
  });
});

describe('a pulled record', () => {
  it('that is new is applied and marked as pulled', async () => {
    const { arrival, outcomes, store } = setup();
    expect(await outcomes([await arrival(UPDATED, theirs(), { saa: 1 }, {}, 'pull')])).toEqual(['applied']);
    expect(store.tables().events).toMatchObject([{ source: 'pull', partition: null, offset: null }]);
  });

  it.each([
    ['whose event had come', { saa: 2 }, 'deux', 'duplicate'],
    ['that is older than what we have', { saa: 1 }, 'un', 'stale'],
  ] as const)('%s writes nothing', async (_story, revision, statusReason, outcome) => {
    const { arrival, apply, outcomes, store } = setup();
    await apply([await arrival(UPDATED, theirs({ statusReason: 'deux' }), { saa: 2 })]);
    const before = store.tables();
    const pulled = await arrival(UPDATED, theirs({ statusReason }), revision, {}, 'pull');
    expect(await outcomes([pulled])).toEqual([outcome]);
    expect(store.tables()).toEqual(before);
  });
});

describe('while another writer is faster', () => {
  it('the entity is read and judged again, against what it has become', async () => {
    const { arrival, apply, outcomes, store, stored } = setup();
    const first = await arrival(CREATED, theirs(), { saa: 1 });
    const second = await arrival(UPDATED, theirs({ statusReason: 'deux' }), { saa: 2 });
    interleave(store, () => apply([second]));
    expect(await outcomes([first])).toEqual(['stale']);
    expect((await stored(CONSTAT_ID)).state['statusReason']).toBe('deux');
    expect(store.tables().events.map(({ outcome }) => outcome)).toEqual(['applied', 'stale']);
  });

  it('the same event settled by the other is a duplicate here', async () => {
    const { arrival, apply, outcomes, store } = setup();
    const event = await arrival(CREATED, theirs(), { saa: 1 });
    interleave(store, () => apply([{ ...event, offset: 8n }]));
    expect(await outcomes([event])).toEqual(['duplicate']);
    expect(store.tables().events).toHaveLength(1);
  });

  it('again and again, the wait is left to the caller, and nothing is written', async () => {
    const { arrival, apply, store } = setup();
    const { transaction } = store;
    store.transaction = (work) =>
      transaction((tx) => work({ ...tx, write: () => Promise.reject(new MovedError('entity', 'moved')) }));
    const event = await arrival(CREATED, theirs(), { saa: 1 });
    await expect(apply([event])).rejects.toThrow(TransientError);
    expect(store.tables().events).toEqual([]);
  });
});

describe('the position of the partition', () => {
  it('advances with the batch, in its transaction', async () => {
    const { arrival, apply, store } = setup();
    await apply([await arrival(CREATED, theirs(), { saa: 1 })], position(null, 8n));
    expect(await store.readPosition(CREATED, 0)).toEqual({ next: 8n, topicId: 'T' });
  });

  it('that another consumer has advanced refuses the batch, and nothing is written', async () => {
    const { arrival, apply, store } = setup();
    const event = await arrival(CREATED, theirs(), { saa: 1 });
    await apply([], position(null, 20n));
    await expect(apply([event], position(7n, 8n))).rejects.toMatchObject({ what: 'position' });
    expect(store.tables().events).toEqual([]);
    expect(await store.readPosition(CREATED, 0)).toMatchObject({ next: 20n });
  });
});

describe('an applied verification', () => {
  const verification = (providerId: string) => ({
    verificationId: CONSTAT_ID,
    providerId,
    createdBy: providerId,
    plateRaw: '12345-115-16',
    plateNormalized: '1234511516',
    vin: '1M8GDM9AXKP042788',
    result: 'VERIFIED',
    method: 'INSURER_DB',
    verifiedAt: '2026-05-09T00:00:00.000Z',
    createdAt: '2026-05-09T00:00:00.000Z',
    updatedAt: '2026-05-09T00:00:00.000Z',
  });
  const verify = async (provider: string) => {
    const bed = setup();
    const meta = { providerId: provider, origin: provider };
    const event = await bed.arrival(
      `${provider}-vehicle.verified`,
      verification(provider),
      { [provider]: 1 },
      meta,
    );
    expect(await bed.outcomes([event])).toEqual(['applied']);
    return { ...bed, event };
  };

  it('of an insurer that shares is put out in the same transaction, and the relay is woken', async () => {
    const { store, woken, event } = await verify('saa');
    const { events, outbox } = store.tables();
    expect(events.map(({ source, provider }) => [source, provider])).toEqual([
      ['topic', 'saa'],
      ['share', 'shared'],
    ]);
    expect(outbox).toMatchObject([{ eventId: events[1]!.eventId, shard: 'shared' }]);
    expect(woken).toEqual(['shared']);
    const bytes = events[1]!.bytes.toString('latin1');
    expect(bytes).toContain('1234511516');
    expect(bytes).not.toContain(event.event.state['vin']);
  });

  it('of one that does not is put out nowhere', async () => {
    const { store, woken } = await verify('trust');
    expect(store.tables().events).toHaveLength(1);
    expect([store.tables().outbox, woken]).toEqual([[], []]);
  });
});
