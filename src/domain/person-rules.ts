import { calendarDate } from './calendar-date.ts';
import { checkLengths, checkPattern, COUNTRY, type Findings } from './findings.ts';
import type { Json, JsonObject } from './json.ts';
import type { RuleContext } from './kind.ts';
import { isPhone, normalisePhone } from './phone.ts';
import { absent, isRecord, text } from './read-state.ts';
import { isWilaya } from './reference-data.ts';

const LENGTHS = { lastName: 100, firstName: 100, companyName: 200, email: 254, address: 500 };
const NIN = {
  pattern: /^\d{18}$/,
  code: 'NIN_LENGTH',
  message: 'A national identification number has 18 digits.',
};
const EMAIL = {
  pattern: /^[^\s@]+@[^\s@]+\.[^\s@]+$/,
  code: 'EMAIL_INVALID',
  message: 'This is no electronic mail address.',
};

/** The rules of a `Person` (sections 6 and 9). Nothing is said of one that is absent. */
export function checkPerson(
  value: Json | undefined,
  at: string,
  context: RuleContext,
  findings: Findings,
): void {
  if (!isRecord(value)) return;
  checkLengths(value, at, LENGTHS, findings);
  checkPattern(value, 'nin', at, NIN, findings);
  checkPattern(value, 'email', at, EMAIL, findings);
  checkPattern(value, 'country', at, COUNTRY, findings);
  checkPhone(value, at, findings);

  const name = value['kind'] === 'LEGAL' ? 'companyName' : 'lastName';
  if (text(value[name]) === null)
    findings.warning(`${at}/${name}`, 'NAME_MISSING', 'The person has no name.');
  const wilaya = value['wilayaCode'];
  const abroad = !absent(value['country']) && value['country'] !== 'DZ';
  if (!abroad && !absent(wilaya) && !isWilaya(wilaya, context.today)) {
    findings.error(`${at}/wilayaCode`, 'WILAYA_UNKNOWN', 'There is no wilaya with this code today.');
  }
  const born = calendarDate(value['birthDate']);
  if (born !== null && born > context.today)
    findings.error(`${at}/birthDate`, 'BIRTH_DATE_IN_FUTURE', 'The date of birth lies in the future.');
}

/** The field `phone` of a record. */
export function checkPhone({ phone }: JsonObject, at: string, findings: Findings): void {
  if (absent(phone) || (typeof phone === 'string' && isPhone(phone))) return;
  if (normalisePhone(phone) === null)
    findings.error(`${at}/phone`, 'PHONE_INVALID', 'This is no telephone number.');
  else
    findings.warning(
      `${at}/phone`,
      'PHONE_NOT_E164',
      'Write the number with its country code, as in +213 and nine or eight digits.',
    );
}
