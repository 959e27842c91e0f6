import { calendarDate } from '../calendar-date.ts';
import { checkLengths, checkRange, type Findings } from '../findings.ts';
import { checkInsurance } from '../insurance-rules.ts';
import type { JsonObject } from '../json.ts';
import type { RuleContext } from '../kind.ts';
import { checkPerson } from '../person-rules.ts';
import { absent, isRecord, list, record } from '../read-state.ts';
import { checkVehicle } from '../vehicle-rules.ts';

const LENGTHS = { visibleDamage: 2000, remarks: 2000 };
const LICENCE_LENGTHS = { licenceNumber: 50, licenceCategory: 50 };
const FIRST_BOX = 1;
const LAST_BOX = 17;
const ACROSS = { min: 0, max: 1, code: 'IMPACT_RANGE', what: 'A position on the silhouette' };

/** The rules of one column of the form (sections 6 to 12, 14). */
export function checkParty(
  party: JsonObject,
  at: string,
  accidentDay: string | null,
  context: RuleContext,
  findings: Findings,
): void {
  checkLengths(party, at, LENGTHS, findings);
  checkPerson(party['policyholder'], `${at}/policyholder`, context, findings);
  if (!isRecord(party['vehicle']))
    findings.error(`${at}/vehicle`, 'VEHICLE_MISSING', 'The vehicle is missing.');
  checkVehicle(party['vehicle'], `${at}/vehicle`, context, findings);
  checkVehicle(party['trailer'], `${at}/trailer`, context, findings);
  checkInsurance(party['insurance'], `${at}/insurance`, accidentDay, findings);
  checkDriver(party['driver'], `${at}/driver`, accidentDay, context, findings);
  const impact = record(party['initialImpact']);
  checkRange(impact, 'x', `${at}/initialImpact`, ACROSS, findings);
  checkRange(impact, 'y', `${at}/initialImpact`, ACROSS, findings);
  checkCircumstances(party, at, findings);
}

/** Section 12: a set of boxes 1 to 17, and at its foot how many are ticked. */
function checkCircumstances(party: JsonObject, at: string, findings: Findings): void {
  const boxes = list(party['circumstances']);
  const ticked = new Set<unknown>();
  boxes.forEach((box, i) => {
    const pointer = `${at}/circumstances/${i}`;
    if (!Number.isInteger(box) || (box as number) < FIRST_BOX || (box as number) > LAST_BOX) {
      findings.error(pointer, 'BOX_OUT_OF_RANGE', `Section 12 has the boxes ${FIRST_BOX} to ${LAST_BOX}.`);
    }
    if (ticked.has(box)) findings.error(pointer, 'BOX_DUPLICATE', 'A box is ticked once.');
    ticked.add(box);
  });
  const count = party['circumstanceCount'];
  if (!absent(count) && count !== ticked.size) {
    findings.error(
      `${at}/circumstanceCount`,
      'CIRCUMSTANCE_COUNT_MISMATCH',
      'The number at the foot of section 12 is not the number of boxes ticked.',
    );
  }
}

function checkDriver(
  driver: JsonObject[string],
  at: string,
  accidentDay: string | null,
  context: RuleContext,
  findings: Findings,
): void {
  if (!isRecord(driver)) return;
  checkPerson(driver['person'], `${at}/person`, context, findings);
  checkLengths(driver, at, LICENCE_LENGTHS, findings);
  const validUntil = calendarDate(driver['licenceValidUntil']);
  if (validUntil !== null && accidentDay !== null && validUntil < accidentDay) {
    findings.warning(
      `${at}/licenceValidUntil`,
      'LICENCE_EXPIRED',
      'The licence had expired on the day of the accident.',
    );
  }
}
