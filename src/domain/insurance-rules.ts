import { calendarDate } from './calendar-date.ts';
import { checkLengths, type Findings } from './findings.ts';
import type { Json, JsonObject } from './json.ts';
import { isRecord } from './read-state.ts';

const LENGTHS = { insurerCode: 50, policyNumber: 100, agencyCode: 50, internationalCardNumber: 100 };

/** The rules of an `Insurance` (section 8), and whether it was in force on `day`. */
export function checkInsurance(
  value: Json | undefined,
  at: string,
  day: string | null,
  findings: Findings,
): void {
  if (!isRecord(value)) return;
  checkLengths(value, at, LENGTHS, findings);
  checkValidity(value, at, findings);
  const from = calendarDate(value['validFrom']);
  const to = calendarDate(value['validTo']);
  if (day === null || ((from === null || from <= day) && (to === null || day <= to))) return;
  findings.warning(
    `${at}/validTo`,
    'COVER_NOT_IN_FORCE',
    'The attestation does not cover the day of the accident.',
  );
}

/** `validFrom` is not after `validTo`. */
export function checkValidity(state: JsonObject, at: string, findings: Findings): void {
  const from = calendarDate(state['validFrom']);
  const to = calendarDate(state['validTo']);
  if (from !== null && to !== null && from > to) {
    findings.error(`${at}/validTo`, 'DATES_REVERSED', 'The last day lies before the first.');
  }
}
