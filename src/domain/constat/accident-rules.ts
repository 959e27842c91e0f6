import { calendarDate, dayOf, daysBetween } from '../calendar-date.ts';
import { checkLengths, checkPattern, checkRange, COUNTRY, type Findings } from '../findings.ts';
import type { JsonObject } from '../json.ts';
import type { RuleContext } from '../kind.ts';
import { absent, isRecord, record, text } from '../read-state.ts';
import { declarationDays, isWilaya } from '../reference-data.ts';

const LENGTHS = { place: 500, communeCode: 20, timeZone: 50 };
const REPORT_LENGTHS = { authority: 100, reportNumber: 100, unit: 200 };
const TIME = { pattern: /^([01]\d|2[0-3]):[0-5]\d$/, code: 'TIME_INVALID', message: 'A time reads HH:MM.' };
const LATITUDE = { min: -90, max: 90, code: 'LATITUDE_RANGE', what: 'A latitude' };
const LONGITUDE = { min: -180, max: 180, code: 'LONGITUDE_RANGE', what: 'A longitude' };

/** The rules of the accident (sections 1 to 4). */
export function checkAccident(state: JsonObject, context: RuleContext, findings: Findings): void {
  const accident = record(state['accident']);
  const at = '/accident';
  checkLengths(accident, at, LENGTHS, findings);
  checkPattern(accident, 'accidentTime', at, TIME, findings);
  checkPattern(accident, 'country', at, COUNTRY, findings);
  checkPosition(accident, at, findings);
  if (state['status'] !== 'DRAFT' && text(accident['place']) === null) {
    findings.error(`${at}/place`, 'PLACE_MISSING', 'The place of the accident is missing.');
  }
  const day = calendarDate(accident['accidentDate']);
  if (day === null)
    findings.error(
      `${at}/accidentDate`,
      'DATE_INVALID',
      'The date of the accident is no day of the calendar.',
    );
  else checkDay(state, day, context, findings);
  checkWilaya(accident, day ?? context.today, findings);
  checkPoliceReport(accident, day, context, findings);
}

function checkDay(state: JsonObject, day: string, context: RuleContext, findings: Findings): void {
  if (day > context.today) {
    findings.error('/accident/accidentDate', 'ACCIDENT_IN_FUTURE', 'The accident lies in the future.');
  }
  const opened = dayOf(state['createdAt']);
  const allowed = declarationDays('accident', day);
  if (opened !== null && daysBetween(day, opened) > allowed) {
    findings.warning(
      '/accident/accidentDate',
      'DECLARED_LATE',
      `The constat was opened more than ${allowed} days after the accident.`,
    );
  }
}

function checkPosition(accident: JsonObject, at: string, findings: Findings): void {
  checkRange(accident, 'latitude', at, LATITUDE, findings);
  checkRange(accident, 'longitude', at, LONGITUDE, findings);
  if (absent(accident['latitude']) !== absent(accident['longitude'])) {
    findings.error(`${at}/latitude`, 'POSITION_INCOMPLETE', 'Latitude and longitude are given together.');
  }
}

function checkWilaya(accident: JsonObject, day: string, findings: Findings): void {
  const code = accident['wilayaCode'];
  const abroad = !absent(accident['country']) && accident['country'] !== 'DZ';
  if (absent(code) || abroad || isWilaya(code, day)) return;
  findings.error(
    '/accident/wilayaCode',
    'WILAYA_UNKNOWN',
    'There was no wilaya with this code on the day of the accident.',
  );
}

function checkPoliceReport(
  accident: JsonObject,
  day: string | null,
  context: RuleContext,
  findings: Findings,
): void {
  const report = accident['policeReport'];
  const at = '/accident/policeReport';
  if (!isRecord(report)) {
    if (accident['injuries'] === 'YES') {
      findings.warning(
        at,
        'INJURY_WITHOUT_REPORT',
        'Somebody was injured, and there is no police report: it is needed.',
      );
    }
    return;
  }
  checkLengths(report, at, REPORT_LENGTHS, findings);
  const drawnUp = calendarDate(report['reportDate']);
  if (drawnUp === null) return;
  if (day !== null && drawnUp < day)
    findings.error(`${at}/reportDate`, 'DATES_REVERSED', 'The report is older than the accident.');
  if (drawnUp > context.today)
    findings.error(`${at}/reportDate`, 'DATE_IN_FUTURE', 'The date of the report lies in the future.');
}
