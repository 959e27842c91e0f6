import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { maskAtom, maskPersonal, PERSONAL_FIELDS } from '../../../src/telemetry/mask.ts';

describe('maskPersonal', () => {
  /** Field, value, and what is left of it (DOMAIN.md §5). */
  const masked: readonly [string, string | number, string][] = [
    ['nin', '109870012345678901', '•••901'],
    ['licenceNumber', '12', '•••'],
    ['birthDate', '1987-03-14', '1987'],
    ['phone', '+213555123456', '•••456'],
    ['email', 'amina.b@example.dz', 'a•••@example.dz'],
    ['email', 'not an address', '•••'],
    ['lastName', 'بن علي', 'ب•••'],
    ['address', '12 rue Didouche', '•••'],
    ['plateNormalized', '00123411916', '•••916'],
    ['latitude', 36.7525, '•••'],
    ['remarks', 'the driver was on the phone', '•••'],
  ];
  it.each(masked)('masks %s', (field, value, expected) => {
    expect(maskPersonal({ parties: [{ driver: { person: { [field]: value } } }] })).toEqual({
      parties: [{ driver: { person: { [field]: expected } } }],
    });
  });

  it('leaves everything else as it is, and absent fields absent', () => {
    const state = {
      constatId: 'c1',
      status: 'SIGNED',
      circumstances: [1, 17],
      driver: { phone: null },
      sealed: true,
    };
    expect(maskPersonal(state)).toEqual(state);
  });

  it('hides a personal field whole when it is an object', () => {
    expect(maskPersonal({ address: { street: 'rue Didouche', city: 'Alger' } })).toEqual({ address: '•••' });
  });

  it('changes nothing in its argument', () => {
    const state = { phone: '+213555123456' };
    maskPersonal(state);
    expect(state.phone).toBe('+213555123456');
  });

  it('knows only names that the contracts have', () => {
    const folder = path.join(import.meta.dirname, '../../../schemas');
    const contracts = readdirSync(folder)
      .filter((file) => file.endsWith('.avsc'))
      .map((file) => readFileSync(path.join(folder, file), 'utf8'))
      .join('\n');
    for (const field of PERSONAL_FIELDS) expect(contracts).toContain(`"${field}"`);
  });
});

describe('maskAtom', () => {
  it('knows an atom by the end of its name, and shows plates to staff and on-call', () => {
    expect(maskAtom('parties/A/driver/person/phone', '+213555123456')).toBe('•••456');
    expect(maskAtom('witnesses/0195', { name: 'Amina', phone: null })).toEqual({ name: 'A•••', phone: null });
    expect(maskAtom('parties/B/vehicle/plate', { plateRaw: '00123-119-16', vin: 'VF1AAAAA1' })).toEqual({
      plateRaw: '00123-119-16',
      vin: '•••AA1',
    });
    expect(maskAtom('claimId', '0195')).toBe('0195');
  });
});
