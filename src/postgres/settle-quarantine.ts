import type pg from 'pg';
import { MovedError } from '../domain/errors.ts';
import type { QuarantineStep, SettledRecord, WritePlan } from '../ports.ts';
import { bigintArray, digestArray, textArray } from './binary-arrays.ts';
import { storableText } from './storable.ts';
import { fingerprintOf } from './write-quarantine.ts';

// Rows of quarantine are always locked in the order of their fingerprints, as `upsertQuarantine` does.

/** Holds each row until the commit, and settles those that say how. A row that somebody else has settled throws
 *  MovedError `quarantine`: of two people who work on one record, one has it. */
export async function takeQuarantineSteps(
  client: pg.ClientBase,
  steps: readonly QuarantineStep[],
): Promise<void> {
  const { rowCount } = await client.query({
    name: 'take-quarantine-steps',
    text: `with given as (
             select * from unnest($1::bigint[], $2::text[], $3::text[], $4::text[]) as g (id, how, by, reason)
           ), held as (
             select id from quarantine where id in (select id from given) and settled_at is null
              order by fingerprint for update
           )
           update quarantine q
              set settled_at = case when g.how is not null then now() end, settled_how = g.how,
                  settled_by = case when g.how is not null then g.by end,
                  settled_reason = case when g.how is not null then g.reason end
             from held join given g using (id)
            where q.id = held.id`,
    values: [
      bigintArray(steps.map((step) => BigInt(step.id))),
      textArray(steps.map((step) => step.how)),
      textArray(steps.map((step) => storableText(step.by))),
      textArray(steps.map((step) => (step.reason === null ? null : storableText(step.reason)))),
    ],
  });
  if (rowCount !== steps.length)
    throw new MovedError('quarantine', 'a record of quarantine has been settled meanwhile');
}

/** Settles the rows that stand for these records, if there are any: what could not be taken earlier has been taken now.
 *  As long as nothing of their topics waits in quarantine, this costs one look into an index. */
export async function settleRecords(client: pg.ClientBase, records: readonly SettledRecord[]): Promise<void> {
  const { rows } = await client.query<{ topic: string }>({
    name: 'topics-in-quarantine',
    text: `select topic from unnest($1::text[]) as t (topic)
            where exists (select from quarantine q where q.topic = t.topic and q.settled_at is null)`,
    values: [textArray([...new Set(records.map(({ topic }) => topic))])],
  });
  if (rows.length === 0) return;
  const topics = new Set(rows.map(({ topic }) => topic));
  // Of a record that came twice in one batch, the first arrival has settled it.
  const outcomes = new Map(
    records
      .filter(({ topic }) => topics.has(topic))
      .map((record) => [fingerprintOf(record), record.outcome] as const)
      .reverse(),
  );
  await client.query({
    name: 'settle-records',
    text: `with given as (
             select * from unnest($1::bytea[], $2::text[]) as g (fingerprint, how)
           ), held as (
             select id, fingerprint from quarantine
              where fingerprint in (select fingerprint from given) and settled_at is null
              order by fingerprint for update
           )
           update quarantine q set settled_at = now(), settled_how = g.how
             from held join given g using (fingerprint)
            where q.id = held.id`,
    values: [digestArray([...outcomes.keys()]), textArray([...outcomes.values()])],
  });
}

/** MovedError `quarantine` when somebody else has decided about it: an edit is approved once. */
export async function approveEdit(
  client: pg.ClientBase,
  { id, by, eventId }: NonNullable<WritePlan['approvedEdit']>,
): Promise<void> {
  const { rowCount } = await client.query({
    name: 'approve-quarantine-edit',
    text: `update quarantine_edit set status = 'approved', decided_at = now(), decided_by = $2, event_id = $3
            where id = $1 and status = 'waiting'`,
    values: [id, storableText(by), eventId],
  });
  if (rowCount !== 1) throw new MovedError('quarantine', 'the edit has been decided meanwhile');
}
