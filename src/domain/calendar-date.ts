const DAYS_IN_MONTH = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
const INSTANT = /^(\d{4}-\d\d-\d\d)T\d\d:\d\d:\d\d(\.\d+)?Z$/;
const DAY_MS = 86_400_000;
/** Algeria keeps UTC+1 all year. */
const ALGIERS_MS = 3_600_000;

/** The value when it is a day of the calendar, `YYYY-MM-DD` from year 1 on, else null. Days compare as text. */
export function calendarDate(value: unknown): string | null {
  if (typeof value !== 'string' || value.length !== 10 || value[4] !== '-' || value[7] !== '-') return null;
  const year = readDigits(value, 0, 4);
  const month = readDigits(value, 5, 7);
  const day = readDigits(value, 8, 10);
  return year >= 1 && day >= 1 && day <= daysIn(month, year) ? value : null;
}

/** The number that stands there in digits; NaN, which compares with nothing, when another character does. */
function readDigits(text: string, from: number, to: number): number {
  let number = 0;
  for (let at = from; at < to; at++) {
    const digit = text.charCodeAt(at) - 0x30;
    number = digit >= 0 && digit <= 9 ? number * 10 + digit : NaN;
  }
  return number;
}

function daysIn(month: number, year: number): number {
  if (month !== 2) return DAYS_IN_MONTH[month - 1] ?? 0;
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
}

/** The value when it is an instant in RFC 3339 UTC, else null. */
export function instant(value: unknown): string | null {
  const parts = typeof value === 'string' ? INSTANT.exec(value) : null;
  if (parts === null || calendarDate(parts[1]) === null) return null;
  return Number.isNaN(Date.parse(parts[0])) ? null : parts[0];
}

/** The day in Algiers at an instant; null when it is none. */
export function dayOf(value: unknown): string | null {
  const at = instant(value);
  if (at === null) return null;
  // Before 23:00 UTC it is the same day in both.
  if (readDigits(at, 11, 13) < 23) return at.slice(0, 10);
  return calendarDate(new Date(Date.parse(at) + ALGIERS_MS).toISOString().slice(0, 10));
}

/** Whole days from one calendar day to another. */
export function daysBetween(from: string, to: string): number {
  return Math.round((Date.parse(`${to}T00:00:00Z`) - Date.parse(`${from}T00:00:00Z`)) / DAY_MS);
}
