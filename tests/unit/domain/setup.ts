import { fileURLToPath } from 'node:url';
import { loadContracts } from '../../../src/avro/load-contracts.ts';
import claim from '../../../src/domain/claim/kind.ts';
import constat from '../../../src/domain/constat/kind.ts';
import type { JsonObject } from '../../../src/domain/json.ts';
import type { EntityKind, KindDefinition } from '../../../src/domain/kind.ts';
import policy from '../../../src/domain/policy/kind.ts';
import vehicle from '../../../src/domain/vehicle/kind.ts';

export const SCHEMAS_DIR = fileURLToPath(new URL('../../../schemas', import.meta.url));
const contracts = loadContracts([SCHEMAS_DIR]);

function withShape(definition: KindDefinition): EntityKind {
  const record = Object.values(definition.events).at(-1)!;
  return { ...definition, shape: contracts.shapeOf(record, definition.name) };
}

/** The real kinds with the shapes of the real contracts. */
export const kinds = {
  constat: withShape(constat),
  vehicle: withShape(vehicle),
  policy: withShape(policy),
  claim: withShape(claim),
};

export const TODAY = '2026-05-10';
export const CONSTAT_ID = '0197f3a0-1111-7abc-8def-000000000001';
export const IMAGE_ID = '0197f3a0-2222-7abc-8def-000000000001';
export const WITNESS_ID = '0197f3a0-3333-7abc-8def-000000000001';

const person = (n: number, changes: JsonObject = {}): JsonObject => ({
  personRef: `0197f3a0-4444-7abc-8def-00000000000${n}`,
  kind: 'NATURAL',
  lastName: 'Améziane',
  firstName: 'Yacine',
  nin: '109871234567890123',
  phone: '+213551234567',
  address: '12 rue Didouche Mourad, Alger',
  wilayaCode: '16',
  birthDate: '1988-02-29',
  ...changes,
});

export function party(role: 'A' | 'B', changes: JsonObject = {}): JsonObject {
  const own = role === 'A';
  return {
    role,
    isProviderInsured: own,
    policyholder: person(own ? 1 : 2),
    vehicle: {
      plateRaw: own ? '12345-115-16' : '67890-120-31',
      plateNormalized: own ? '1234511516' : '6789012031',
      plateType: 'ORDINARY',
      country: 'DZ',
      vin: '1M8GDM9AXKP042788',
      make: 'Renault',
      model: 'Symbol',
    },
    insurance: {
      insurerCode: own ? 'SAA' : 'TRUST',
      policyNumber: own ? 'SAA-2026-0001' : 'TR-2026-0002',
      validFrom: '2026-01-01',
      validTo: '2026-12-31',
    },
    driver: { person: person(own ? 3 : 4), licenceNumber: '16/123456', licenceValidUntil: '2030-01-01' },
    initialImpact: { zone: 'FRONT_LEFT', x: 0.1, y: 0 },
    visibleDamage: 'Pare-chocs avant',
    circumstances: own ? [8, 12] : [1],
    circumstanceCount: own ? 2 : 1,
    remarks: null,
    signature: null,
    ...changes,
  };
}

export const SIGNATURE: JsonObject = { status: 'SIGNED', signedAt: '2026-05-04T10:00:00.000Z' };

/** A constat that breaks no rule of the form. */
export function constatState(changes: JsonObject = {}): JsonObject {
  return {
    constatId: CONSTAT_ID,
    providerId: 'saa',
    createdBy: 'eassurance',
    providerReference: 'SAA-16-2026-000123',
    channel: 'MOBILE',
    status: 'DRAFT',
    statusReason: null,
    unilateral: false,
    accident: {
      accidentDate: '2026-05-04',
      accidentTime: '08:15',
      timeZone: 'Africa/Algiers',
      country: 'DZ',
      wilayaCode: '16',
      place: 'شارع ديدوش مراد، الجزائر',
      latitude: 36.75,
      longitude: 3.06,
      injuries: 'NO',
    },
    parties: [party('A'), party('B')],
    witnesses: [{ personRef: WITNESS_ID, name: 'Amina Haddad', phone: '+21321234567' }],
    sketch: { attachmentId: IMAGE_ID },
    attachments: [
      {
        attachmentId: IMAGE_ID,
        kind: 'SKETCH',
        mediaType: 'image/png',
        sizeBytes: 1024,
        sha256: 'a'.repeat(64),
        uri: 'https://files.example/1',
      },
    ],
    createdAt: '2026-05-04T09:00:00.000Z',
    updatedAt: '2026-05-04T09:00:00.000Z',
    ...changes,
  };
}

/** The same constat, signed by both. */
export function signedConstat(changes: JsonObject = {}): JsonObject {
  const parties = [party('A', { signature: SIGNATURE }), party('B', { signature: SIGNATURE })];
  return constatState({ status: 'SIGNED', parties, ...changes });
}
