import type pg from 'pg';
import type { AuditEntry } from '../ports.ts';
import { jsonbArray, textArray } from './binary-arrays.ts';
import { storableJson, storableText } from './storable.ts';

/** Appends to the audit, in the transaction that does what the entries tell of. */
export async function insertAudit(client: pg.ClientBase, entries: readonly AuditEntry[]): Promise<void> {
  await client.query({
    name: 'insert-audit',
    text: `insert into audit (actor, action, subject, detail)
           select * from unnest($1::text[], $2::text[], $3::text[], $4::jsonb[])`,
    values: [
      textArray(entries.map((entry) => storableText(entry.actor))),
      textArray(entries.map((entry) => entry.action)),
      textArray(entries.map((entry) => entry.subject)),
      jsonbArray(entries.map(({ detail }) => (detail === undefined ? null : storableJson(detail)))),
    ],
  });
}
