import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { canonicalForm } from '../../src/domain/canonical.ts';
import type { EntityEvent } from '../../src/domain/event.ts';
import type { JsonObject } from '../../src/domain/json.ts';
import type { Revision } from '../../src/domain/revision.ts';
import type { Store } from '../../src/ports.ts';
import { newId } from '../../src/runtime/new-id.ts';
import { ledgerOf, shownAt } from './actions.ts';
import { openedConstat } from './compose-event.ts';
import { openReplica, type Replica } from './open-replica.ts';
import { setup, type Bed, type Insurer } from './setup.ts';
import { conflictsOf } from './sides.ts';

/** Scenarios of the sync protocol in which a test says itself in which order events are read and written: the real rules on the
 *  real database, without the topics before them. */
let bed: Bed;
let insurer: Insurer;
let replicas: readonly [Replica, Replica];
beforeAll(async () => {
  bed = await setup();
  insurer = bed.insurers[0]!;
  replicas = [await openReplica(bed), await openReplica(bed)];
});
afterAll(async () => {
  for (const replica of replicas) await replica.close();
  await bed.close();
});

const theirs = (action: 'created' | 'updated', state: JsonObject, revision: Revision): EntityEvent => ({
  meta: {
    ...{ eventId: newId(), eventType: `constat.${action}`, providerId: insurer.id, origin: insurer.id },
    ...{ entityType: 'constat', entityId: state['constatId'] as string, revision },
    ...{ occurredAt: '2026-01-15T10:00:00.000Z', correlationId: null, causationId: null, actor: 'USER' },
    replay: false,
  },
  state,
  changedFields: [],
  changeReason: null,
});
const arrive = (replica: Replica, event: EntityEvent) =>
  replica.arrival(`${insurer.id}-${event.meta.eventType}`, event);

/** The store, but the first transaction does not write before `turn`, and says when it has read. */
function gated(turn: Promise<unknown>, onRead: () => void): (store: Store) => Store {
  let first = true;
  return (store) => ({
    ...store,
    transaction: (work) =>
      store.transaction((tx) =>
        work({
          ...tx,
          async write(plan) {
            if (first) {
              first = false;
              onRead();
              await turn;
            }
            await tx.write(plan);
          },
        }),
      ),
  });
}

describe('Two replicas receiving created and updated together keep the newer', () => {
  it.each(['created', 'updated'] as const)('when %s is written first', async (writesFirst) => {
    const state = openedConstat(insurer);
    const id = state['constatId'] as string;
    const events = {
      created: theirs('created', state, { [insurer.id]: 1 }),
      updated: theirs('updated', { ...state, statusReason: 'Plus récent' }, { [insurer.id]: 2 }),
    };
    const writesLast = writesFirst === 'created' ? 'updated' : 'created';
    const [one, other] = replicas;
    const [firstRead, lastRead, firstDone] = Array.from({ length: 3 }, () => Promise.withResolvers<void>());
    // Neither writes before both have read that there is no such entity.
    const bothRead = Promise.all([firstRead!.promise, lastRead!.promise]);
    const outcomes = await Promise.all([
      one
        .apply([await arrive(one, events[writesFirst])], gated(bothRead, firstRead!.resolve))
        .finally(firstDone!.resolve),
      other.apply([await arrive(other, events[writesLast])], gated(firstDone!.promise, lastRead!.resolve)),
    ]);

    expect(outcomes.map(([settled]) => settled!.outcome)).toEqual([
      'applied',
      writesLast === 'updated' ? 'applied' : 'stale',
    ]);
    const shown = await shownAt(bed, 'constats', id, `${insurer.id}:2`);
    expect(shown.state['statusReason']).toBe('Plus récent');
    expect(await ledgerOf(bed, id)).toHaveLength(2);
  });

  it('when each waits for the other', async () => {
    for (let round = 0; round < 10; round++) {
      const state = openedConstat(insurer);
      const both = [Promise.withResolvers<void>(), Promise.withResolvers<void>()] as const;
      const bothRead = Promise.all(both.map(({ promise }) => promise));
      const events = [
        theirs('created', state, { [insurer.id]: 1 }),
        theirs('updated', { ...state, statusReason: 'Plus récent' }, { [insurer.id]: 2 }),
      ];
      await Promise.all(
        replicas.map(async (replica, i) =>
          replica.apply([await arrive(replica, events[i]!)], gated(bothRead, both[i]!.resolve)),
        ),
      );
      await shownAt(bed, 'constats', state['constatId'] as string, `${insurer.id}:2`);
    }
  });
});

describe('The same history in any delivery order ends in the same content', () => {
  /** Five edits by the insurer on (1,0), each on top of the one before it, while staff edit twice. Three of them clash. */
  const steps: readonly ((state: JsonObject) => JsonObject)[] = [
    (state) => ({ ...state, accident: { ...(state['accident'] as JsonObject), place: 'Sidi Moussa' } }),
    (state) => ({ ...state, providerReference: 'S-2026-5' }),
    (state) => ({ ...state, witnesses: [{ personRef: WITNESS, name: 'Amina Haddad-Benali' }] }),
    (state) => ({ ...state, statusReason: 'Expert désigné' }),
    (state) => ({
      ...state,
      parties: [{ ...partyOf(state, 0), visibleDamage: 'Aile gauche' }, partyOf(state, 1)],
    }),
  ];
  const WITNESS = '0197f3a0-3333-4abc-8def-000000000001';
  const partyOf = (state: JsonObject, i: number) => (state['parties'] as JsonObject[])[i]!;
  const sample = () => ({
    ...insurer.sample.constat(),
    providerReference: null,
    witnesses: [{ personRef: WITNESS, name: 'Amina Haddad' }],
  });

  it('in all 120 permutations of 5 events without a change back', async () => {
    const [replica] = replicas;
    const kind = bed.topology.kinds.get('constat')!;
    const context = { author: 'Test staff', correlationId: null, traceparent: null };
    const opened = sample();
    const endings = new Map<string, number>();
    let last = '';
    for (const order of permutations([0, 1, 2, 3, 4])) {
      const created = await replica.edits.create({
        ...{ kind, provider: insurer.id, state: opened, context, idempotency: null },
      });
      if (created.status !== 'created') throw new Error(created.status);
      const { id, state, revision } = created.entity;
      const edit = async (patch: JsonObject, base: Revision) => {
        const condition = { mode: 'based', revision: base } as const;
        const edited = await replica.edits.patch({
          ...{ kind, id, providers: null, patch, condition, changeReason: null, context },
        });
        if (edited.status !== 'updated') throw new Error(edited.status);
        return edited.entity.revision;
      };
      const second = await edit({ accident: { place: 'Baraki' }, statusReason: 'Lu' }, revision);
      await edit({ witnesses: [], channel: 'AGENCY' }, second);

      let theirState: JsonObject = state;
      const events = steps.map((step, i) => {
        theirState = step(theirState);
        return theirs('updated', theirState, { eassurance: 1, [insurer.id]: i + 1 });
      });
      for (const i of order) await replica.apply([await arrive(replica, events[i]!)]);

      const { data } = await bed.staff.get(`/v1/constats/${id}`);
      const ending = canonicalForm({ ...data.state, constatId: '' }, kind.shape);
      endings.set(ending, (endings.get(ending) ?? 0) + 1);
      last = id;
      const clashes = (await conflictsOf(bed, id)).map(({ atom }) => atom).sort();
      expect(clashes).toEqual(['accident/place', 'status', `witnesses/${WITNESS}`]);
    }
    expect([...endings.values()]).toEqual([120]);
    expect((await bed.staff.get(`/v1/constats/${last}`)).data.state).toMatchObject({
      accident: { place: 'Sidi Moussa' },
      providerReference: 'S-2026-5',
      statusReason: 'Expert désigné',
      witnesses: [{ personRef: WITNESS, name: 'Amina Haddad-Benali' }],
      channel: 'AGENCY',
      parties: [{ visibleDamage: 'Aile gauche' }, {}],
    });
  });
});

function permutations<T>(items: readonly T[]): readonly (readonly T[])[] {
  if (items.length === 0) return [[]];
  return items.flatMap((item, i) => permutations(items.toSpliced(i, 1)).map((rest) => [item, ...rest]));
}
