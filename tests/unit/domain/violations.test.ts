import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../src/domain/json.ts';
import type { EntityKind } from '../../../src/domain/kind.ts';
import { constatState, kinds, party, SIGNATURE, signedConstat, TODAY } from './setup.ts';

function found(kind: EntityKind, state: JsonObject): string[] {
  return kind
    .violations(state, { today: TODAY })
    .map(({ severity, code, pointer }) => `${severity === 'warning' ? 'warning ' : ''}${code} ${pointer}`);
}

const base = constatState();
const accident = (changes: JsonObject) =>
  constatState({ accident: { ...(base['accident'] as JsonObject), ...changes } });
const inA = (changes: JsonObject) => constatState({ parties: [party('A', changes), party('B')] });
const part = (name: string, changes: JsonObject) =>
  inA({ [name]: { ...(party('A')[name] as JsonObject), ...changes } });
const noVehicle: JsonObject = { vehicle: null };

describe('the form of a constat', () => {
  it.each([
    ['a draft', base],
    ['a signed one', signedConstat()],
    [
      'a unilateral one',
      signedConstat({ unilateral: true, parties: [party('A', { signature: SIGNATURE })] }),
    ],
    ['a draft with one party so far', constatState({ parties: [party('A')] })],
  ])('is kept by %s', (_title, state) => {
    expect(found(kinds.constat, state)).toEqual([]);
  });

  it.each<[string, JsonObject, string[]]>([
    ['no party', constatState({ parties: [] }), ['PARTY_COUNT /parties']],
    [
      'one party too many',
      constatState({ parties: [party('A'), party('B'), party('A')] }),
      ['PARTY_COUNT /parties', 'ROLE_DUPLICATE /parties/2/role'],
    ],
    [
      'two parties in a unilateral one',
      constatState({ unilateral: true }),
      ['UNILATERAL_PARTY_COUNT /parties'],
    ],
    [
      'two parties in column A',
      constatState({ parties: [party('A'), party('A')] }),
      ['ROLE_DUPLICATE /parties/1/role'],
    ],
    ['a party in no column', inA({ role: 'UNKNOWN' }), ['ROLE_UNKNOWN /parties/0/role']],
    ['box 18', inA({ circumstances: [8, 18] }), ['BOX_OUT_OF_RANGE /parties/0/circumstances/1']],
    ['box 0', inA({ circumstances: [0, 1] }), ['BOX_OUT_OF_RANGE /parties/0/circumstances/0']],
    [
      'a box ticked twice',
      inA({ circumstances: [8, 8], circumstanceCount: 1 }),
      ['BOX_DUPLICATE /parties/0/circumstances/1'],
    ],
    [
      'a wrong count of boxes',
      inA({ circumstanceCount: 3 }),
      ['CIRCUMSTANCE_COUNT_MISMATCH /parties/0/circumstanceCount'],
    ],
    [
      'an accident tomorrow',
      accident({ accidentDate: '2026-05-11' }),
      ['ACCIDENT_IN_FUTURE /accident/accidentDate'],
    ],
    [
      'an accident on no day',
      accident({ accidentDate: '2026-02-30' }),
      ['DATE_INVALID /accident/accidentDate'],
    ],
    [
      'a constat opened eight days later',
      accident({ accidentDate: '2026-04-26' }),
      ['warning DECLARED_LATE /accident/accidentDate'],
    ],
    [
      'a time of day that is none',
      accident({ accidentTime: '24:00' }),
      ['TIME_INVALID /accident/accidentTime'],
    ],
    ['a latitude beyond the pole', accident({ latitude: 90.1 }), ['LATITUDE_RANGE /accident/latitude']],
    [
      'a longitude beyond the date line',
      accident({ longitude: -180.1 }),
      ['LONGITUDE_RANGE /accident/longitude'],
    ],
    ['half a position', accident({ longitude: null }), ['POSITION_INCOMPLETE /accident/latitude']],
    ['wilaya 59 before 2027', accident({ wilayaCode: '59' }), ['WILAYA_UNKNOWN /accident/wilayaCode']],
    ['an accident in Tunisia with a code of its own', accident({ wilayaCode: 'TN-11', country: 'TN' }), []],
    [
      'a police report from before the accident',
      accident({ policeReport: { authority: 'DGSN', reportDate: '2026-05-03' } }),
      ['DATES_REVERSED /accident/policeReport/reportDate'],
    ],
    [
      'injuries without a police report',
      accident({ injuries: 'YES' }),
      ['warning INJURY_WITHOUT_REPORT /accident/policeReport'],
    ],
    [
      'injuries with a police report',
      accident({ injuries: 'YES', policeReport: { authority: 'DGSN', reportDate: '2026-05-05' } }),
      [],
    ],
    [
      'no place once submitted',
      { ...accident({ place: '' }), status: 'SUBMITTED' },
      ['PLACE_MISSING /accident/place'],
    ],
    ['no vehicle', inA(noVehicle), ['VEHICLE_MISSING /parties/0/vehicle']],
    ['no plate', part('vehicle', { plateRaw: '' }), ['PLATE_MISSING /parties/0/vehicle/plateRaw']],
    [
      'an ordinary plate in no form',
      part('vehicle', { plateRaw: 'AB-12', plateNormalized: null }),
      ['warning PLATE_FORMAT /parties/0/vehicle/plateRaw'],
    ],
    [
      'a normalised plate of another one',
      part('vehicle', { plateNormalized: '1' }),
      ['warning PLATE_NORMALISED_DIFFERS /parties/0/vehicle/plateNormalized'],
    ],
    [
      'a diplomatic plate in its own form',
      part('vehicle', { plateRaw: 'CD-12', plateType: 'DIPLOMATIC' }),
      [],
    ],
    ['a short VIN', part('vehicle', { vin: '1M8GDM9AXKP04' }), ['VIN_FORMAT /parties/0/vehicle/vin']],
    [
      'a VIN misread',
      part('vehicle', { vin: '1M8GDM9AXKP042789' }),
      ['warning VIN_CHECK_DIGIT /parties/0/vehicle/vin'],
    ],
    [
      'class 0',
      part('vehicle', { vehicleClass: 0 }),
      ['VEHICLE_CLASS_UNKNOWN /parties/0/vehicle/vehicleClass'],
    ],
    [
      'a vehicle of next year',
      part('vehicle', { firstRegistrationYear: 2027 }),
      ['REGISTRATION_YEAR_RANGE /parties/0/vehicle/firstRegistrationYear'],
    ],
    [
      'a short national number',
      part('policyholder', { nin: '123' }),
      ['NIN_LENGTH /parties/0/policyholder/nin'],
    ],
    [
      'a number that can’t be called',
      part('policyholder', { phone: '+2135512345' }),
      ['PHONE_INVALID /parties/0/policyholder/phone'],
    ],
    [
      'a number as people write it',
      part('policyholder', { phone: '0551 23 45 67' }),
      ['warning PHONE_NOT_E164 /parties/0/policyholder/phone'],
    ],
    [
      'no mail address',
      part('policyholder', { email: 'yacine' }),
      ['EMAIL_INVALID /parties/0/policyholder/email'],
    ],
    [
      'a policyholder without a name',
      part('policyholder', { lastName: null }),
      ['warning NAME_MISSING /parties/0/policyholder/lastName'],
    ],
    [
      'a policyholder not yet born',
      part('policyholder', { birthDate: '2026-05-11' }),
      ['BIRTH_DATE_IN_FUTURE /parties/0/policyholder/birthDate'],
    ],
    [
      'an attestation that ends before it begins',
      part('insurance', { validFrom: '2027-01-01' }),
      [
        'DATES_REVERSED /parties/0/insurance/validTo',
        'warning COVER_NOT_IN_FORCE /parties/0/insurance/validTo',
      ],
    ],
    [
      'an expired attestation',
      part('insurance', { validTo: '2026-05-03' }),
      ['warning COVER_NOT_IN_FORCE /parties/0/insurance/validTo'],
    ],
    [
      'an expired licence',
      part('driver', { licenceValidUntil: '2026-05-03' }),
      ['warning LICENCE_EXPIRED /parties/0/driver/licenceValidUntil'],
    ],
    [
      'an impact beside the vehicle',
      inA({ initialImpact: { x: 1.1 } }),
      ['IMPACT_RANGE /parties/0/initialImpact/x'],
    ],
    ['remarks without end', inA({ remarks: 'x'.repeat(2001) }), ['TEXT_TOO_LONG /parties/0/remarks']],
    [
      'a signature missing',
      signedConstat({ parties: [party('A', { signature: SIGNATURE }), party('B')] }),
      ['SIGNATURE_MISSING /parties/1/signature'],
    ],
    [
      'a second party missing',
      signedConstat({ parties: [party('A', { signature: SIGNATURE })] }),
      ['SECOND_PARTY_MISSING /parties'],
    ],
    [
      'a witness twice',
      constatState({
        witnesses: [...(base['witnesses'] as JsonObject[]), ...(base['witnesses'] as JsonObject[])],
      }),
      ['LIST_KEY_DUPLICATE /witnesses/1/personRef'],
    ],
    [
      'a sketch that is nowhere',
      signedConstat({ attachments: [] }),
      ['warning ATTACHMENT_UNKNOWN /sketch/attachmentId'],
    ],
    [
      'an attachment without its hash',
      constatState({ attachments: [{ ...(base['attachments'] as JsonObject[])[0], sha256: 'AB' }] }),
      ['SHA256_INVALID /attachments/0/sha256'],
    ],
    ['an author from elsewhere', constatState({ createdBy: 'trust' }), ['CREATED_BY_UNKNOWN /createdBy']],
  ])('%s', (_title, state, expected) => {
    expect(found(kinds.constat, state)).toEqual(expected);
  });

  it('is not repeated without end for a list of a million wrong boxes', () => {
    const state = inA({ circumstances: Array.from({ length: 1_000_000 }, () => 18) });
    expect(kinds.constat.violations(state, { today: TODAY })).toHaveLength(100);
  });

  it('says what is wrong without repeating the value', () => {
    const state = part('policyholder', { nin: '424242', phone: '434343', email: '444444' });
    const messages = kinds.constat.violations(state, { today: TODAY }).map(({ message }) => message);
    expect(messages).toHaveLength(3);
    for (const message of messages) expect(message).toMatch(/^[A-Z].*\.$/);
    expect(messages.join()).not.toMatch(/424242|434343|444444/);
  });
});

describe('the rules of the other kinds', () => {
  const verified = {
    ...(party('A')['vehicle'] as JsonObject),
    result: 'VERIFIED',
    verifiedAt: '2026-05-04T09:00:00.000Z',
  };
  const policy = {
    policyNumber: 'P-1',
    validFrom: '2026-01-01',
    validTo: '2026-12-31',
    premiumAmount: '12000.00',
  };

  it.each<[string, EntityKind, JsonObject, string[]]>([
    ['a verification', kinds.vehicle, verified, []],
    [
      'an answer that expires before it was given',
      kinds.vehicle,
      { ...verified, expiresAt: '2026-05-03T09:00:00.000Z' },
      ['DATES_REVERSED /expiresAt'],
    ],
    [
      'a mismatch of nothing',
      kinds.vehicle,
      { ...verified, result: 'MISMATCH' },
      ['warning MISMATCHES_MISSING /mismatches'],
    ],
    [
      'verified all the same',
      kinds.vehicle,
      { ...verified, mismatches: [{ field: 'vin' }] },
      ['warning MISMATCHES_CONTRADICT /mismatches'],
    ],
    ['a policy', kinds.policy, policy, []],
    [
      'a policy without number',
      kinds.policy,
      { ...policy, policyNumber: '' },
      ['POLICY_NUMBER_MISSING /policyNumber'],
    ],
    [
      'a policy that ends before it begins',
      kinds.policy,
      { ...policy, validTo: '2025-12-31' },
      ['DATES_REVERSED /validTo'],
    ],
    [
      'a negative premium',
      kinds.policy,
      { ...policy, premiumAmount: '-1.00' },
      ['AMOUNT_INVALID /premiumAmount'],
    ],
    [
      'a plate twice in a fleet',
      kinds.policy,
      { ...policy, vehicles: [party('A')['vehicle']!, party('A')['vehicle']!] },
      ['LIST_KEY_DUPLICATE /vehicles/1/plateRaw'],
    ],
    [
      'a claim',
      kinds.claim,
      { claimId: 'c', estimatedDamage: '0.00', currency: 'DZD', liabilityPercentA: 50 },
      [],
    ],
    ['a share of 101 percent', kinds.claim, { liabilityPercentA: 101 }, ['PERCENT_RANGE /liabilityPercentA']],
    [
      'an amount with three decimals',
      kinds.claim,
      { settledAmount: '1.000' },
      ['AMOUNT_INVALID /settledAmount'],
    ],
    [
      'a claim declared tomorrow',
      kinds.claim,
      { declaredAt: '2026-05-11T09:00:00.000Z' },
      ['DATE_IN_FUTURE /declaredAt'],
    ],
  ])('%s', (_title, kind, state, expected) => {
    expect(found(kind, state)).toEqual(expected);
  });
});
