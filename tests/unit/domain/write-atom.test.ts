import { describe, expect, it } from 'vitest';
import { diffAtoms } from '../../../src/domain/diff-atoms.ts';
import type { Json, JsonObject } from '../../../src/domain/json.ts';
import { mergeStates } from '../../../src/domain/merge-states.ts';
import { writeAtom } from '../../../src/domain/write-atom.ts';
import { constatState, kinds, party, signedConstat, WITNESS_ID } from './setup.ts';

const { constat } = kinds;
const write = (atom: string, value: Json, state = constatState()) => writeAtom(constat, state, atom, value);
const witness = { personRef: WITNESS_ID, name: 'Karim', address: null, phone: null, passengerOf: null };

describe('writing an atom', () => {
  it.each<[string, string, Json, JsonObject]>([
    ['a plain field', 'providerReference', 'R-7', { providerReference: 'R-7' }],
    [
      'fields that belong together',
      'status',
      { status: 'DRAFT', statusReason: 'x' },
      { status: 'DRAFT', statusReason: 'x' },
    ],
    ['a field of a record', 'accident/place', 'Blida', { accident: { place: 'Blida' } }],
    [
      'a group of a record',
      'accident/position',
      { latitude: 36.7, longitude: 3 },
      { accident: { latitude: 36.7, longitude: 3 } },
    ],
    [
      'a field deep in an element',
      'parties/B/vehicle/make',
      'Lada',
      { parties: [{}, { vehicle: { make: 'Lada' } }] },
    ],
    ['a new element', `witnesses/${WITNESS_ID}`, witness, { witnesses: [witness] }],
  ])('puts in %s and leaves the rest', (_story, atom, value, expected) => {
    const state = constatState({ witnesses: [] });
    const before = structuredClone(state);
    const written = write(atom, value, state)!;
    expect(written).toMatchObject(expected);
    expect(state).toEqual(before);
    expect(diffAtoms(constat, before, written)).toEqual([atom]);
  });

  it('takes an element away, replaces it, and leaves an absent one absent', () => {
    const state = constatState({ witnesses: [witness] });
    const atom = `witnesses/${WITNESS_ID}`;
    expect(write(atom, null, state)!['witnesses']).toEqual([]);
    expect(write(atom, { ...witness, name: 'Lina' }, state)!['witnesses']).toEqual([
      { ...witness, name: 'Lina' },
    ]);
    expect(write(atom, null, constatState({ witnesses: [] }))!['witnesses']).toEqual([]);
  });

  it('writes the front as the values of its atoms', () => {
    const written = write('front', { 'accident/place': 'Blida', providerReference: 'R-7' })!;
    expect(written).toMatchObject({ accident: { place: 'Blida' }, providerReference: 'R-7' });
    for (const value of [null, 'text', { front: {} }, { 'parties/C/remarks': 'x' }])
      expect(write('front', value)).toBeNull();
  });

  it.each<[string, string, Json]>([
    ['the party is gone', 'parties/C/remarks', 'x'],
    [
      'an element comes under the key of another',
      `witnesses/${WITNESS_ID}`,
      { ...witness, personRef: 'other' },
    ],
    ['fields that belong together come alone', 'status', 'DRAFT'],
    ['a group has a field that is none of its own', 'status', { status: 'DRAFT', createdBy: 'saa' }],
    ['no atom holds the field', 'updatedAt', '2026-01-01T00:00:00Z'],
    ['no atom holds the hash', 'sealedContentHash', null],
    ['the path goes on below a value', 'providerReference/x', 'y'],
    ['the name is empty', '', 'x'],
  ])('is refused where %s', (_story, atom, value) => {
    expect(write(atom, value)).toBeNull();
  });

  it('puts back every value that a merge lost, so that either side can be chosen', () => {
    const base = constatState({ witnesses: [witness] });
    const ours = {
      ...base,
      providerReference: 'ours',
      witnesses: [],
      parties: [party('A', { remarks: 'ours' }), party('B')],
    };
    const theirs = {
      ...base,
      providerReference: 'theirs',
      witnesses: [{ ...witness, name: 'Lina' }],
      parties: [party('A', { remarks: 'theirs' }), party('B')],
    };
    const merged = mergeStates({
      kind: constat,
      base,
      baseMissing: false,
      ours,
      hubStates: [ours],
      theirs,
      owner: () => 'provider',
      provider: 'saa',
      createdBy: 'saa',
    });
    expect(merged.conflicts.map(({ atom }) => atom).sort()).toEqual([
      'parties/A/remarks',
      'providerReference',
      `witnesses/${WITNESS_ID}`,
    ]);
    const choose = (side: 'ours' | 'theirs') =>
      merged.conflicts.reduce(
        (state, { atom, [side]: value }) => writeAtom(constat, state, atom, value)!,
        merged.state,
      );
    expect(diffAtoms(constat, choose('ours'), ours)).toEqual([]);
    expect(diffAtoms(constat, choose('theirs'), theirs)).toEqual([]);
  });

  it('can put back what a sealed front won over, for whoever may', () => {
    const base = constatState();
    const theirs = { ...base, accident: { ...(base['accident'] as JsonObject), place: 'Blida' } };
    const ours = signedConstat();
    const { state, conflicts } = mergeStates({
      kind: constat,
      base,
      baseMissing: false,
      ours,
      hubStates: [ours],
      theirs,
      owner: () => 'provider',
      provider: 'saa',
      createdBy: 'saa',
    });
    expect(conflicts).toMatchObject([{ atom: 'front', stands: 'ours' }]);
    expect(writeAtom(constat, state, 'front', conflicts[0]!.theirs)).toMatchObject({
      accident: { place: 'Blida' },
    });
    expect(writeAtom(constat, state, 'front', conflicts[0]!.ours)).toEqual(state);
  });
});
