import { Buffer } from 'node:buffer';
import { describe, expect, it } from 'vitest';
import { EMPTY_PLAN } from '../../../src/apply/empty-plan.ts';
import { republishLagging, type RepublishDeps } from '../../../src/apply/republish-entity.ts';
import { digestOf } from '../../../src/domain/canonical.ts';
import type { EntityEvent } from '../../../src/domain/event.ts';
import type { EntityKind } from '../../../src/domain/kind.ts';
import type { Revision } from '../../../src/domain/revision.ts';
import type { EntityWrite, EventRow, Store, Topology, TopicRoute, WritePlan } from '../../../src/ports.ts';
import { createMemoryStore } from '../../fakes/memory-store.ts';

const scalar = { type: 'scalar' } as const;
const fields = { constatId: { shape: scalar }, status: { shape: scalar } };
const constat = {
  name: 'constat',
  idField: 'constatId',
  events: { created: 'ConstatCreated', updated: 'ConstatUpdated' },
  columns: [],
  shape: { type: 'record', fields },
} as unknown as EntityKind;

const MINUTE = 60_000;
const START = Date.parse('2026-03-01T10:00:00.000Z');

/** A store in which `c1` of SAA stands at (2,1) since START, sent and acknowledged. */
async function setup(change: Partial<RepublishDeps> & { readonly writers?: readonly string[] } = {}) {
  let now = START;
  const store = createMemoryStore({ clock: () => now });
  const woken: string[] = [];
  const route = (action: string) =>
    ({
      topic: `saa-constat.${action}`,
      providerId: 'saa',
      kind: 'constat',
      action,
      writers: change.writers ?? ['eassurance', 'saa'],
    }) as unknown as TopicRoute;
  const deps: RepublishDeps = {
    store,
    isWaiting: async (entityId) =>
      store
        .tables()
        .outbox.some(({ eventId }) =>
          store.tables().events.some((row) => row.eventId === eventId && row.entityId === entityId),
        ),
    topology: {
      routes: new Map(['created', 'updated'].map((action) => [route(action).topic, route(action)])),
    } as unknown as Topology,
    codec: {
      encode: async (_topic, event) => ({ bytes: Buffer.from(JSON.stringify(event)), schemaRef: 7 }),
      decodeStored: async (bytes) => JSON.parse(bytes.toString()) as EntityEvent,
    },
    clock: () => now,
    wakeRelay: (shards) => void woken.push(...shards),
    graceMs: MINUTE,
    ...change,
  };
  const move = (revision: Revision, expected: Revision | null, status = 'SUBMITTED') =>
    store.transaction((tx) => tx.write(planOf(revision, expected, status)));
  await move({ eassurance: 2, saa: 1 }, null, 'DRAFT');
  const republish = (revision: Revision | null, provider = 'saa') =>
    republishLagging(provider, [{ kind: constat, entityId: 'c1', revision }], deps).then(([one]) => one);
  const republications = () => store.tables().events.filter(({ source }) => source === 'republish');
  return { store, deps, move, republish, republications, woken, pass: (ms: number) => void (now += ms) };
}

function planOf(revision: Revision, expected: Revision | null, status: string): WritePlan {
  const state = { constatId: 'c1', status };
  const eventId = `made-${JSON.stringify(revision)}`;
  const digest = digestOf(state, constat.shape);
  const event: EventRow = {
    ...{ eventId, kind: 'constat', entityId: 'c1', provider: 'saa', eventType: 'constat.updated' },
    ...{ origin: 'eassurance', source: 'api', topic: 'saa-constat.updated', partition: null, offset: null },
    ...{ revision, digest, outcome: 'applied', author: 'Amina', occurredAtMs: START, schemaRef: 1 },
    bytes: Buffer.from(
      JSON.stringify({ meta: { eventId }, state, changedFields: ['status'], changeReason: 'typo' }),
    ),
  };
  const entity: EntityWrite['entity'] = {
    ...{ id: 'c1', provider: 'saa', revision, digest, status, seal: null },
    ...{ createdBy: 'eassurance', erased: false, eventId },
  };
  return {
    ...EMPTY_PLAN,
    events: [event],
    entities: [{ kind: constat, expected, entity, violations: [], state }],
  };
}

const older = { eassurance: 1, saa: 1 };

describe('republishLagging', () => {
  it.each([
    ['an older state', older],
    ['nothing at all', null],
  ])(
    'publishes our state again when the provider showed %s: same revision, new event, a replay',
    async (_story, shown) => {
      const { store, republish, republications, pass, woken } = await setup();
      const entityBefore = store.entity('constat', 'c1');
      pass(MINUTE);
      expect(await republish(shown)).toBe('republished');

      const [row] = republications();
      expect(row).toMatchObject({
        ...{ entityId: 'c1', provider: 'saa', topic: 'saa-constat.updated', eventType: 'constat.updated' },
        ...{ origin: 'eassurance', outcome: 'duplicate', revision: { eassurance: 2, saa: 1 } },
        digest: entityBefore!.digest,
      });
      const { meta, state } = JSON.parse(row!.bytes.toString()) as EntityEvent;
      expect(state).toEqual({ constatId: 'c1', status: 'DRAFT' });
      expect(meta).toMatchObject({
        ...{ eventId: row!.eventId, origin: 'eassurance', revision: { eassurance: 2, saa: 1 } },
        ...{ replay: true, causationId: entityBefore!.eventId, actor: 'SYSTEM' },
      });
      expect(store.tables().outbox).toMatchObject([{ eventId: row!.eventId, shard: 'saa' }]);
      expect(store.entity('constat', 'c1')).toEqual(entityBefore);
      expect(woken).toEqual(['saa']);
      const lineage = await store.transaction((tx) => tx.readLineage(constat, ['c1']));
      expect(lineage.get('c1')).toHaveLength(1);
    },
  );

  it.each([
    ['the same revision', { eassurance: 2, saa: 1 }],
    ['a newer one', { eassurance: 2, saa: 2 }],
    ['a concurrent one, which is merged and published anyway', { eassurance: 1, saa: 2 }],
  ])('publishes nothing when the provider showed %s', async (_story, shown) => {
    const { republish, republications, pass } = await setup();
    pass(MINUTE);
    expect(await republish(shown)).toBe('level');
    expect(republications()).toEqual([]);
  });

  it('leaves alone what may still be on its way: written within the grace, or waiting in the outbox', async () => {
    const { republish, republications, pass } = await setup();
    pass(MINUTE - 1);
    expect(await republish(older)).toBe('in-flight');
    const waiting = await setup({ isWaiting: async () => true });
    waiting.pass(MINUTE);
    expect(await waiting.republish(older)).toBe('in-flight');
    expect([...republications(), ...waiting.republications()]).toEqual([]);
  });

  it('republishes at most once within the grace, also across the end of a period', async () => {
    const { store, republish, republications, pass } = await setup();
    pass(2 * MINUTE - 1);
    expect(await republish(older)).toBe('republished');
    await store.settleOutbox(
      store.tables().outbox.map(({ sequence }) => sequence),
      [],
    );
    pass(1);
    expect(await republish(older)).toBe('in-flight');
    pass(MINUTE - 2);
    expect(await republish(older)).toBe('in-flight');
    expect(republications()).toHaveLength(1);
    pass(MINUTE);
    expect(await republish(older)).toBe('republished');
    expect(republications()).toHaveLength(2);
  });

  it('republishes once when two replicas find out together', async () => {
    const { republish, republications, pass } = await setup();
    pass(MINUTE);
    const standings = await Promise.all([republish(older), republish(null)]);
    expect(standings.sort()).toEqual(['in-flight', 'republished']);
    expect(republications()).toHaveLength(1);
  });

  it('republishes nothing of an entity that moves meanwhile', async () => {
    const { store, deps, move, republications, pass } = await setup();
    pass(MINUTE);
    // Somebody saves an edit between the read and the write of the republication.
    let edited = false;
    const racing: Store = {
      ...store,
      transaction: (work) =>
        store.transaction((tx) =>
          work({
            ...tx,
            readBytes: async (eventId) => {
              if (!edited) await move({ eassurance: 3, saa: 1 }, { eassurance: 2, saa: 1 });
              edited = true;
              return tx.readBytes(eventId);
            },
          }),
        ),
    };
    const shown = [{ kind: constat, entityId: 'c1', revision: older }];
    expect(await republishLagging('saa', shown, { ...deps, store: racing })).toEqual(['in-flight']);
    expect(edited).toBe(true);
    expect(republications()).toEqual([]);
    expect(store.tables().outbox).toEqual([]);
  });

  it("says nothing about another provider's entity, or one that is not known here", async () => {
    const { deps, republish, republications, pass } = await setup();
    pass(MINUTE);
    expect(await republish(null, 'trust')).toBe('gone');
    const unknown = [{ kind: constat, entityId: 'c9', revision: null }];
    expect(await republishLagging('saa', unknown, deps)).toEqual(['gone']);
    expect(republications()).toEqual([]);
  });

  it('republishes also where only the provider makes edits: what it lost it gets back', async () => {
    const { republish, republications, pass } = await setup({ writers: ['saa'] });
    pass(MINUTE);
    expect(await republish(older)).toBe('republished');
    expect(republications()).toHaveLength(1);
  });
});
