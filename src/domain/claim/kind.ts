import { tabulateAtoms, type AtomTable } from '../atom-table.ts';
import type { KindDefinition } from '../kind.ts';
import { text } from '../read-state.ts';
import { textColumn, textFilter } from '../search-column.ts';
import { refusedChanges } from './rights.ts';
import { violations } from './violations.ts';

const ATOMS: AtomTable = {
  none: ['createdAt', 'updatedAt'],
  groups: {
    status: ['status', 'statusReason'],
    amounts: ['estimatedDamage', 'settledAmount', 'currency'],
  },
  lists: { attachments: { key: 'attachmentId' } },
};

/** A claim: opened on either side, decided by the insurer. */
const claim: KindDefinition = {
  name: 'claim',
  collection: 'claims',
  idField: 'claimId',
  events: { created: 'ClaimCreated', processed: 'ClaimProcessed' },
  columns: [
    textColumn('claim_number', (state) => state['claimNumber']),
    textColumn('constat_id', (state) => state['constatId']),
    textColumn('policy', (state) => state['policyNumber']),
  ],
  filters: {
    reference: textFilter('claim_number'),
    constat: textFilter('constat_id'),
    policy: textFilter('policy'),
  },
  status: (state) => text(state['status']),
  createdBy: (state) => text(state['createdBy']),
  sealedFront: () => null,
  violations,
  refusedChanges,
  atoms: (state) => tabulateAtoms(state, ATOMS),
  merge: { table: ATOMS, status: { atom: 'status', field: 'status' } },
};

export default claim;
