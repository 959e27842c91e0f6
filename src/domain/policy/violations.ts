import { AMOUNT, checkKeys, checkLengths, checkPattern, collectFindings, CURRENCY } from '../findings.ts';
import { checkValidity } from '../insurance-rules.ts';
import type { JsonObject } from '../json.ts';
import type { RuleContext, Violation } from '../kind.ts';
import { checkPerson } from '../person-rules.ts';
import { list, text } from '../read-state.ts';
import { checkVehicle } from '../vehicle-rules.ts';

const LENGTHS = { policyNumber: 100, insurerCode: 50, agencyCode: 50, statusReason: 500, product: 200 };

/** The rules that a policy breaks. */
export function violations(state: JsonObject, context: RuleContext): readonly Violation[] {
  return collectFindings((findings) => {
    checkLengths(state, '', LENGTHS, findings);
    if (text(state['policyNumber']) === null) {
      findings.error('/policyNumber', 'POLICY_NUMBER_MISSING', 'The number of the policy is missing.');
    }
    checkValidity(state, '', findings);
    checkPattern(state, 'premiumAmount', '', AMOUNT, findings);
    checkPattern(state, 'currency', '', CURRENCY, findings);
    checkPerson(state['policyholder'], '/policyholder', context, findings);
    const vehicles = list(state['vehicles']);
    checkKeys(vehicles, '/vehicles', 'plateRaw', findings);
    vehicles.forEach((vehicle, i) => checkVehicle(vehicle, `/vehicles/${i}`, context, findings));
  });
}
