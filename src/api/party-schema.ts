import * as z from 'zod';
import { day, instant, text, uuid, whole, type SchemaSide } from './schema-side.ts';

/** An answer that people give: here UNKNOWN is one of the boxes of the form. */
export const answer = (description: string) => z.enum(['YES', 'NO', 'UNKNOWN']).meta({ description });

export const role = (side: SchemaSide) =>
  side.symbols('A', 'B').meta({ description: 'The column of the form.' });

/** One column of the form (sections 6 to 12, 14 and 15), field for field as in schemas/party.avsc. */
export function partySchema(side: SchemaSide): z.ZodObject {
  const { maybe, defaulted } = side;
  const person = personSchema(side);
  const vehicle = vehicleSchema(side);
  return side.object('Party', 'One column of the form: a vehicle, its driver and its insurance.', {
    role: role(side),
    isProviderInsured: defaulted(z.boolean()).meta({
      description: 'The party that the owning insurer insures.',
    }),
    policyholder: maybe(person),
    vehicle,
    trailer: maybe(vehicle),
    insurance: maybe(insuranceSchema(side)),
    driver: maybe(
      side.object('Driver', 'The driver (section 9).', {
        person,
        licenceNumber: maybe(text('Number of the driving licence as printed.')),
        licenceCategory: maybe(text('Categories as printed.', 'B')),
        licenceValidUntil: maybe(day('Last day on which the licence is valid.')),
      }),
    ),
    initialImpact: maybe(
      side.object('InitialImpact', 'Point of initial impact (section 10).', {
        zone: maybe(text('Zone of the silhouette, by the open reference list.', 'FRONT_LEFT')),
        x: maybe(z.number().meta({ description: '0 (left) to 1 (right).' })),
        y: maybe(z.number().meta({ description: '0 (front) to 1 (rear).' })),
      }),
    ),
    visibleDamage: maybe(text('Visible damage (section 11).')),
    circumstances: defaulted(z.array(z.int32())).meta({
      description: 'Boxes ticked in section 12, codes 1 to 17; a set.',
      example: [8, 12],
    }),
    circumstanceCount: maybe(whole('Number of boxes as written at the foot of section 12.')),
    remarks: maybe(text("The driver's own declaration (section 14).")),
    signature: maybe(
      side.object('Signature', "The driver's signature (section 15).", {
        status: side.symbols('SIGNED', 'REFUSED', 'ABSENT'),
        signedAt: maybe(instant('When it was given.')),
        attachmentId: maybe(uuid('The attachment that holds the drawn signature.')),
      }),
    ),
  });
}

function personSchema(side: SchemaSide): z.ZodObject {
  const { maybe } = side;
  return side.object('Person', 'A person or an organisation.', {
    personRef: uuid('Identity of this entry within the platform; you choose it.'),
    kind: side.symbols('NATURAL', 'LEGAL'),
    lastName: maybe(text('Family name.', 'Benali')),
    firstName: maybe(text('Given names.', 'Karim')),
    companyName: maybe(text('Registered name, for a legal person.')),
    nin: maybe(text('National identification number: 18 digits.')),
    phone: maybe(text('E.164.', '+213550123456')),
    email: maybe(text('Electronic mail address.')),
    address: maybe(text('Postal address in any script.')),
    wilayaCode: maybe(text('Two digits by the reference table in force.', '16')),
    country: maybe(text('ISO 3166-1 alpha-2.', 'DZ')),
    birthDate: maybe(day('Date of birth.')),
  });
}

function vehicleSchema(side: SchemaSide): z.ZodObject {
  const { maybe, defaulted } = side;
  return side.object('PartyVehicle', 'A vehicle as the form has it (section 7).', {
    vehicleId: maybe(uuid("Identity in the platform's register, once known.")),
    plateRaw: text('Number plate exactly as written.', '12345-115-16'),
    plateNormalized: maybe(text('Without separators, in ASCII digits.', '1234511516')),
    plateType: defaulted(z.enum(['ORDINARY', 'DIPLOMATIC', 'TEMPORARY', 'STATE', 'FOREIGN', 'UNKNOWN'])),
    country: defaulted(text('Country of registration, ISO 3166-1 alpha-2.', 'DZ')),
    vin: maybe(text('17 characters without I, O and Q (ISO 3779).', 'VF1LB1BC534567890')),
    chassisNumber: maybe(text('Number stamped on the chassis, where it is not a VIN.')),
    make: maybe(text('Manufacturer.', 'Renault')),
    model: maybe(text('Model.', 'Symbol')),
    vehicleClass: maybe(whole('Class digit of the plate, 1 (car) to 9 (motorcycle).')),
    firstRegistrationYear: maybe(whole('Year of first registration, four digits.')),
  });
}

function insuranceSchema(side: SchemaSide): z.ZodObject {
  const { maybe, defaulted } = side;
  return side.object('Insurance', 'The cover (section 8).', {
    insurerCode: text('The insurance company, by the open reference list.', 'SAA'),
    policyNumber: maybe(text('As printed.')),
    agencyCode: maybe(text('Agency that issued the policy.')),
    validFrom: maybe(day('First day of the attestation.')),
    validTo: maybe(day('Last day of the attestation.')),
    internationalCardNumber: maybe(text('Number of the international insurance card.')),
    ownDamageCovered: defaulted(answer('Whether damage to the own vehicle is covered.')),
    guarantees: defaulted(z.array(text('A guarantee, by the open reference list.'))),
  });
}
