import { checkAttachments } from '../attachment-rules.ts';
import { dayOf } from '../calendar-date.ts';
import { AMOUNT, checkLengths, checkPattern, checkRange, collectFindings, CURRENCY } from '../findings.ts';
import type { JsonObject } from '../json.ts';
import type { RuleContext, Violation } from '../kind.ts';

const LENGTHS = { policyNumber: 100, claimNumber: 100, statusReason: 500, assessorRef: 100, outcome: 500 };
const PERCENT = { min: 0, max: 100, code: 'PERCENT_RANGE', what: 'A share of liability' };

/** The rules that a claim breaks. */
export function violations(state: JsonObject, context: RuleContext): readonly Violation[] {
  return collectFindings((findings) => {
    checkLengths(state, '', LENGTHS, findings);
    checkPattern(state, 'estimatedDamage', '', AMOUNT, findings);
    checkPattern(state, 'settledAmount', '', AMOUNT, findings);
    checkPattern(state, 'currency', '', CURRENCY, findings);
    checkRange(state, 'liabilityPercentA', '', PERCENT, findings);
    checkAttachments(state['attachments'], '/attachments', findings);
    const declared = dayOf(state['declaredAt']);
    if (declared !== null && declared > context.today) {
      findings.error('/declaredAt', 'DATE_IN_FUTURE', 'The claim was declared in the future.');
    }
  });
}
