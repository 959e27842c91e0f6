import type { JsonObject } from './json.ts';
import * as names from './sample-names.ts';

/** Realistic states of the four kinds, without the fields that a platform sets itself (its id, provider, author and
 *  times). The same seed, provider and day give the same data, in the order of the calls. */
export interface SampleData {
  /** A submitted constat of two parties, A insured by the provider. */
  constat(): JsonObject;
  /** A verification of the vehicle; of one of its own when none is given. */
  vehicle(of?: {
    readonly vehicle: JsonObject;
    readonly policyNumber?: string | null;
    readonly constatId?: string;
  }): JsonObject;
  policy(): JsonObject;
  claim(of?: { readonly constatId?: string; readonly policyNumber?: string | null }): JsonObject;
}

export interface SampleSettings {
  readonly seed: number;
  readonly providerId: string;
  /** `YYYY-MM-DD`: accidents happened in the week before, covers are in force on it. */
  readonly today: string;
}

const DAY_MS = 86_400_000;
const VIN_LETTERS = 'ABCDEFGHJKLMNPRSTUVWXYZ0123456789';
const VIN_WEIGHTS = [8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2];

export function createSampleData({ seed, providerId, today }: SampleSettings): SampleData {
  const next = randomNumbers(seed);
  const insurerCode = providerId.toUpperCase();
  const upTo = (limit: number): number => Math.floor(next() * limit);
  const pick = <T>(from: readonly T[]): T => from[upTo(from.length)]!;
  const digits = (count: number): string => Array.from({ length: count }, () => upTo(10)).join('');
  const dayFromToday = (days: number): string =>
    new Date(Date.parse(today) + days * DAY_MS).toISOString().slice(0, 10);

  function uuid(): string {
    const hex = Array.from({ length: 32 }, () => upTo(16).toString(16));
    hex[12] = '4';
    hex[16] = '89ab'[upTo(4)]!;
    return [8, 4, 4, 4, 12].map((length) => hex.splice(0, length).join('')).join('-');
  }

  function person(): JsonObject {
    const lastName = pick(names.FAMILY_NAMES);
    const firstName = pick(names.GIVEN_NAMES);
    return {
      personRef: uuid(),
      kind: 'NATURAL',
      lastName,
      firstName,
      nin: `1${digits(17)}`,
      phone: `+213${pick([5, 6, 7])}${digits(8)}`,
      email: `${asciiOf(firstName)}.${asciiOf(lastName)}@example.dz`,
      address: `${1 + upTo(120)}, ${pick(names.STREETS)}`,
      wilayaCode: pick(names.PLACES)[0],
      country: 'DZ',
      birthDate: dayFromToday(-365 * (22 + upTo(45)) - upTo(365)),
    };
  }

  function car(): JsonObject {
    const [make, model, maker] = pick(names.MODELS);
    const year = 10 + upTo(15);
    const plateRaw = `${digits(6)}-1${year}-${pick(names.PLACES)[0]}`;
    return {
      plateRaw,
      plateNormalized: plateRaw.replaceAll('-', ''),
      plateType: 'ORDINARY',
      country: 'DZ',
      vin: withCheckDigit(
        maker + Array.from({ length: 8 }, () => VIN_LETTERS[upTo(VIN_LETTERS.length)]).join('') + digits(6),
      ),
      make,
      model,
      vehicleClass: 1,
      firstRegistrationYear: 2000 + year,
    };
  }

  function cover(insurer: string): JsonObject & { readonly policyNumber: string } {
    const validFrom = dayFromToday(-30 - upTo(300));
    return {
      insurerCode: insurer,
      policyNumber: `${insurer}-${validFrom.slice(0, 4)}-${digits(7)}`,
      agencyCode: digits(4),
      validFrom,
      validTo: new Date(Date.parse(validFrom) + 364 * DAY_MS).toISOString().slice(0, 10),
      ownDamageCovered: pick(['YES', 'NO']),
      guarantees: ['RESPONSABILITE_CIVILE', pick(['BRIS_DE_GLACE', 'DOMMAGES_COLLISION', 'TOUS_RISQUES'])],
    };
  }

  function party(role: 'A' | 'B', boxes: readonly number[], damage: string): JsonObject {
    const holder = person();
    return {
      role,
      isProviderInsured: role === 'A',
      policyholder: holder,
      vehicle: car(),
      insurance: cover(
        role === 'A' ? insurerCode : pick(names.INSURERS.filter((name) => name !== insurerCode)),
      ),
      driver: {
        person: holder,
        licenceNumber: digits(9),
        licenceCategory: 'B',
        licenceValidUntil: dayFromToday(400 + upTo(2_000)),
      },
      initialImpact: { zone: pick(names.ZONES), x: upTo(101) / 100, y: upTo(101) / 100 },
      visibleDamage: damage,
      circumstances: [...boxes],
      circumstanceCount: boxes.length,
      remarks: null,
    };
  }

  return {
    constat() {
      const [wilayaCode, communeCode, place, latitude, longitude] = pick(names.PLACES);
      const [boxesA, boxesB, damageA, damageB] = pick(names.SITUATIONS);
      const accidentDate = dayFromToday(-1 - upTo(5));
      const parties = [party('A', boxesA, damageA), party('B', boxesB, damageB)];
      const witness = {
        personRef: uuid(),
        name: `${pick(names.GIVEN_NAMES)} ${pick(names.FAMILY_NAMES)}`,
        phone: `+2136${digits(8)}`,
      };
      return {
        providerReference: `${insurerCode}-C-${accidentDate.slice(0, 4)}-${digits(6)}`,
        channel: pick(['MOBILE', 'AGENCY', 'WEB']),
        status: 'SUBMITTED',
        unilateral: false,
        accident: {
          accidentDate,
          accidentTime: `${String(7 + upTo(13)).padStart(2, '0')}:${String(upTo(60)).padStart(2, '0')}`,
          timeZone: 'Africa/Algiers',
          country: 'DZ',
          wilayaCode,
          communeCode,
          place,
          latitude,
          longitude,
          injuries: 'NO',
          otherVehicleDamage: 'NO',
          otherPropertyDamage: 'NO',
        },
        parties,
        witnesses: upTo(2) === 0 ? [witness] : [],
      };
    },
    vehicle(of = { vehicle: car() }) {
      const insurance = cover(insurerCode);
      return {
        constatId: of.constatId ?? null,
        ...identityOf(of.vehicle),
        result: 'VERIFIED',
        method: 'INSURER_DB',
        sourceRegistry: `${insurerCode}_PARC`,
        sourceReference: `V-${digits(8)}`,
        coverageStatus: 'ACTIVE',
        policyNumber: of.policyNumber ?? insurance.policyNumber,
        validFrom: insurance.validFrom,
        validTo: insurance.validTo,
        coverageAsOf: `${dayFromToday(-1)}T09:30:00.000Z`,
        verifiedAt: `${today}T00:00:00.000Z`,
        expiresAt: `${dayFromToday(30)}T00:00:00.000Z`,
      };
    },
    policy() {
      const { internationalCardNumber: _none, ...insurance } = cover(insurerCode);
      return {
        ...insurance,
        status: 'ACTIVE',
        product: 'Automobile',
        policyholder: person(),
        vehicles: [car()],
        premiumAmount: `${18_000 + upTo(60_000)}.${digits(2)}`,
        currency: 'DZD',
      };
    },
    claim(of = {}) {
      return {
        constatId: of.constatId ?? null,
        policyNumber: of.policyNumber ?? cover(insurerCode).policyNumber,
        claimNumber: `${insurerCode}-S-${today.slice(0, 4)}-${digits(6)}`,
        status: 'OPENED',
        declaredAt: `${dayFromToday(-1)}T10:00:00.000Z`,
        estimatedDamage: `${40_000 + upTo(400_000)}.00`,
        currency: 'DZD',
      };
    },
  };
}

/** What of a vehicle a verification carries. */
function identityOf(vehicle: JsonObject): JsonObject {
  const { plateRaw, plateNormalized, plateType, country, vin, make, model } = vehicle;
  return { plateRaw, plateNormalized, plateType, country, vin, make, model };
}

/** mulberry32: small, seeded, good enough for sample data. */
function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** ISO 3779: the ninth character is the weighted sum of the others modulo 11. */
function withCheckDigit(vin: string): string {
  const sum = [...vin].reduce((total, sign, i) => total + VIN_WEIGHTS[i]! * vinValue(sign), 0);
  const remainder = sum % 11;
  return vin.slice(0, 8) + (remainder === 10 ? 'X' : remainder) + vin.slice(9);
}

function vinValue(sign: string): number {
  if (/\d/.test(sign)) return Number(sign);
  return '12345678.12345.7.923456789'.charCodeAt(sign.charCodeAt(0) - 65) - 48;
}

function asciiOf(name: string): string {
  return name
    .normalize('NFD')
    .replace(/[^A-Za-z]/g, '')
    .toLowerCase();
}
