import type pg from 'pg';
import { MovedError } from '../domain/errors.ts';
import type { ConflictRow, FlagRow, SettlementRow } from '../ports.ts';
import { bigintArray, instantArray, jsonbArray, textArray, uuidArray } from './binary-arrays.ts';
import { storableInstant, storableJson, storableText } from './storable.ts';

/** Closes the open conflicts on these atoms whose newest values their author has seen. A settlement that names a
 *  conflict throws MovedError `conflict` when it does not close that one. A conflict that another transaction is writing
 *  is waited for, and judged as it then stands. */
export async function settleConflicts(
  client: pg.ClientBase,
  settlements: readonly SettlementRow[],
): Promise<void> {
  const rows = settlements.flatMap(({ atoms, ...row }) => atoms.map((atom) => ({ ...row, atom })));
  const named = new Set(
    settlements.flatMap(({ conflictId }) => (conflictId === undefined ? [] : [conflictId])),
  );
  const settled = await client.query<{ id: string }>({
    name: 'settle-conflicts',
    text: `update conflict c
              set status = 'settled', settled_at = now(), settled_by = u.by, settling_event_id = u.event_id,
                  settled_reason = u.reason
             from unnest($1::text[], $2::uuid[], $3::text[], $4::uuid[], $5::text[], $6::bigint[], $7::jsonb[],
                           $8::text[])
                  as u (kind, entity_id, atom, event_id, by, id, seen, reason)
            where c.status = 'open' and c.kind = u.kind and c.entity_id = u.entity_id and c.atom = u.atom
              and c.id = coalesce(u.id, c.id)
              and not exists (
                select from event e, jsonb_each_text(e.revision) as r (writer, counter)
                 where e.event_id = c.newest_event_id and r.counter::bigint > coalesce((u.seen ->> r.writer)::bigint, 0))
           returning c.id`,
    values: [
      textArray(rows.map((row) => row.kind)),
      uuidArray(rows.map((row) => row.entityId)),
      textArray(rows.map((row) => storableText(row.atom))),
      uuidArray(rows.map((row) => row.eventId)),
      textArray(rows.map((row) => storableText(row.by))),
      bigintArray(rows.map((row) => (row.conflictId === undefined ? null : BigInt(row.conflictId)))),
      jsonbArray(rows.map((row) => JSON.stringify(row.seen))),
      textArray(rows.map((row) => (row.reason === null ? null : storableText(row.reason)))),
    ],
  });
  for (const { id } of settled.rows) named.delete(id);
  if (named.size > 0) throw new MovedError('conflict', 'the conflict is settled, or has gained values');
}

/** Opens each conflict, or joins the open one of the same entity and atom: that one keeps its first values and gains
 *  these, and which side stands, why, and the worst severity are brought up to date. */
export async function openConflicts(client: pg.ClientBase, found: readonly ConflictRow[]): Promise<void> {
  // `on conflict` can touch a row once per statement: clashes on one atom within a batch are joined here.
  const byAtom = Map.groupBy(found, ({ kind, entityId, atom }) => `${kind}\n${entityId}\n${atom}`);
  const groups = [...byAtom.keys()].sort().map((key) => byAtom.get(key)!);
  const firsts = groups.map(([first]) => first!);
  const newest = groups.map((group) => group.at(-1)!);
  await client.query({
    name: 'open-conflicts',
    text: `insert into conflict as known (kind, entity_id, provider, atom, event_id, base, ours, theirs, stands, code,
                                          severity, ours_author, theirs_author, ours_at, theirs_at, joined, newest_event_id)
           select * from unnest($1::text[], $2::uuid[], $3::text[], $4::text[], $5::uuid[], $6::jsonb[], $7::jsonb[],
                                $8::jsonb[], $9::text[], $10::text[], $11::text[], $12::text[], $13::text[],
                                $14::timestamptz[], $15::timestamptz[], $16::jsonb[], $17::uuid[])
           on conflict (kind, entity_id, atom) where status = 'open' do update
             set stands = excluded.stands, code = excluded.code, newest_event_id = excluded.newest_event_id,
                 severity = case when known.severity = 'critical' then known.severity else excluded.severity end,
                 joined = known.joined || jsonb_build_array(jsonb_build_object(
                   'ours', excluded.ours, 'theirs', excluded.theirs, 'theirsAuthor', excluded.theirs_author,
                   'atMs', (date_part('epoch', excluded.theirs_at) * 1000)::bigint)) || excluded.joined`,
    values: [
      textArray(firsts.map((row) => row.kind)),
      uuidArray(firsts.map((row) => row.entityId)),
      textArray(firsts.map((row) => row.provider)),
      textArray(firsts.map((row) => storableText(row.atom))),
      uuidArray(firsts.map((row) => row.eventId)),
      jsonbArray(firsts.map((row) => storableJson(row.base))),
      jsonbArray(firsts.map((row) => storableJson(row.ours))),
      jsonbArray(firsts.map((row) => storableJson(row.theirs))),
      textArray(newest.map((row) => row.stands)),
      textArray(newest.map((row) => row.code)),
      textArray(groups.map((group) => worstOf(group))),
      textArray(firsts.map((row) => storableText(row.oursAuthor))),
      textArray(firsts.map((row) => storableText(row.theirsAuthor))),
      instantArray(firsts.map((row) => storableInstant(row.oursAtMs))),
      instantArray(firsts.map((row) => storableInstant(row.theirsAtMs))),
      jsonbArray(groups.map((group) => storableJson(group.slice(1).map(joinedValues)))),
      uuidArray(newest.map((row) => row.eventId)),
    ],
  });
}

/** Raises each flag that is not raised already. */
export async function raiseFlags(client: pg.ClientBase, flags: readonly FlagRow[]): Promise<void> {
  const sorted = flags.toSorted((a, b) => (a.entityId < b.entityId ? -1 : 1));
  await client.query({
    name: 'raise-flags',
    text: `insert into entity_flag (kind, entity_id, provider, code, event_id)
           select * from unnest($1::text[], $2::uuid[], $3::text[], $4::text[], $5::uuid[])
           on conflict (kind, entity_id, code) where cleared_at is null do nothing`,
    values: [
      textArray(sorted.map((row) => row.kind)),
      uuidArray(sorted.map((row) => row.entityId)),
      textArray(sorted.map((row) => row.provider)),
      textArray(sorted.map((row) => row.code)),
      uuidArray(sorted.map((row) => row.eventId)),
    ],
  });
}

function joinedValues({ ours, theirs, theirsAuthor, theirsAtMs }: ConflictRow) {
  return { ours, theirs, theirsAuthor, atMs: storableInstant(theirsAtMs) };
}

function worstOf(rows: readonly ConflictRow[]): ConflictRow['severity'] {
  return rows.some(({ severity }) => severity === 'critical') ? 'critical' : 'normal';
}
