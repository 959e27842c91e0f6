import { describe, expect, it } from 'vitest';
import { diffAtoms } from '../../../src/domain/diff-atoms.ts';
import type { JsonObject } from '../../../src/domain/json.ts';
import { mergeEdit } from '../../../src/domain/merge-edit.ts';
import { constatState, kinds, party, signedConstat } from './setup.ts';

const kind = kinds.constat;
const witness = (n: number, name: string) => ({ personRef: `0197f3a0-3333-7abc-8def-00000000000${n}`, name });
const [one, two] = [witness(1, 'Amina'), witness(2, 'Yacine')];

/** What is changed in both lists of atoms is what the edit changed, and nothing else. */
const expectOnly = (base: JsonObject, current: JsonObject, edited: JsonObject) => {
  const merged = mergeEdit(kind, { base, current, edited });
  expect(diffAtoms(kind, current, merged)).toEqual(diffAtoms(kind, base, edited));
  return merged;
};

describe('an edit on top of what has moved since', () => {
  it('keeps an element that was added to the list it replaces', () => {
    const base = constatState({ witnesses: [one] });
    const merged = expectOnly(
      base,
      constatState({ witnesses: [one, two] }),
      constatState({ witnesses: [{ ...one, name: 'Amina Benali' }] }),
    );
    expect(merged['witnesses']).toEqual([{ ...one, name: 'Amina Benali' }, two]);
  });

  it('removes an element, and keeps the other as it was edited meanwhile', () => {
    const base = constatState({ witnesses: [one, two] });
    const merged = expectOnly(
      base,
      constatState({ witnesses: [{ ...one, name: 'Amina Benali' }, two] }),
      constatState({ witnesses: [one] }),
    );
    expect(merged['witnesses']).toEqual([{ ...one, name: 'Amina Benali' }]);
  });

  it('keeps the remarks of one driver while the damage of the other is corrected', () => {
    const base = constatState();
    const merged = expectOnly(
      base,
      constatState({ parties: [party('A', { remarks: 'Je roulais à 30.' }), party('B')] }),
      constatState({ parties: [party('A'), party('B', { visibleDamage: 'Aile gauche' })] }),
    );
    expect(merged['parties']).toMatchObject([
      { remarks: 'Je roulais à 30.' },
      { visibleDamage: 'Aile gauche' },
    ]);
  });

  it('says what its author says, an unknown too', () => {
    const accident = constatState()['accident'] as JsonObject;
    const edited = constatState({ accident: { ...accident, injuries: 'UNKNOWN' } });
    const merged = expectOnly(constatState(), constatState({ statusReason: 'Lu' }), edited);
    expect((merged['accident'] as JsonObject)['injuries']).toBe('UNKNOWN');
  });

  it('leaves the sealed front of the current state as it is', () => {
    const merged = expectOnly(
      signedConstat(),
      signedConstat({ claimId: one.personRef }),
      signedConstat({ channel: 'WEB' }),
    );
    expect(merged).toMatchObject({ status: 'SIGNED', claimId: one.personRef, channel: 'WEB' });
  });
});
