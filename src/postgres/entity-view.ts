import type { EntityKind, Violation } from '../domain/kind.ts';
import type { EntityView } from '../ports.ts';
import { quoteText } from './quote-name.ts';
import { STORED_COLUMNS, toStoredEntity } from './read-stored.ts';
import type { StoredRow } from './read-stored.ts';

/** The columns of an EntityView, for the kind's table aliased `e` and its event `v`. An erased entity has empty bytes.
 *  Conflicts, flags and quarantined events cost an index probe each. */
export function viewColumns(kind: EntityKind): string {
  const ofEntity = `kind = ${quoteText(kind.name)} and entity_id = e.id`;
  return `${STORED_COLUMNS}, e.violations, coalesce(v.bytes, ''::bytea) as bytes, v.schema_id,
    (select count(*)::int from conflict where status = 'open' and ${ofEntity}) as open_conflicts,
    array(select code from entity_flag where cleared_at is null and ${ofEntity}
          union all select 'QUARANTINED_EVENT' where exists (${quarantinedEvents(kind)}) order by code) as flags`;
}

/** The events of the entity that wait in quarantine and that its state has not overtaken. There is no mark to be kept: it
 *  is there with the quarantined record, and gone with the write that overtakes it or with what people decide.
 *  An event with a revision is overtaken by a state that dominates it, one without by a later record of the same partition
 *  that became or was merged into the state (one key is one partition, in its writer's order; on another topic nobody
 *  knows what came first). Nobody marks what is another insurer's: the topic has to be its provider's, and a record that
 *  is about somebody else's entity, or only claims to be ours, does not count. */
function quarantinedEvents(kind: EntityKind): string {
  return `select from quarantine q
           where q.settled_at is null and q.entity_id = e.id::text and q.kind = ${quoteText(kind.name)}
             and q.provider = e.provider and q.code not in ('WRONG_PROVIDER', 'ORIGIN_UNKNOWN')
             and case when q.revision is not null
                 then q.revision = e.revision or exists (
                   select from jsonb_each_text(q.revision) as c (writer, counter)
                    where c.counter::numeric > coalesce((e.revision ->> c.writer)::numeric, 0))
                 else not exists (
                   select from event later join route r on r.id = later.route_id
                    where later.entity_id = e.id and r.topic = q.topic and r.source = 'topic'
                      and later.kafka_partition = q.kafka_partition and later.kafka_offset > q.kafka_offset
                      and later.outcome in ('applied', 'merged') and later.recorded_at >= q.first_seen) end`;
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
