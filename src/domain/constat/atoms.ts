import { tabulateAtoms, type AtomTable, type RecordTable } from '../atom-table.ts';
import type { Json, JsonObject } from '../json.ts';
import { INSURANCE_ATOMS, OPTIONAL_VEHICLE_ATOMS, PERSON_ATOMS, VEHICLE_ATOMS } from '../shared-atoms.ts';
import { constatFront, isOnFront, isSealed } from './front.ts';

/** A party whose plate or person changed is another party. */
const PARTY: RecordTable = {
  identity: [
    ['vehicle', 'plateRaw'],
    ['policyholder', 'personRef'],
    ['driver', 'person', 'personRef'],
  ],
  groups: { circumstances: ['circumstances', 'circumstanceCount'] },
  records: {
    policyholder: PERSON_ATOMS,
    vehicle: VEHICLE_ATOMS,
    trailer: OPTIONAL_VEHICLE_ATOMS,
    insurance: INSURANCE_ATOMS,
    driver: { records: { person: PERSON_ATOMS } },
  },
  none: ['role'],
};

export const CONSTAT_ATOMS: AtomTable = {
  none: ['createdAt', 'updatedAt', 'sealedContentHash'],
  groups: { status: ['status', 'statusReason'] },
  records: {
    accident: {
      groups: {
        moment: ['accidentDate', 'accidentTime', 'timeZone'],
        area: ['wilayaCode', 'communeCode'],
        position: ['latitude', 'longitude'],
      },
    },
  },
  lists: {
    parties: { key: 'role', defaultKey: 'UNKNOWN', element: PARTY },
    witnesses: { key: 'personRef' },
    attachments: { key: 'attachmentId' },
  },
};

/** Sealed, the front is one atom, with its signatures, hash and status; before that its fields are atoms of their own. */
export function constatAtoms(state: JsonObject): ReadonlyMap<string, Json> {
  const atoms = tabulateAtoms(state, CONSTAT_ATOMS);
  if (!isSealed(state)) return atoms;
  for (const name of atoms.keys()) {
    if (name === 'status' || isOnFront(name)) atoms.delete(name);
  }
  const { status = null, statusReason = null, sealedContentHash = null } = state;
  return atoms.set('front', { ...constatFront(state), status, statusReason, sealedContentHash });
}
