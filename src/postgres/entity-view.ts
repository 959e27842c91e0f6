import type { EntityKind, Violation } from '../domain/kind.ts';
import type { EntityView } from '../ports.ts';
import { quoteText } from './quote-name.ts';
import { STORED_COLUMNS, toStoredEntity } from './read-stored.ts';
import type { StoredRow } from './read-stored.ts';

/** The columns of an EntityView, for the kind's table aliased `e` and its event `v`. An erased entity has empty bytes.
 *  Conflicts and flags cost an index probe each. */
export function viewColumns(kind: EntityKind): string {
  const ofEntity = `kind = ${quoteText(kind.name)} and entity_id = e.id`;
  return `${STORED_COLUMNS}, e.violations, coalesce(v.bytes, ''::bytea) as bytes, v.schema_id,
    (select count(*)::int from conflict where status = 'open' and ${ofEntity}) as open_conflicts,
    array(select code from entity_flag where cleared_at is null and ${ofEntity} order by code) as flags`;
}

export interface ViewRow extends StoredRow {
  readonly violations: readonly Violation[] | null;
  readonly bytes: Buffer;
  readonly schema_id: number;
  readonly open_conflicts: number;
  readonly flags: readonly string[];
}

export function toEntityView(kind: EntityKind, row: ViewRow): EntityView {
  return {
    ...toStoredEntity(row),
    kind: kind.name,
    violations: row.violations ?? [],
    openConflicts: row.open_conflicts,
    flags: row.flags,
    bytes: row.bytes,
    schemaRef: row.schema_id,
  };
}
