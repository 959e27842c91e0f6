import { searchText } from './search-text.ts';

/** An Algerian plate of the ordinary series, `serial-CYY-WW`. */
export interface Plate {
  readonly serial: string;
  /** Class of the vehicle, 1 (car) to 9 (motorcycle). */
  readonly vehicleClass: number;
  /** Year of first registration, two digits. */
  readonly year: string;
  readonly wilaya: string;
}

const ARABIC_DIGITS = /[\u0660-\u0669\u06f0-\u06f9]/g;
const NEITHER_LETTER_NOR_DIGIT = /[^\p{L}\p{N}]/gu;
const IN_FORM = /^[0-9A-Z]+$/;
const ORDINARY = /^(\d{1,6})([1-9])(\d\d)(\d\d)$/;

/** A plate as it is compared and searched: separators gone, digits in ASCII, letters in capitals; null when nothing is
 *  left. Foreign and diplomatic plates keep their letters. */
export function normalisePlate(value: unknown): string | null {
  const raw = searchText(value, 64);
  if (raw === null || IN_FORM.test(raw)) return raw;
  const ascii = raw.replace(ARABIC_DIGITS, (digit) => String(digit.charCodeAt(0) % 16));
  return searchText(ascii.replace(NEITHER_LETTER_NOR_DIGIT, '').toUpperCase());
}

/** Parses a normalised plate from the right: wilaya, class and year, the rest is the serial. Null for any other series. */
export function parsePlate(normalised: string): Plate | null {
  const parts = ORDINARY.exec(normalised);
  if (parts === null) return null;
  const [, serial, vehicleClass, year, wilaya] = parts;
  return { serial: serial!, vehicleClass: Number(vehicleClass), year: year!, wilaya: wilaya! };
}
