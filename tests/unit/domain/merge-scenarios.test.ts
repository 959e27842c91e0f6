import { describe, expect, it } from 'vitest';
import { sealOf } from '../../../src/domain/canonical.ts';
import { restoreAbsent } from '../../../src/domain/complete-state.ts';
import type { JsonObject } from '../../../src/domain/json.ts';
import { mergeStates } from '../../../src/domain/merge-states.ts';
import { addTo, all, get, removeFrom, set, sign } from './merge-edits.ts';
import { content, setup } from './merge-sides.ts';
import { constatState, kinds, party, signedConstat, WITNESS_ID } from './setup.ts';

const kind = kinds.constat;
const place = (value: string) => set('accident/place', value);
const remark = (value: string) => set('parties/role=A/remarks', value);
const status = (value: string) => set('status', value);
const sealed = () => {
  const state = signedConstat();
  return { ...state, sealedContentHash: sealOf(kind, state) };
};

describe('the scenarios of the protocol, in one process', () => {
  it('1. An overruled value stays overruled when the provider next edits another field', () => {
    const { hub, provider } = setup(constatState(), { owner: () => 'eassurance' });
    const first = provider.edit(place('p1'));
    hub.edit(place('h1'));
    const second = provider.edit(set('providerReference', 'g'));
    expect(hub.receive(first).conflicts).toHaveLength(1);
    expect(hub.receive(second).conflicts).toEqual([]);
    expect(get(hub.held().state, 'accident/place')).toBe('h1');
    expect(get(hub.held().state, 'providerReference')).toBe('g');
    for (const message of hub.published) provider.receive(message);
    expect(provider.held().revision).toEqual({ eassurance: 4, saa: 2 });
    expect(content(provider.held().state)).toBe(content(hub.held().state));
  });

  it('2. Sealing here while the provider edits the front keeps the sealed front', () => {
    const { hub, provider } = setup(constatState({ status: 'SUBMITTED' }));
    const seal = sealOf(kind, hub.edit(sign).state);
    const { conflicts } = hub.receive(provider.edit(all(place('theirs'), remark('own declaration'))));
    const { state, revision } = hub.held();
    expect(sealOf(kind, state)).toBe(seal);
    expect(state['sealedContentHash']).toBe(seal);
    expect(get(state, 'parties/role=A/remarks')).toBe('own declaration');
    expect(conflicts).toMatchObject([
      { atom: 'front', stands: 'ours', severity: 'critical', theirs: { 'accident/place': 'theirs' } },
    ]);
    provider.receive(hub.held());
    expect(provider.held().revision).toEqual({ eassurance: 3, saa: 1 });
    expect(provider.held().revision).toEqual(revision);
  });

  it('2. Sealing there while staff edit the front keeps the sealed front too', () => {
    const { hub, provider } = setup(constatState({ status: 'SUBMITTED' }));
    hub.edit(all(place('ours'), remark('here')));
    const theirs = provider.edit(sign);
    const { conflicts } = hub.receive(theirs);
    expect(sealOf(kind, hub.held().state)).toBe(sealOf(kind, theirs.state));
    expect(get(hub.held().state, 'parties/role=A/remarks')).toBe('here');
    expect(conflicts).toMatchObject([
      { atom: 'front', stands: 'theirs', ours: { 'accident/place': 'ours' } },
    ]);
  });

  it('2. What both sides wrote alike before one of them sealed is no loss', () => {
    const { hub, provider } = setup(constatState());
    hub.edit(all(place('the same'), sign));
    expect(hub.receive(provider.edit(all(place('the same'), status('SUBMITTED')))).conflicts).toEqual([]);
    expect(get(hub.held().state, 'status')).toBe('SIGNED');
  });

  it.each([
    ['keeps its status', (state: JsonObject) => state],
    ['takes a step that is its right', status('VALIDATED')],
    ['calls the constat a draft again', status('DRAFT')],
  ])('3. A provider that alters a sealed front and %s gets the seal back', (_story, step) => {
    const { hub, provider } = setup(sealed());
    const { outcome, conflicts } = hub.receive(provider.edit(all(place('forged'), remark('mine'), step)));
    expect(outcome).toBe('merged');
    expect(conflicts.filter(({ severity }) => severity === 'critical').map(({ atom }) => atom)).toContain(
      'front',
    );
    expect(sealOf(kind, hub.held().state)).toBe(sealOf(kind, sealed()));
    expect(get(hub.held().state, 'parties/role=A/remarks')).toBe('mine');
    const accepted = step(sealed())['status'] === 'VALIDATED' ? 'VALIDATED' : 'SIGNED';
    expect(hub.held().state['status']).toBe(accepted);
    // Before the correction has arrived there, another edit on top of the forged front: no second conflict.
    const next = hub.receive(provider.edit(set('providerReference', 'next')));
    expect(next.conflicts).toEqual([]);
    expect(sealOf(kind, hub.held().state)).toBe(sealOf(kind, sealed()));
    expect(hub.held().state['providerReference']).toBe('next');
  });

  it('3. A seal can not be shaken off by opening the constat first and sealing it again', () => {
    const { hub, provider } = setup(sealed());
    const opened = provider.edit(all(place('forged'), status('DRAFT')));
    const again = provider.edit(sign);
    hub.receive(opened);
    hub.receive(again);
    expect(sealOf(kind, hub.held().state)).toBe(sealOf(kind, sealed()));
    expect(hub.held().state['status']).toBe('SIGNED');
  });

  it('4. Two different sealings end with one front on both sides, and later unrelated edits flow', () => {
    const { hub, provider } = setup(constatState());
    hub.edit(all(place('ours'), sign));
    const theirs = provider.edit(all(place('theirs'), sign));
    const { conflicts } = hub.receive(theirs);
    expect(conflicts).toMatchObject([
      {
        atom: 'front',
        stands: 'theirs',
        reason: 'SEALED_TWICE',
        severity: 'critical',
        ours: { 'accident/place': 'ours' },
        theirs: { 'accident/place': 'theirs' },
      },
    ]);
    expect(hub.held().state['sealedContentHash']).toBe(sealOf(kind, theirs.state));
    expect(hub.receive(provider.edit(set('providerReference', 'later'))).conflicts).toEqual([]);
    for (const message of hub.published) provider.receive(message);
    expect(content(provider.held().state)).toBe(content(hub.held().state));
    expect(hub.receive(provider.edit(remark('unrelated'))).outcome).toBe('applied');
  });

  it('4. Two sealings of which only one followed an edit are two fronts all the same', () => {
    const { hub, provider } = setup(constatState());
    const ours = get(hub.edit(sign).state, 'accident/place');
    const { conflicts } = hub.receive(provider.edit(all(place('theirs'), sign)));
    expect(conflicts).toMatchObject([
      { reason: 'SEALED_TWICE', ours: { 'accident/place': ours }, stands: 'theirs' },
    ]);
  });

  it('4. Sealed alike on both sides is sealed once', () => {
    const { hub, provider } = setup(constatState());
    const both = all(set('accident/injuries', 'UNKNOWN'), sign);
    const ours = hub.edit(both);
    expect(hub.receive({ ...provider.edit(both), state: ours.state }).conflicts).toEqual([]);
    expect(content(hub.held().state)).toBe(content(ours.state));
  });

  it('5. A signature that the status does not allow seals nothing', () => {
    const { hub, provider } = setup(constatState({ status: 'CANCELLED' }));
    hub.edit(place('ours'));
    const { conflicts } = hub.receive(provider.edit(all(place('theirs'), status('SIGNED'))));
    expect(conflicts.map(({ atom, reason }) => [atom, reason])).toEqual([
      ['status', 'NOT_ALLOWED'],
      ['accident/place', 'BOTH_CHANGED'],
    ]);
    expect(hub.held().state).toMatchObject({ status: 'CANCELLED', accident: { place: 'theirs' } });
    expect(hub.held().state['sealedContentHash'] ?? null).toBeNull();
  });

  it('5. A sealed front with an open status becomes SIGNED, even where the lifecycle would not lead there', () => {
    const merge = { ...kind.merge!, status: { atom: 'status', field: 'status' } };
    const [base, ours, theirs] = [constatState(), sealed(), constatState({ status: 'SUBMITTED' })];
    const input = { kind: { ...kind, merge }, base, baseMissing: false, ours, hubStates: [ours], theirs };
    const { state } = mergeStates({
      ...input,
      owner: () => 'provider',
      provider: 'saa',
      createdBy: 'eassurance',
    });
    expect(state).toMatchObject({ status: 'SIGNED', sealedContentHash: ours.sealedContentHash });
  });

  it.each([
    ['here', 'there'],
    ['there', 'here'],
  ])('5. Cancellation %s is never undone by a concurrent signature %s', (cancelled) => {
    const { hub, provider } = setup(constatState({ status: 'SUBMITTED' }));
    const [ours, theirs] = cancelled === 'here' ? [status('CANCELLED'), sign] : [sign, status('CANCELLED')];
    hub.edit(ours);
    hub.receive(provider.edit(theirs));
    expect(hub.held().state['status']).toBe('CANCELLED');
    expect(hub.held().state['sealedContentHash']).toBe(sealOf(kind, hub.held().state));
  });

  it('5. When the provider validated first, it is validated, and the cancellation stands in a conflict', () => {
    const { hub, provider } = setup(sealed());
    hub.edit(status('CANCELLED'));
    const { conflicts } = hub.receive(provider.edit(status('VALIDATED')));
    expect(hub.held().state['status']).toBe('VALIDATED');
    expect(conflicts).toMatchObject([
      {
        atom: 'status',
        reason: 'STATUS_CLASH',
        stands: 'theirs',
        severity: 'critical',
        ours: { status: 'CANCELLED' },
      },
    ]);
  });

  it('5. The reason that staff gave for a status is not lost with it', () => {
    const { hub, provider } = setup(sealed());
    hub.edit(all(status('CONTESTED'), set('statusReason', 'The insured disagrees.')));
    const { conflicts } = hub.receive(provider.edit(status('VALIDATED')));
    expect(hub.held().state['status']).toBe('VALIDATED');
    expect(conflicts).toMatchObject([{ atom: 'status', ours: { statusReason: 'The insured disagrees.' } }]);
  });

  it('6. A merge equal to one side still has a revision that dominates both', () => {
    const { hub, provider } = setup(constatState());
    hub.edit(place('the same'));
    const theirs = provider.edit(place('the same'));
    expect(hub.receive(theirs)).toEqual({ outcome: 'merged', conflicts: [] });
    expect(content(hub.held().state)).toBe(content(theirs.state));
    provider.receive(hub.held());
    expect(provider.held().revision).toEqual({ eassurance: 3, saa: 1 });
  });

  it('7. Without a base every difference is a conflict, and the value of the owner stays', () => {
    const { hub, provider } = setup(constatState(), {
      owner: (atom) => (atom === 'accident/place' ? 'eassurance' : 'provider'),
      pruned: true,
    });
    hub.edit(all(place('ours'), remark('ours')));
    const { conflicts } = hub.receive(provider.edit(set('providerReference', 'theirs')));
    expect(conflicts.map(({ atom, reason, stands }) => [atom, reason, stands])).toEqual([
      ['providerReference', 'NO_COMMON_BASE', 'theirs'],
      ['accident/place', 'NO_COMMON_BASE', 'ours'],
      ['parties/A/remarks', 'NO_COMMON_BASE', 'theirs'],
    ]);
  });

  it('10. A provider restored from a backup loses nothing unseen, with a new writer id', () => {
    const { hub, provider } = setup(constatState());
    const backup = provider.held();
    hub.receive(provider.edit(place('before the restore')));
    provider.restore(backup, 'saa.2');
    const { conflicts } = hub.receive(provider.edit(all(place('after'), remark('after'))));
    expect(conflicts).toMatchObject([
      { atom: 'accident/place', ours: 'before the restore', theirs: 'after' },
    ]);
    expect(get(hub.held().state, 'parties/role=A/remarks')).toBe('after');
  });

  it('10. With reused counters, both values stand in the state or in a conflict', () => {
    const { hub, provider } = setup(constatState());
    const backup = provider.held();
    hub.receive(provider.edit(place('before the restore')));
    provider.restore(backup, 'saa');
    const { outcome, conflicts } = hub.receive(provider.edit(place('the same counter')));
    expect(outcome).toBe('merged');
    expect(conflicts).toMatchObject([
      { atom: 'accident/place', ours: 'before the restore', theirs: 'the same counter', stands: 'theirs' },
    ]);
    expect(hub.receive(provider.edit(remark('and on'))).conflicts).toEqual([]);
  });

  it.each(['here', 'there'])(
    '14. Deleting a witness %s while the other side edits it keeps the witness and asks staff',
    (deleted) => {
      const remove = removeFrom('witnesses', 'personRef', WITNESS_ID);
      const edit = set(`witnesses/personRef=${WITNESS_ID}/name`, 'Amina Kaci');
      const { hub, provider } = setup(constatState());
      hub.edit(deleted === 'here' ? remove : edit);
      const { conflicts } = hub.receive(provider.edit(deleted === 'here' ? edit : remove));
      expect(hub.held().state['witnesses']).toMatchObject([{ personRef: WITNESS_ID, name: 'Amina Kaci' }]);
      expect(conflicts).toMatchObject([
        {
          atom: `witnesses/${WITNESS_ID}`,
          reason: 'EDITED_AND_DELETED',
          [deleted === 'here' ? 'ours' : 'theirs']: null,
        },
      ]);
    },
  );

  it('14. Deleted on one side and left alone on the other, it is gone; added on both, both are there', () => {
    const { hub, provider } = setup(constatState());
    hub.edit(
      all(
        removeFrom('witnesses', 'personRef', WITNESS_ID),
        addTo('witnesses', { personRef: 'a', name: 'A' }),
      ),
    );
    const { conflicts } = hub.receive(provider.edit(addTo('witnesses', { personRef: 'b', name: 'B' })));
    expect(conflicts).toEqual([]);
    expect(hub.held().state['witnesses']).toEqual([
      { personRef: 'a', name: 'A' },
      { personRef: 'b', name: 'B' },
    ]);
  });

  it('16. Updated arrives before created: the later state stands, the earlier is stale', () => {
    const { hub, provider } = setup(constatState());
    const [created, updated] = [provider.edit(place('first')), provider.edit(place('second'))];
    expect(hub.receive(updated).outcome).toBe('applied');
    expect(hub.receive(created).outcome).toBe('stale');
  });

  it("17. An insurer on last year's schema erases nothing", () => {
    const before = constatState();
    const theirs = all(
      place('edited'),
      set('accident/communeCode', null),
      set('parties/role=A/driver/licenceNumber', null),
      status('UNKNOWN'),
    )(before);
    const absentFields = ['accident/injuries', 'parties/*/driver/licenceNumber', 'sketch'];
    const { sketch: _, ...lacking } = set('accident/injuries', 'UNKNOWN')(theirs);
    const restored = restoreAbsent(kind, lacking, before, absentFields);
    expect(content(restored)).toBe(content(all(place('edited'), set('accident/communeCode', null))(before)));
    const ours = set('parties/role=A/driver/licenceNumber', 'edited here')(before);
    const owner = () => 'provider' as const;
    const input = {
      kind,
      base: before,
      baseMissing: false,
      ours,
      hubStates: [ours],
      theirs: lacking,
      absentFields,
    };
    const { state, conflicts } = mergeStates({ ...input, owner, provider: 'saa', createdBy: 'eassurance' });
    expect(conflicts).toEqual([]);
    expect(content(state)).toBe(content(place('edited')(ours)));
  });

  it('17. A driver who is another person takes over nothing of the one before', () => {
    const other = { personRef: 'other', kind: 'UNKNOWN', lastName: 'Kaci' };
    const theirs = set('parties/role=A/driver/person', other)(constatState());
    const restored = restoreAbsent(kind, theirs, constatState(), ['parties/*/driver/person/phone']);
    expect(get(restored, 'parties/role=A/driver/person')).toEqual(other);
  });
});

describe('what is only valid together', () => {
  it('comes from one side: boxes and their count, latitude and longitude, plate and type', () => {
    const { hub, provider } = setup(constatState());
    const boxes = (codes: number[]) =>
      all(set('parties/role=A/circumstances', codes), set('parties/role=A/circumstanceCount', codes.length));
    hub.edit(all(boxes([1]), set('accident/latitude', 1)));
    const { conflicts } = hub.receive(provider.edit(all(boxes([2, 3, 4]), set('accident/longitude', 2))));
    expect(conflicts.map(({ atom }) => atom)).toEqual(['accident/position', 'parties/A/circumstances']);
    expect(hub.held().state['accident']).toMatchObject({ latitude: 36.75, longitude: 2 });
    expect(get(hub.held().state, 'parties/role=A')).toMatchObject({
      circumstances: [2, 3, 4],
      circumstanceCount: 3,
    });
  });

  it('is a party with another driver: whole, with the edits of the other side in one conflict', () => {
    const { hub, provider } = setup(constatState());
    hub.edit(all(remark('here'), set('parties/role=B/remarks', 'B')));
    const { conflicts } = hub.receive(
      provider.edit(set('parties/role=A/driver/person/personRef', 'another')),
    );
    expect(conflicts).toMatchObject([{ atom: 'parties/A', ours: { remarks: 'here' }, stands: 'theirs' }]);
    expect(get(hub.held().state, 'parties/role=A/remarks')).toBeNull();
    expect(get(hub.held().state, 'parties/role=B/remarks')).toBe('B');
  });

  it('is a list in which a key is used twice', () => {
    const { hub, provider } = setup(constatState({ parties: [party('A')] }));
    hub.edit(remark('here'));
    const twice = addTo('parties', party('A', { remarks: 'twice' }));
    const { conflicts } = hub.receive(provider.edit(twice));
    expect(conflicts.map(({ atom }) => atom)).toEqual(['parties']);
    expect(hub.held().state['parties']).toHaveLength(2);
  });
});

it('counts a change that was changed back as an edit of ours', () => {
  const { hub, provider } = setup(constatState(), { owner: () => 'eassurance' });
  const original = get(constatState(), 'accident/place') as string;
  hub.edit(place('elsewhere'));
  hub.edit(place(original));
  const { conflicts } = hub.receive(provider.edit(place('theirs')));
  expect(conflicts).toMatchObject([
    { atom: 'accident/place', stands: 'ours', ours: original, theirs: 'theirs' },
  ]);
});

it('keeps who opened the constat, and says so', () => {
  const { hub, provider } = setup(constatState());
  const { conflicts } = hub.receive(provider.edit(all(set('createdBy', 'saa'), place('p'))));
  expect(hub.held().state).toMatchObject({ createdBy: 'eassurance', accident: { place: 'p' } });
  expect(conflicts).toMatchObject([{ atom: 'createdBy', reason: 'NOT_ALLOWED', stands: 'ours' }]);
});

it('keeps the earlier createdAt and the later updatedAt', () => {
  const [early, late] = ['2026-01-01T00:00:00.000Z', '2026-02-01T00:00:00.000Z'];
  const { hub, provider } = setup(constatState({ createdAt: late, updatedAt: early }));
  hub.edit(remark('x'));
  hub.receive(provider.edit(all(set('createdAt', early), set('updatedAt', late))));
  expect(hub.held().state).toMatchObject({ createdAt: early, updatedAt: late });
});
