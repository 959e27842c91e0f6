import type { KindDefinition } from '../kind.ts';
import { text } from '../read-state.ts';
import { constatAtoms } from './atoms.ts';
import { columns, filters } from './columns.ts';
import { constatFront, isSealed } from './front.ts';
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
};

export default constat;
