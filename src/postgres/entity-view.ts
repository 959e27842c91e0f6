import type { EntityKind, Violation } from '../domain/kind.ts';
import type { EntityView } from '../ports.ts';
import { STORED_COLUMNS, toStoredEntity } from './read-stored.ts';
import type { StoredRow } from './read-stored.ts';

/** The columns of an EntityView, for the table aliased `e` and its event `v`. An erased entity has empty bytes. */
export const VIEW_COLUMNS = `${STORED_COLUMNS}, e.violations, coalesce(v.bytes, ''::bytea) as bytes, v.schema_id`;

export interface ViewRow extends StoredRow {
  readonly violations: readonly Violation[] | null;
  readonly bytes: Buffer;
  readonly schema_id: number;
}

export function toEntityView(kind: EntityKind, row: ViewRow): EntityView {
  return {
    ...toStoredEntity(row),
    kind: kind.name,
    violations: row.violations ?? [],
    bytes: row.bytes,
    schemaRef: row.schema_id,
  };
}
