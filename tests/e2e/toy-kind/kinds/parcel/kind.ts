import { tabulateAtoms } from '../../../../../src/domain/atom-table.ts';
import type { KindDefinition } from '../../../../../src/domain/kind.ts';
import { text } from '../../../../../src/domain/read-state.ts';
import { refuseNewCreator } from '../../../../../src/domain/refuse-new-creator.ts';
import { textColumn, textFilter } from '../../../../../src/domain/search-column.ts';

/** A parcel that both sides send: the fifth kind, of which src/ knows nothing. */
const parcel: KindDefinition = {
  name: 'parcel',
  collection: 'parcels',
  idField: 'parcelId',
  events: { sent: 'ParcelSent' },
  columns: [textColumn('label', (state) => state['label'])],
  filters: { label: textFilter('label') },
  status: () => null,
  createdBy: (state) => text(state['createdBy']),
  sealedFront: () => null,
  violations: (state) =>
    text(state['label']) === null
      ? [{ pointer: '/label', code: 'LABEL_MISSING', message: 'A parcel has a label.' }]
      : [],
  refusedChanges: (stored, state) => refuseNewCreator(stored, state),
  atoms: (state) => tabulateAtoms(state, { none: ['createdAt', 'updatedAt'] }),
};

export default parcel;
