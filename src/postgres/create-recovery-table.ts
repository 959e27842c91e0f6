import type pg from 'pg';
import type { RecoveryTable } from '../ports.ts';
import { translated } from './translate-error.ts';

/** What a database that lacks edits of ours takes for forged. */
const SUSPENDED = `settled_at is null and code in ('ORIGIN_UNKNOWN', 'REVISION_FROM_FUTURE')`;

export function createRecoveryTable({ pool }: { readonly pool: pg.Pool }): RecoveryTable {
  return {
    listSuspended: () =>
      translated(async () => {
        const { rows } = await pool.query<{
          topic: string;
          partition: number;
          offset: string;
          kind: string;
          entityId: string;
        }>(
          `select topic, kafka_partition as partition, kafka_offset as "offset", kind, entity_id as "entityId"
             from quarantine
            where ${SUSPENDED} and kafka_offset is not null and kind is not null and entity_id is not null`,
        );
        return rows.map((row) => ({ ...row, offset: BigInt(row.offset) }));
      }),
    // One statement, so both or neither. Such a record could be read: what it gives as its event id is one.
    settleSuspended: (detail) =>
      translated(async () => {
        const { rowCount } = await pool.query(
          `with noted as (
             insert into audit (actor, action, subject, detail) values ('eassurance', 'recover', 'database', $1)
           )
           update quarantine q set settled_at = now(), settled_how = e.outcome::text
             from event e
            where ${SUSPENDED} and e.event_id = q.event_id::uuid`,
          [JSON.stringify(detail)],
        );
        return rowCount ?? 0;
      }),
  };
}
