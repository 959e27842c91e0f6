import { describe, expect, it } from 'vitest';
import { applyBatch } from '../../../src/apply/apply-batch.ts';
import type { SettleEdit } from '../../../src/apply/edit.ts';
import type { JsonObject } from '../../../src/domain/json.ts';
import type { Conflict, Topology } from '../../../src/ports.ts';
import { constatState, signedConstat } from '../domain/setup.ts';
import { AUTHOR, constat, interleave, setup, topology, UPDATED } from './setup.ts';

const without = ({
  constatId: _id,
  providerId: _p,
  createdBy: _by,
  createdAt: _c,
  updatedAt: _u,
  ...form
}: JsonObject) => form;

/** A constat of ours on which both sides have set the reference: SAA's stands, at eassurance:3,saa:1. */
async function clashing(
  mine: JsonObject = { providerReference: 'mine' },
  theirs: JsonObject = { providerReference: 'theirs' },
  rules: Topology = topology,
) {
  const bed = setup();
  const opened = await bed.edits.create({
    kind: constat,
    provider: 'saa',
    state: without(constatState()),
    context: AUTHOR,
    idempotency: null,
  });
  if (opened.status !== 'created') throw new Error(`opening it came to ${opened.status}`);
  const { id, state } = opened.entity;
  const edited = await bed.patch(id, mine, { mode: 'exact', revision: { eassurance: 1 } });
  if (edited.status !== 'updated') throw new Error(`editing it came to ${JSON.stringify(edited)}`);
  /** SAA's edit of what it had at first. */
  const theirEdit = async (change: JsonObject, saa: number) =>
    (
      await applyBatch([await bed.arrival(UPDATED, { ...state, ...change }, { eassurance: 1, saa })], null, {
        ...bed.deps,
        topology: rules,
      })
    ).map(({ outcome }) => outcome);
  expect(await theirEdit(theirs, 1)).toEqual(['merged']);
  const conflicts = () => bed.store.tables().conflicts;
  const conflict = conflicts()[0]!;
  const settle = (choice: SettleEdit['choice'], more: Partial<SettleEdit> = {}) =>
    bed.edits.settle({
      conflict,
      choice,
      revision: { eassurance: 3, saa: 1 },
      providers: null,
      context: AUTHOR,
      reason: null,
      ...more,
    });
  return { ...bed, id, theirEdit, conflicts, conflict, settle };
}
const open = (conflicts: readonly Conflict[]) => conflicts.filter(({ status }) => status === 'open');

describe('settling a conflict', () => {
  it('for the value that was overruled writes it, publishes it and closes the conflict at once', async () => {
    const { settle, stored, store, woken, conflicts, id } = await clashing();
    const before = store.tables();
    const result = await settle('ours', { reason: 'asked them' });
    expect(result).toMatchObject({
      status: 'updated',
      entity: { revision: { eassurance: 4, saa: 1 }, state: { providerReference: 'mine' } },
    });
    expect((await stored(id)).state['providerReference']).toBe('mine');
    const after = store.tables();
    const event = after.events.at(-1)!;
    expect(after.events).toHaveLength(before.events.length + 1);
    expect(event).toMatchObject({ source: 'api', author: 'Nadia', revision: { eassurance: 4, saa: 1 } });
    expect(after.outbox.at(-1)).toMatchObject({ eventId: event.eventId, shard: 'saa' });
    expect(woken.at(-1)).toBe('saa');
    expect(conflicts()).toMatchObject([
      { status: 'settled', settledBy: 'Nadia', settlingEventId: event.eventId, settledReason: 'asked them' },
    ]);
  });

  it('for the value that stands closes it and writes nothing else', async () => {
    const { settle, store, conflicts } = await clashing();
    const before = store.tables();
    expect(await settle('theirs', { reason: 'confirmed' })).toMatchObject({
      status: 'unchanged',
      entity: { revision: { eassurance: 3, saa: 1 } },
    });
    expect({ ...store.tables(), conflicts: [] }).toEqual({ ...before, conflicts: [] });
    expect(conflicts()).toMatchObject([
      { status: 'settled', settlingEventId: null, settledReason: 'confirmed' },
    ]);
  });

  it('for a third value writes that one', async () => {
    const { settle, stored, conflicts, id } = await clashing();
    expect((await settle({ value: 'a third' })).status).toBe('updated');
    expect((await stored(id)).state['providerReference']).toBe('a third');
    expect(open(conflicts())).toEqual([]);
  });

  it('takes the newest value of a side when others have joined', async () => {
    const { settle, theirEdit, stored, conflicts, patch, id } = await clashing();
    await patch(id, { providerReference: 'my own' }, { mode: 'exact', revision: { eassurance: 3, saa: 1 } });
    expect(open(conflicts())).toEqual([]);
    await theirEdit({ providerReference: 'theirs again' }, 2);
    await patch(id, { channel: 'WEB' }, { mode: 'exact', revision: { eassurance: 5, saa: 2 } });
    const [conflict] = open(conflicts());
    expect(conflict).toMatchObject({ ours: 'my own', theirs: 'theirs again', stands: 'theirs' });
    const revision = { eassurance: 6, saa: 2 };
    expect((await settle('ours', { conflict: conflict!, revision })).status).toBe('updated');
    expect((await stored(id)).state).toMatchObject({ providerReference: 'my own', channel: 'WEB' });
  });

  it('is refused with the current state when the entity has moved since it was read', async () => {
    const { settle, patch, store, id } = await clashing();
    await patch(id, { channel: 'WEB' }, { mode: 'exact', revision: { eassurance: 3, saa: 1 } });
    const before = store.tables();
    for (const choice of ['ours', 'theirs'] as const) {
      expect(await settle(choice)).toMatchObject({
        status: 'moved',
        current: { revision: { eassurance: 4, saa: 1 }, state: { channel: 'WEB' } },
      });
    }
    expect(store.tables()).toBe(before);
  });

  it.each(['ours', 'theirs'] as const)(
    'for %s is refused when the insurer edits between its look and its write',
    async (choice) => {
      const { settle, theirEdit, store, conflicts, stored, id } = await clashing();
      interleave(store, () => theirEdit({ providerReference: 'in between' }, 2));
      expect((await settle(choice)).status).toBe('moved');
      expect(open(conflicts())).toHaveLength(1);
      expect((await stored(id)).state['providerReference']).toBe('in between');
    },
  );

  it('that is closed says so, also when another closes it meanwhile', async () => {
    const { settle, conflicts, store } = await clashing();
    interleave(store, () => settle('theirs'));
    expect(await settle('ours')).toEqual({ status: 'closed' });
    expect(conflicts()).toMatchObject([{ settlingEventId: null }]);
    expect(await settle('ours', { conflict: conflicts()[0]! })).toEqual({ status: 'closed' });
    expect(store.tables().events.at(-1)!.source).toBe('merge');
  });

  it('keeps to the rules of the form and to the rights of E-assurance', async () => {
    const { settle, store } = await clashing();
    const before = store.tables();
    expect(await settle({ value: 7 })).toMatchObject({
      status: 'invalid',
      violations: [{ code: 'UNENCODABLE' }],
    });
    expect(await settle('ours', { providers: ['trust'] })).toEqual({ status: 'missing' });
    expect(store.tables()).toBe(before);
  });

  it('cannot take a seal away: the sealed front stays, and choosing it closes the conflict', async () => {
    const { status, parties, accident } = signedConstat();
    const bed = await clashing(
      { status: status!, parties: parties! },
      {
        accident: { ...(accident as JsonObject), place: 'Blida' },
      },
    );
    expect(bed.conflict).toMatchObject({ atom: 'front', stands: 'ours', severity: 'critical' });
    const before = bed.store.tables();
    expect(await bed.settle('theirs')).toMatchObject({
      status: 'invalid',
      violations: [{ code: 'NOT_ALLOWED' }],
    });
    expect(bed.store.tables()).toBe(before);
    expect((await bed.settle('ours')).status).toBe('unchanged');
    expect(open(bed.conflicts())).toEqual([]);
  });
});

describe('an ordinary edit', () => {
  it('settles the conflicts on the atoms that it changes, and no others', async () => {
    const both = (side: string) => ({ providerReference: side, statusReason: side });
    const { patch, conflicts, id } = await clashing(both('mine'), both('theirs'));
    expect(
      open(conflicts())
        .map(({ atom }) => atom)
        .sort(),
    ).toEqual(['providerReference', 'status']);
    await patch(id, { providerReference: 'final' }, { mode: 'exact', revision: { eassurance: 3, saa: 1 } });
    expect(open(conflicts()).map(({ atom }) => atom)).toEqual(['status']);
    expect(conflicts().find(({ status }) => status === 'settled')).toMatchObject({ settledBy: 'Nadia' });
  });

  it('from a form that was opened before the clash settles nothing: its author has not seen it', async () => {
    const saa = { ...topology.providers.get('saa')!, hubOwns: { constat: ['providerReference'] } };
    const providers = new Map(topology.providers).set('saa', saa);
    const { patch, conflicts, id } = await clashing(
      { providerReference: 'mine' },
      { providerReference: 'theirs' },
      { ...topology, providers },
    );
    // E-assurance owns it here: our value stands, and nothing on the form of revision 2 has moved.
    expect(open(conflicts())).toMatchObject([{ stands: 'ours', theirs: 'theirs' }]);
    const save = (providerReference: string, revision: Record<string, number>) =>
      patch(id, { providerReference }, { mode: 'based', revision });
    expect((await save('unseen', { eassurance: 2 })).status).toBe('updated');
    expect(open(conflicts())).toHaveLength(1);
    expect((await save('seen', { eassurance: 4, saa: 1 })).status).toBe('updated');
    expect(open(conflicts())).toEqual([]);
  });
});
