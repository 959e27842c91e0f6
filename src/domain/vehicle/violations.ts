import { instant } from '../calendar-date.ts';
import { checkKeys, checkLengths, collectFindings, type Findings } from '../findings.ts';
import { checkValidity } from '../insurance-rules.ts';
import type { JsonObject } from '../json.ts';
import type { RuleContext, Violation } from '../kind.ts';
import { isRecord, list } from '../read-state.ts';
import { checkVehicle } from '../vehicle-rules.ts';

const LENGTHS = { sourceRegistry: 100, sourceReference: 200, policyNumber: 100 };
const MISMATCH_LENGTHS = { field: 100, declared: 500, found: 500 };

/** The rules that a verification breaks. */
export function violations(state: JsonObject, context: RuleContext): readonly Violation[] {
  return collectFindings((findings) => {
    checkLengths(state, '', LENGTHS, findings);
    checkVehicle(state, '', context, findings);
    checkValidity(state, '', findings);
    checkExpiry(state, findings);
    checkMismatches(state, findings);
  });
}

function checkExpiry(state: JsonObject, findings: Findings): void {
  const verified = instant(state['verifiedAt']);
  const expires = instant(state['expiresAt']);
  if (verified !== null && expires !== null && Date.parse(expires) < Date.parse(verified)) {
    findings.error('/expiresAt', 'DATES_REVERSED', 'The answer expires before it was given.');
  }
}

/** MISMATCH says where, and no other answer does. */
function checkMismatches(state: JsonObject, findings: Findings): void {
  const mismatches = list(state['mismatches']);
  checkKeys(mismatches, '/mismatches', 'field', findings);
  mismatches.forEach((mismatch, i) => {
    if (isRecord(mismatch)) checkLengths(mismatch, `/mismatches/${i}`, MISMATCH_LENGTHS, findings);
  });
  if (state['result'] === 'MISMATCH' && mismatches.length === 0) {
    findings.warning('/mismatches', 'MISMATCHES_MISSING', 'The result is a mismatch, but no field is named.');
  }
  if (state['result'] === 'VERIFIED' && mismatches.length > 0) {
    findings.warning(
      '/mismatches',
      'MISMATCHES_CONTRADICT',
      'The result is verified, but fields are named that differ.',
    );
  }
}
