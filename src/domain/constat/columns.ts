import type { Json, JsonObject } from '../json.ts';
import type { SearchColumn, SearchFilter } from '../kind.ts';
import { isRecord, list, record } from '../read-state.ts';
import {
  dateColumn,
  plateColumn,
  plateFilter,
  textColumn,
  textFilter,
  vinColumn,
  vinFilter,
} from '../search-column.ts';

/** The party in a column of the form; without roles, the first party stands in column A and the second in B. */
function party(state: JsonObject, role: 'A' | 'B'): JsonObject {
  const parties = list(state['parties']).filter(isRecord);
  const named = parties.find((candidate) => candidate['role'] === role);
  if (named !== undefined) return named;
  const unnamed = parties[role === 'A' ? 0 : 1];
  return unnamed?.['role'] === 'A' || unnamed?.['role'] === 'B' ? {} : record(unnamed);
}

const vehicleOf = (role: 'A' | 'B') => (state: JsonObject) => party(state, role)['vehicle'];
const policyOf =
  (role: 'A' | 'B') =>
  (state: JsonObject): Json | undefined =>
    record(party(state, role)['insurance'])['policyNumber'];

export const columns: readonly SearchColumn[] = [
  textColumn('reference', (state) => state['providerReference']),
  plateColumn('plate_a', vehicleOf('A')),
  plateColumn('plate_b', vehicleOf('B')),
  vinColumn('vin_a', vehicleOf('A')),
  vinColumn('vin_b', vehicleOf('B')),
  textColumn('policy_a', policyOf('A')),
  textColumn('policy_b', policyOf('B')),
  dateColumn('accident_date', (state) => record(state['accident'])['accidentDate']),
];

export const filters: Readonly<Record<string, SearchFilter>> = {
  reference: textFilter('reference'),
  plate: plateFilter('plate_a', 'plate_b'),
  vin: vinFilter('vin_a', 'vin_b'),
  policy: textFilter('policy_a', 'policy_b'),
};
