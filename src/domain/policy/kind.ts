import { tabulateAtoms, type AtomTable } from '../atom-table.ts';
import { HUB } from '../event.ts';
import type { JsonObject } from '../json.ts';
import type { KindDefinition } from '../kind.ts';
import { list, text } from '../read-state.ts';
import { refuseNewCreator } from '../refuse-new-creator.ts';
import {
  dateColumn,
  plateColumn,
  plateFilter,
  textColumn,
  textFilter,
  vinColumn,
  vinFilter,
} from '../search-column.ts';
import { PERSON_ATOMS } from '../shared-atoms.ts';
import { violations } from './violations.ts';

const firstVehicle = (state: JsonObject) => list(state['vehicles'])[0];

const ATOMS: AtomTable = {
  none: ['createdAt', 'updatedAt'],
  groups: {
    status: ['status', 'statusReason'],
    validity: ['validFrom', 'validTo'],
    premium: ['premiumAmount', 'currency'],
  },
  records: { policyholder: PERSON_ATOMS },
  lists: { vehicles: { key: 'plateRaw' } },
};

/** An insurance policy, kept by its insurer alone. Of a fleet, the first vehicle is searched by. */
const policy: KindDefinition = {
  name: 'policy',
  collection: 'policies',
  idField: 'policyId',
  events: { updated: 'PolicyUpdated' },
  columns: [
    textColumn('policy_number', (state) => state['policyNumber']),
    plateColumn('plate', firstVehicle),
    vinColumn('vin', firstVehicle),
    dateColumn('valid_from', (state) => state['validFrom']),
    dateColumn('valid_to', (state) => state['validTo']),
  ],
  filters: {
    policy: textFilter('policy_number'),
    plate: plateFilter('plate'),
    vin: vinFilter('vin'),
  },
  status: (state) => text(state['status']),
  createdBy: (state) => text(state['createdBy']),
  sealedFront: () => null,
  violations,
  refusedChanges: (stored, state, _seal, originator) =>
    originator === HUB
      ? [{ atom: 'policy', reason: 'A policy is written by its insurer alone.' }]
      : refuseNewCreator(stored, state),
  atoms: (state) => tabulateAtoms(state, ATOMS),
  merge: { table: ATOMS, status: { atom: 'status', field: 'status' } },
};

export default policy;
