import * as z from 'zod';
import { answer, partySchema, role } from './party-schema.ts';
import { day, instant, REQUEST, RESPONSE, text, uuid, type SchemaSide } from './schema-side.ts';

/** The fields of schemas/constat.avsc that an author fills in. */
function authored(side: SchemaSide): z.ZodRawShape {
  const { maybe, defaulted } = side;
  return {
    providerReference: maybe(text("The insurer's own reference.", 'SAA-16-2026-000451')),
    channel: defaulted(side.symbols('PAPER', 'MOBILE', 'WEB', 'AGENCY', 'IMPORT')),
    status: side.symbols(
      ...([
        'DRAFT',
        'SUBMITTED',
        'SIGNED',
        'CANCELLED',
        'VALIDATED',
        'REJECTED',
        'UNDER_ASSESSMENT',
        'CONTESTED',
        'CLOSED',
        'REOPENED',
      ] as const),
    ),
    statusReason: maybe(text('Why it stands there.')),
    unilateral: defaulted(z.boolean()).meta({ description: 'One party alone made the statement.' }),
    accident: accidentSchema(side),
    parties: z.array(partySchema(side)).meta({ description: 'One or two. A patch replaces the whole list.' }),
    witnesses: defaulted(
      z.array(
        side.object('Witness', 'A witness (section 5).', {
          personRef: uuid('Identity of this witness; you choose it.'),
          name: maybe(text('Full name.')),
          address: maybe(text('Postal address in any script.')),
          phone: maybe(text('E.164.', '+213550123456')),
          passengerOf: maybe(role(side)),
        }),
      ),
    ),
    sketch: maybe(
      side.object('Sketch', 'The sketch (section 13).', {
        attachmentId: uuid('The attachment that holds the image.'),
        description: maybe(text('What it shows.')),
      }),
    ),
    attachments: defaulted(z.array(attachmentSchema(side))),
    claimId: maybe(uuid('The claim that was opened from it.')),
  };
}

function accidentSchema(side: SchemaSide): z.ZodObject {
  const { maybe, defaulted } = side;
  return side.object('Accident', 'Where and when it happened (sections 1 to 4).', {
    accidentDate: day('Local date; today at the latest.'),
    accidentTime: maybe(
      z.iso.time({ precision: -1 }).meta({ description: 'Local time, HH:MM.', example: '08:45' }),
    ),
    timeZone: defaulted(text('IANA time zone of date and time.', 'Africa/Algiers')),
    country: defaulted(text('ISO 3166-1 alpha-2.', 'DZ')),
    wilayaCode: maybe(text('Two digits by the reference table in force.', '16')),
    communeCode: maybe(text('By the reference table in force.')),
    place: text('Road, number, landmark as written.', 'Rue Didouche Mourad, Alger-Centre'),
    latitude: maybe(z.number().meta({ description: 'WGS 84 degrees; together with longitude.' })),
    longitude: maybe(z.number().meta({ description: 'WGS 84 degrees; together with latitude.' })),
    injuries: defaulted(answer('Anybody injured, even slightly.')),
    otherVehicleDamage: defaulted(answer('Damage to vehicles other than A and B.')),
    otherPropertyDamage: defaulted(answer('Damage to objects other than vehicles.')),
    policeReport: maybe(
      side.object('PoliceReport', 'The police report.', {
        authority: text('Who drew it up.', 'DGSN'),
        reportNumber: maybe(text('Its number.')),
        unit: maybe(text('Station or brigade.')),
        reportDate: maybe(day('Its date.')),
      }),
    ),
  });
}

function attachmentSchema(side: SchemaSide): z.ZodObject {
  return side.object('Attachment', 'A file that belongs to the constat; its bytes stay where `uri` says.', {
    attachmentId: uuid('Identity of the file; you choose it.'),
    kind: side.symbols(
      'PHOTO',
      'SKETCH',
      'SIGNATURE',
      'POLICE_REPORT',
      'REGISTRATION',
      'LICENCE',
      'INVOICE',
      'EXPERT_REPORT',
      'OTHER',
    ),
    mediaType: text('RFC 6838.', 'image/jpeg'),
    sizeBytes: z.int().min(0).meta({ description: 'Size in bytes.' }),
    sha256: text('SHA-256 of the content, 64 lower-case hexadecimal digits.'),
    uri: text('Where those entitled to it can fetch it.'),
  });
}

/** What a patch may touch: everything that an author fills in. The owner of a constat never changes. */
export const constatFields = z.strictObject(authored(REQUEST));

/** The body of `POST /v1/constats`. */
export const newConstat = z
  .strictObject({
    providerId: text('The insurer that will own it.', 'saa'),
    ...constatFields.shape,
  })
  .meta({
    id: 'NewConstat',
    description: 'A constat to be opened. The other fields of a constat are set by the bridge.',
  });

/** The state of a constat in an answer. */
export const constatState = RESPONSE.object(
  'ConstatState',
  'Every field of a constat; null where there is nothing.',
  {
    constatId: uuid('Its id.'),
    providerId: text('The insurer that owns it.', 'saa'),
    createdBy: text('The side that opened it.', 'eassurance'),
    ...authored(RESPONSE),
    sealedContentHash: z
      .string()
      .nullable()
      .meta({ description: 'Hash of the sealed front, once both have signed.' }),
    createdAt: instant('When it was opened.'),
    updatedAt: instant('When its author last edited it.'),
  },
);
