import { createHash } from 'node:crypto';
import type pg from 'pg';
import type { QuarantineRow } from '../ports.ts';
import {
  bigintArray,
  byteaArray,
  digestArray,
  integerArray,
  jsonbArray,
  textArray,
} from './binary-arrays.ts';
import { storableJson, storableText } from './storable.ts';

const MAX_CAUSE = 2_000;
const MAX_ID = 200;

/** One row per distinct record (topic, key, value), however often it arrives: a later arrival counts as an attempt,
 *  brings the newest code, cause and claims, and leaves the first position. What people have discarded or edited stays
 *  settled; what had settled by the rules and lands here again is unsettled again. What a record claims is cleaned and
 *  cut, so that nothing it says can keep it from being stored; its bytes are kept as they are. */
export async function upsertQuarantine(
  client: pg.ClientBase,
  quarantined: readonly QuarantineRow[],
): Promise<void> {
  // `on conflict` can touch a row once per statement: equal records of one batch are counted here.
  const distinct = new Map<string, { row: QuarantineRow; attempts: number }>();
  for (const row of quarantined) {
    const fingerprint = fingerprintOf(row);
    const before = distinct.get(fingerprint);
    distinct.set(fingerprint, { row: before?.row ?? row, attempts: (before?.attempts ?? 0) + 1 });
  }
  // By fingerprint: two transactions with the same records lock them in one order.
  const fingerprints = [...distinct.keys()].sort();
  const entries = fingerprints.map((fingerprint) => distinct.get(fingerprint)!);
  const rows = entries.map(({ row }) => row);
  await client.query({
    name: 'upsert-quarantine',
    text: `insert into quarantine as stored (fingerprint, provider, topic, kafka_partition, kafka_offset, key, value, headers,
                                   schema_id, code, cause, event_id, kind, entity_id, attempts, revision)
           select * from unnest($1::bytea[], $2::text[], $3::text[], $4::int[], $5::bigint[], $6::bytea[], $7::bytea[],
                                $8::jsonb[], $9::bigint[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[],
                                $15::int[], $16::jsonb[])
           on conflict (fingerprint) do update
             set attempts = stored.attempts + excluded.attempts, last_seen = now(), code = excluded.code,
                 cause = excluded.cause, schema_id = excluded.schema_id, event_id = excluded.event_id,
                 kind = excluded.kind, entity_id = excluded.entity_id, revision = excluded.revision,
                 settled_at = case when stored.settled_how in ('discarded', 'edited') then stored.settled_at end,
                 settled_how = case when stored.settled_how in ('discarded', 'edited') then stored.settled_how end,
                 settled_by = case when stored.settled_how in ('discarded', 'edited') then stored.settled_by end`,
    values: [
      digestArray(fingerprints),
      textArray(rows.map((row) => storableText(row.provider, MAX_ID))),
      textArray(rows.map((row) => row.topic)),
      integerArray(rows.map((row) => row.partition)),
      bigintArray(rows.map((row) => row.offset)),
      byteaArray(rows.map((row) => row.key)),
      byteaArray(rows.map((row) => row.value)),
      jsonbArray(rows.map((row) => storableJson(row.headers))),
      bigintArray(rows.map((row) => (row.schemaId === null ? null : BigInt(row.schemaId)))),
      textArray(rows.map((row) => row.code)),
      textArray(rows.map((row) => storableText(row.cause, MAX_CAUSE))),
      textArray(rows.map((row) => claimed(row.eventId))),
      textArray(rows.map((row) => claimed(row.kind))),
      textArray(rows.map((row) => claimed(row.entityId))),
      integerArray(entries.map(({ attempts }) => attempts)),
      jsonbArray(rows.map(({ revision }) => (revision === null ? null : storableJson(revision)))),
    ],
  });
}

/** Settled ones are known too: whatever people decided, the record is not news. */
export async function areNewToQuarantine(
  client: pg.ClientBase,
  records: readonly Pick<QuarantineRow, 'topic' | 'key' | 'value'>[],
): Promise<readonly boolean[]> {
  if (records.length === 0) return [];
  const fingerprints = records.map(fingerprintOf);
  const { rows } = await client.query<{ fingerprint: string }>({
    name: 'known-to-quarantine',
    text: `select encode(fingerprint, 'hex') as fingerprint from quarantine where fingerprint = any($1::bytea[])`,
    values: [digestArray(fingerprints)],
  });
  const known = new Set(rows.map(({ fingerprint }) => fingerprint));
  return fingerprints.map((fingerprint) => {
    const isNew = !known.has(fingerprint);
    known.add(fingerprint);
    return isNew;
  });
}

function claimed(text: string | null): string | null {
  return text === null ? null : storableText(text, MAX_ID);
}

/** Each part with its length before it; an absent one differs from an empty one. */
export function fingerprintOf(row: Pick<QuarantineRow, 'topic' | 'key' | 'value'>): string {
  const hash = createHash('sha256');
  for (const part of [Buffer.from(row.topic), row.key, row.value]) {
    hash.update(`${part?.length ?? 'none'}:`);
    if (part !== null) hash.update(part);
  }
  return hash.digest('hex');
}
