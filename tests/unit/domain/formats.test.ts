import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { calendarDate, dayOf, instant } from '../../../src/domain/calendar-date.ts';
import { isPhone, normalisePhone } from '../../../src/domain/phone.ts';
import { normalisePlate, parsePlate } from '../../../src/domain/plate.ts';
import { declarationDays, isWilaya } from '../../../src/domain/reference-data.ts';
import { searchText } from '../../../src/domain/search-text.ts';
import { hasCheckDigit, isVin, normaliseVin } from '../../../src/domain/vin.ts';

describe('searchText', () => {
  it('bounds and cleans whatever it is given, and never throws', () => {
    const units = fc.array(fc.integer({ min: 0, max: 0xffff })).map((codes) => String.fromCharCode(...codes));
    fc.assert(
      fc.property(fc.oneof(units, fc.anything()), fc.integer({ min: 0, max: 30 }), (value, max) => {
        const found = searchText(value, max);
        if (found === null) return;
        expect(found.length).toBeGreaterThan(0);
        expect(found.length).toBeLessThanOrEqual(max);
        expect(found).not.toContain('\u0000');
        expect(found.isWellFormed()).toBe(true);
        expect(found).toBe(found.normalize('NFC'));
      }),
    );
  });

  it('does not split a surrogate pair at its bound', () => {
    expect(searchText('ab😀', 3)).toBe('ab');
  });

  it('drops what PostgreSQL cannot hold', () => {
    expect(searchText('\u0000a\u0000b\ud800')).toBe('ab');
  });

  it('is null where there is nothing to search by', () => {
    expect([null, undefined, '', '  ', {}, [], true].map((value) => searchText(value))).toEqual(
      Array(7).fill(null),
    );
  });
});

describe('plates', () => {
  it.each([
    ['12345-115-16', '1234511516'],
    [' 12345 115 16 ', '1234511516'],
    ['١٢٣٤٥-١١٥-١٦', '1234511516'],
    ['۱۲۳۴۵/۱۱۵/۱۶', '1234511516'],
    ['cd 12-34', 'CD1234'],
  ])('%s is compared as %s', (raw, expected) => {
    expect(normalisePlate(raw)).toBe(expected);
  });

  it('are parsed from the right', () => {
    expect(parsePlate('1234511516')).toEqual({ serial: '12345', vehicleClass: 1, year: '15', wilaya: '16' });
    expect(parsePlate('112031')).toEqual({ serial: '1', vehicleClass: 1, year: '20', wilaya: '31' });
  });

  it.each(['12031', '12345678901234', '1234501516', 'CD1234'])('%s is of no ordinary series', (plate) => {
    expect(parsePlate(plate)).toBeNull();
  });
});

describe('VINs', () => {
  it.each(['1M8GDM9AXKP042788', '11111111111111111', '1HGCM82633A004352'])(
    '%s has its check digit',
    (vin) => {
      expect(isVin(vin) && hasCheckDigit(vin)).toBe(true);
    },
  );

  it('have another check digit when a character was misread', () => {
    expect(hasCheckDigit('1M8GDM9AXKP042789')).toBe(false);
  });

  it.each(['1M8GDM9AXKP04278', '1M8GDM9AXKP0427888', 'IM8GDM9AXKP042788', '1m8gdm9axkp042788'])(
    '%s is none',
    (vin) => {
      expect(isVin(vin)).toBe(false);
    },
  );

  it('are searched in capitals without separators', () => {
    expect(normaliseVin(' 1m8-gdm9axkp 042788')).toBe('1M8GDM9AXKP042788');
  });
});

describe('telephone numbers', () => {
  it.each([
    ['0551 23 45 67', '+213551234567'],
    ['00213 551.23.45.67', '+213551234567'],
    ['021-23-45-67', '+21321234567'],
    ['+33 6 12 34 56 78', '+33612345678'],
  ])('%s is %s', (written, expected) => {
    expect(normalisePhone(written)).toBe(expected);
  });

  it.each(['+21355123456', '+213212345678', '+213151234567', '12', '', '+0551234567', 'abc'])(
    '%s is none',
    (value) => {
      expect(normalisePhone(value)).toBeNull();
      expect(isPhone(value)).toBe(false);
    },
  );
});

describe('calendar days', () => {
  it.each([
    '2026-02-30',
    '2026-13-01',
    '0000-01-01',
    '26-01-01',
    '2026-1-1',
    '2026-0x-01',
    '2026/05/04',
    '',
    null,
    5,
  ])('%s is none', (value) => {
    expect(calendarDate(value)).toBeNull();
  });

  it('are the days that exist', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 9999 }),
        fc.integer({ min: 0, max: 13 }),
        fc.integer({ min: 0, max: 32 }),
        (y, m, d) => {
          const day = [
            String(y).padStart(4, '0'),
            String(m).padStart(2, '0'),
            String(d).padStart(2, '0'),
          ].join('-');
          const ms = Date.parse(`${day}T00:00:00Z`);
          const exists = !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(day);
          expect(calendarDate(day)).toBe(exists ? day : null);
        },
      ),
    );
  });

  it('end in Algiers an hour before they do in UTC', () => {
    expect(dayOf('2026-05-04T23:30:00.000Z')).toBe('2026-05-05');
    expect(dayOf('2026-05-04T22:30:00.000Z')).toBe('2026-05-04');
  });

  it('are asked for at an instant that exists', () => {
    expect(instant('2026-02-30T00:00:00Z')).toBeNull();
    expect(instant('2026-02-28T25:00:00Z')).toBeNull();
    expect(dayOf('9999-12-31T23:59:59Z')).toBeNull();
  });
});

describe('reference data', () => {
  it('has 58 wilayas until the end of 2026 and 69 from then on', () => {
    expect(isWilaya('58', '2026-12-31') && isWilaya('69', '2027-01-01')).toBe(true);
    expect(isWilaya('59', '2026-12-31') || isWilaya('70', '2027-01-01')).toBe(false);
  });

  it.each(['00', '7', '016', 'AB', 16, null])('%s is no code of a wilaya', (code) => {
    expect(isWilaya(code, '2026-05-10')).toBe(false);
  });

  it('gives seven days to declare an accident and three a theft', () => {
    expect([declarationDays('accident', '2026-05-04'), declarationDays('theft', '2026-05-04')]).toEqual([
      7, 3,
    ]);
  });
});
