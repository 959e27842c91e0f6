import { checkAttachments } from '../attachment-rules.ts';
import { calendarDate } from '../calendar-date.ts';
import { HUB } from '../event.ts';
import { checkKeys, checkLengths, collectFindings, type Findings } from '../findings.ts';
import type { JsonObject } from '../json.ts';
import type { RuleContext, Violation } from '../kind.ts';
import { checkPhone } from '../person-rules.ts';
import { absent, isRecord, list, record, text } from '../read-state.ts';
import { checkAccident } from './accident-rules.ts';
import { OPEN_STATUSES } from './lifecycle.ts';
import { checkParty } from './party-rules.ts';

const LENGTHS = { providerReference: 100, statusReason: 500 };
const WITNESS_LENGTHS = { name: 200, address: 500 };
const MAX_PARTIES = 2;

/** The rules of the form that a constat breaks. */
export function violations(state: JsonObject, context: RuleContext): readonly Violation[] {
  return collectFindings((findings) => {
    const accidentDay = calendarDate(record(state['accident'])['accidentDate']);
    checkLengths(state, '', LENGTHS, findings);
    if (state['createdBy'] !== HUB && state['createdBy'] !== state['providerId']) {
      findings.error(
        '/createdBy',
        'CREATED_BY_UNKNOWN',
        'A constat is opened by E-assurance or by its insurer.',
      );
    }
    checkAccident(state, context, findings);
    checkParties(state, accidentDay, context, findings);
    checkWitnesses(state, findings);
    checkAttachments(state['attachments'], '/attachments', findings);
    checkSketch(state, findings);
  });
}

function checkParties(
  state: JsonObject,
  accidentDay: string | null,
  context: RuleContext,
  findings: Findings,
): void {
  const parties = list(state['parties']);
  const signed = state['status'] === 'SIGNED';
  if (parties.length < 1 || parties.length > MAX_PARTIES) {
    findings.error('/parties', 'PARTY_COUNT', 'A constat has one or two parties.');
  } else if (state['unilateral'] === true && parties.length !== 1) {
    findings.error('/parties', 'UNILATERAL_PARTY_COUNT', 'A unilateral constat has one party.');
  } else if (signed && state['unilateral'] !== true && parties.length !== MAX_PARTIES) {
    findings.error(
      '/parties',
      'SECOND_PARTY_MISSING',
      'A signed constat has two parties unless it is unilateral.',
    );
  }
  const roles = new Set<unknown>();
  parties.forEach((party, i) => {
    if (!isRecord(party)) return;
    const at = `/parties/${i}`;
    const { role } = party;
    if (role !== 'A' && role !== 'B')
      findings.error(`${at}/role`, 'ROLE_UNKNOWN', 'A party stands in column A or B.');
    if (roles.has(role))
      findings.error(`${at}/role`, 'ROLE_DUPLICATE', 'Two parties stand in the same column.');
    roles.add(role);
    if (signed && record(party['signature'])['status'] !== 'SIGNED') {
      findings.error(
        `${at}/signature`,
        'SIGNATURE_MISSING',
        'A signed constat bears the signature of every party.',
      );
    }
    checkParty(party, at, accidentDay, context, findings);
  });
}

function checkWitnesses(state: JsonObject, findings: Findings): void {
  const witnesses = list(state['witnesses']);
  checkKeys(witnesses, '/witnesses', 'personRef', findings);
  witnesses.forEach((witness, i) => {
    if (!isRecord(witness)) return;
    const at = `/witnesses/${i}`;
    checkLengths(witness, at, WITNESS_LENGTHS, findings);
    checkPhone(witness, at, findings);
    if (text(witness['name']) === null)
      findings.warning(`${at}/name`, 'NAME_MISSING', 'The witness has no name.');
  });
}

/** A sketch belongs to the files of the constat once it has left the parties' hands. */
function checkSketch(state: JsonObject, findings: Findings): void {
  const image = record(state['sketch'])['attachmentId'];
  if (absent(image) || OPEN_STATUSES.has(text(state['status']) ?? '')) return;
  const known = list(state['attachments']).some((attachment) => record(attachment)['attachmentId'] === image);
  if (!known)
    findings.warning(
      '/sketch/attachmentId',
      'ATTACHMENT_UNKNOWN',
      'The image of the sketch is not among the attachments.',
    );
}
