/** Reference data with the day from which it holds: looked up by the day that a record is about, never an enum, so that
 *  a record keeps the rule of its own day. */
interface Dated<T> {
  readonly from: string;
  readonly value: T;
}

/** How many wilayas there are; their codes run from 01. */
const WILAYA_COUNT: readonly Dated<number>[] = [
  { from: '0001-01-01', value: 58 },
  { from: '2027-01-01', value: 69 },
];

/** Days in which the insured must declare. */
const DECLARATION_DAYS: readonly Dated<{ readonly accident: number; readonly theft: number }>[] = [
  { from: '0001-01-01', value: { accident: 7, theft: 3 } },
];

/** Whether `code` is the two-digit code of a wilaya on that day (`YYYY-MM-DD`). */
export function isWilaya(code: unknown, day: string): boolean {
  const number = typeof code === 'string' && /^\d\d$/.test(code) ? Number(code) : 0;
  return number >= 1 && number <= inForce(WILAYA_COUNT, day);
}

/** Days in which an event of that day must be declared. */
export function declarationDays(event: 'accident' | 'theft', day: string): number {
  return inForce(DECLARATION_DAYS, day)[event];
}

/** The entry of the latest date that is not after `day`; entries stand in the order of their dates. */
function inForce<T>(entries: readonly Dated<T>[], day: string): T {
  return (entries.findLast((entry) => entry.from <= day) ?? entries[0]!).value;
}
