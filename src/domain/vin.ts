import { searchText } from './search-text.ts';

const VIN = /^[A-HJ-NPR-Z0-9]{17}$/;
const WEIGHTS = [8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2];
/** ISO 3779: the number that stands for each letter. */
const LETTER_VALUES: Readonly<Record<string, number>> = {
  ...{ A: 1, B: 2, C: 3, D: 4, E: 5, F: 6, G: 7, H: 8, J: 1, K: 2, L: 3, M: 4, N: 5, P: 7, R: 9 },
  ...{ S: 2, T: 3, U: 4, V: 5, W: 6, X: 7, Y: 8, Z: 9 },
};
const CHECK_POSITION = 8;

/** A VIN as it is compared and searched: capitals, no spaces or hyphens; null when nothing is left. */
export function normaliseVin(value: unknown): string | null {
  if (typeof value === 'string' && isVin(value)) return value;
  return searchText(searchText(value, 64)?.toUpperCase().replaceAll(/[\s-]/g, ''));
}

export function isVin(value: string): boolean {
  return VIN.test(value);
}

/** Whether the ninth character of a well-formed VIN is its check digit. European makers often leave it out. */
export function hasCheckDigit(vin: string): boolean {
  const sum = WEIGHTS.reduce(
    (total, weight, i) => total + weight * (LETTER_VALUES[vin[i]!] ?? Number(vin[i])),
    0,
  );
  const remainder = sum % 11;
  return vin[CHECK_POSITION] === (remainder === 10 ? 'X' : String(remainder));
}
