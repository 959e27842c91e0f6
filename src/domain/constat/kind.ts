import type { KindDefinition } from '../kind.ts';
import { text } from '../read-state.ts';
import { CONSTAT_ATOMS, constatAtoms } from './atoms.ts';
import { columns, filters } from './columns.ts';
import { constatFront, isSealed, sealHolds } from './front.ts';
import { mayBecome, OPEN_STATUSES } from './lifecycle.ts';
import { refusedChanges } from './rights.ts';
import { violations } from './violations.ts';

/** The accident statement, drawn up on either side and decided by the insurer. */
const constat: KindDefinition = {
  name: 'constat',
  collection: 'constats',
  idField: 'constatId',
  events: { created: 'ConstatCreated', updated: 'ConstatUpdated' },
  columns,
  filters,
  status: (state) => text(state['status']),
  createdBy: (state) => text(state['createdBy']),
  sealedFront: (state) => (isSealed(state) ? constatFront(state) : null),
  front: constatFront,
  violations,
  refusedChanges,
  atoms: constatAtoms,
  merge: {
    table: CONSTAT_ATOMS,
    status: { atom: 'status', field: 'status', mayBecome },
    seal: {
      isSealed,
      holds: sealHolds,
      hashField: 'sealedContentHash',
      openStatuses: OPEN_STATUSES,
      sealedStatus: 'SIGNED',
    },
  },
};

export default constat;
