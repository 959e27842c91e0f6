import type { RecordTable } from './atom-table.ts';

/** Atoms of the records that several kinds hold. */
export const VEHICLE_GROUPS = { plate: ['plateRaw', 'plateNormalized', 'plateType'] };

export const VEHICLE_ATOMS: RecordTable = { groups: VEHICLE_GROUPS };
/** A vehicle that may be absent: with another plate it is another vehicle. */
export const OPTIONAL_VEHICLE_ATOMS: RecordTable = { groups: VEHICLE_GROUPS, identity: [['plateRaw']] };
export const PERSON_ATOMS: RecordTable = { identity: [['personRef']] };
export const INSURANCE_ATOMS: RecordTable = { groups: { validity: ['validFrom', 'validTo'] } };
