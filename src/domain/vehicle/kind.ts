import { tabulateAtoms, type AtomTable } from '../atom-table.ts';
import type { KindDefinition } from '../kind.ts';
import { text } from '../read-state.ts';
import { refuseNewCreator } from '../refuse-new-creator.ts';
import {
  instantColumn,
  plateColumn,
  plateFilter,
  textColumn,
  textFilter,
  vinColumn,
  vinFilter,
} from '../search-column.ts';
import { VEHICLE_GROUPS } from '../shared-atoms.ts';
import { violations } from './violations.ts';

const ATOMS: AtomTable = {
  none: ['createdAt', 'updatedAt'],
  groups: {
    // An answer and where and when it came from are one finding.
    finding: ['result', 'method', 'sourceRegistry', 'sourceReference', 'verifiedAt', 'expiresAt'],
    coverage: ['coverageStatus', 'coverageAsOf', 'policyNumber'],
    validity: ['validFrom', 'validTo'],
    ...VEHICLE_GROUPS,
  },
  lists: { mismatches: { key: 'field' } },
};

/** The verification of a vehicle: what a register or an insurer's database answered. Both sides may verify. */
const vehicle: KindDefinition = {
  name: 'vehicle',
  collection: 'vehicles',
  idField: 'verificationId',
  events: { verified: 'VehicleVerified' },
  columns: [
    plateColumn('plate', (state) => state),
    vinColumn('vin', (state) => state),
    textColumn('policy', (state) => state['policyNumber']),
    textColumn('result', (state) => state['result']),
    instantColumn('verified_at', (state) => state['verifiedAt']),
  ],
  filters: {
    plate: plateFilter('plate'),
    vin: vinFilter('vin'),
    policy: textFilter('policy'),
    result: textFilter('result'),
  },
  status: () => null,
  createdBy: (state) => text(state['createdBy']),
  sealedFront: () => null,
  violations,
  refusedChanges: refuseNewCreator,
  atoms: (state) => tabulateAtoms(state, ATOMS),
  merge: { table: ATOMS },
};

export default vehicle;
