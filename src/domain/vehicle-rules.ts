import { checkLengths, checkPattern, checkRange, COUNTRY, type Findings } from './findings.ts';
import type { Json, JsonObject } from './json.ts';
import type { RuleContext } from './kind.ts';
import { normalisePlate, parsePlate } from './plate.ts';
import { absent, isRecord, text } from './read-state.ts';
import { hasCheckDigit, isVin } from './vin.ts';

const LENGTHS = { plateRaw: 40, plateNormalized: 40, chassisNumber: 40, make: 100, model: 100 };
const CLASS = { min: 1, max: 9, code: 'VEHICLE_CLASS_UNKNOWN', what: 'The class of a vehicle' };
const FIRST_YEAR = 1900;

/** The rules of a `Vehicle` (section 7). Nothing is said of one that is absent. */
export function checkVehicle(
  value: Json | undefined,
  at: string,
  context: RuleContext,
  findings: Findings,
): void {
  if (!isRecord(value)) return;
  checkLengths(value, at, LENGTHS, findings);
  checkPattern(value, 'country', at, COUNTRY, findings);
  checkRange(value, 'vehicleClass', at, CLASS, findings);
  const year = {
    min: FIRST_YEAR,
    max: Number(context.today.slice(0, 4)),
    code: 'REGISTRATION_YEAR_RANGE',
    what: 'The year of first registration',
  };
  checkRange(value, 'firstRegistrationYear', at, year, findings);
  checkPlate(value, at, findings);
  checkVin(value, at, findings);
}

/** Only a missing plate is an error: diplomatic, temporary and foreign ones have forms of their own. */
function checkPlate(vehicle: JsonObject, at: string, findings: Findings): void {
  const raw = text(vehicle['plateRaw']);
  if (raw === null) return findings.error(`${at}/plateRaw`, 'PLATE_MISSING', 'The number plate is missing.');
  if (vehicle['plateType'] !== 'ORDINARY') return;
  const normalised = normalisePlate(raw);
  if (normalised === null || parsePlate(normalised) === null) {
    findings.warning(
      `${at}/plateRaw`,
      'PLATE_FORMAT',
      'An ordinary plate reads serial, class and year, wilaya, as in 12345-115-16.',
    );
  }
  if (!absent(vehicle['plateNormalized']) && vehicle['plateNormalized'] !== normalised) {
    findings.warning(
      `${at}/plateNormalized`,
      'PLATE_NORMALISED_DIFFERS',
      'The normalised plate is not the plate as written without separators.',
    );
  }
}

function checkVin({ vin }: JsonObject, at: string, findings: Findings): void {
  if (absent(vin)) return;
  if (typeof vin !== 'string' || !isVin(vin)) {
    return findings.error(
      `${at}/vin`,
      'VIN_FORMAT',
      'A VIN has 17 letters and digits, without I, O and Q; an older number belongs in chassisNumber.',
    );
  }
  if (!hasCheckDigit(vin))
    findings.warning(
      `${at}/vin`,
      'VIN_CHECK_DIGIT',
      'The ninth character of the VIN is not its check digit: read it again.',
    );
}
