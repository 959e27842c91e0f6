import type { PoolClient } from 'pg';
import type { Connection } from './open-database.ts';
import type { EventPosition, LoggedEvent, Receipt } from './record.ts';
import type { Revision } from './revision.ts';

/** Serialises the taking of event numbers until commit, so that a reader of the log who has seen number n never misses
 *  a smaller one that was committed later. */
const NUMBER_LOCK = 7_204_612;

/** What the outbox keeps of one publication; `value` is already framed. */
export interface Publication {
  readonly eventId: string;
  readonly eventType: string;
  readonly kind: string;
  readonly recordId: string;
  readonly revision: Revision;
  readonly topic: string;
  readonly value: Buffer;
  readonly headers: Readonly<Record<string, string>>;
}
export type WaitingPublication = Publication & { readonly sequence: string };

export interface Arrival {
  readonly topic: string;
  readonly partition: number;
  readonly offset: string;
  readonly eventId: string | null;
  readonly eventType: string | null;
  readonly kind: string | null;
  readonly recordId: string | null;
  readonly revision: Revision | null;
  readonly outcome: Receipt;
  readonly cause: string | null;
}

/** In the same transaction as the record it publishes, after the record's row. */
export async function addToOutbox(tx: PoolClient, publication: Publication): Promise<void> {
  const { eventId, eventType, kind, recordId, revision, topic, value, headers } = publication;
  await tx.query(
    `INSERT INTO outbox (event_id, event_type, kind, record_id, revision, topic, value, headers)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
    [eventId, eventType, kind, recordId, JSON.stringify(revision), topic, value, JSON.stringify(headers)],
  );
}

/** The oldest publications that Kafka hasn't acknowledged, in the order of their edits. */
export async function readWaiting(db: Connection, limit: number): Promise<WaitingPublication[]> {
  const { rows } = await db.query<WaitingPublication>(
    `SELECT sequence, event_id AS "eventId", event_type AS "eventType", kind, record_id AS "recordId", revision, topic, value, headers
     FROM outbox WHERE sent_at IS NULL ORDER BY sequence LIMIT $1`,
    [limit],
  );
  return rows;
}

export async function markSent(
  tx: PoolClient,
  sequence: string,
  partition: number,
  offset: string,
): Promise<void> {
  const number = await takeNumber(tx);
  await tx.query(
    `UPDATE outbox SET sent_at = clock_timestamp(), number = $2, "partition" = $3, "offset" = $4 WHERE sequence = $1`,
    [sequence, number, partition, offset],
  );
}

/** True when the event has been received before; the arrival is then counted and must not be applied again. */
export async function countKnownArrival(tx: PoolClient, eventId: string): Promise<boolean> {
  const { rowCount } = await tx.query('UPDATE inbox SET arrivals = arrivals + 1 WHERE event_id = $1', [
    eventId,
  ]);
  return (rowCount ?? 0) > 0;
}

/** True when this platform sent the event itself. After a restored backup it no longer knows, and the event counts as news. */
export async function isOwnPublication(tx: PoolClient, eventId: string): Promise<boolean> {
  const { rowCount } = await tx.query('SELECT 1 FROM outbox WHERE event_id = $1 LIMIT 1', [eventId]);
  return (rowCount ?? 0) > 0;
}

/** Notes a first arrival with its outcome, in the transaction that applies it. */
export async function noteArrival(tx: PoolClient, arrival: Arrival): Promise<void> {
  const number = await takeNumber(tx);
  await tx.query(
    `INSERT INTO inbox (number, event_id, event_type, kind, record_id, revision, topic, "partition", "offset", outcome, cause)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
    [
      number,
      arrival.eventId,
      arrival.eventType,
      arrival.kind,
      arrival.recordId,
      arrival.revision && JSON.stringify(arrival.revision),
      arrival.topic,
      arrival.partition,
      arrival.offset,
      arrival.outcome,
      arrival.cause,
    ],
  );
}

/** Where an event that was sent or received stands; an event of ours that also came back is shown as sent. */
export async function findPosition(db: Connection, eventId: string): Promise<EventPosition | null> {
  const { rows } = await db.query<EventRow>(
    `SELECT 'sent' AS direction, topic, "partition", "offset", sent_at AS at FROM outbox WHERE event_id = $1
     UNION ALL
     SELECT 'received', topic, "partition", "offset", received_at FROM inbox WHERE event_id = $1
     ORDER BY direction DESC LIMIT 1`,
    [eventId],
  );
  return rows[0] ? toPosition(rows[0]) : null;
}

/** The log after `number`, oldest first; gaps in the numbers mean nothing. */
export async function readEventLog(db: Connection, after: string, limit: number): Promise<LoggedEvent[]> {
  const { rows } = await db.query<EventRow & Omit<LoggedEvent, keyof EventPosition>>(
    `SELECT number, 'sent' AS direction, event_id AS "eventId", event_type AS "eventType", kind, record_id AS id, revision,
            topic, "partition", "offset", 'sent' AS outcome, NULL AS cause, sent_at AS at
     FROM outbox WHERE number > $1
     UNION ALL
     SELECT number, 'received', event_id, event_type, kind, record_id, revision, topic, "partition", "offset", outcome, cause, received_at
     FROM inbox WHERE number > $1
     ORDER BY number LIMIT $2`,
    [after, limit],
  );
  return rows.map((row) => ({ ...row, ...toPosition(row) }));
}

interface EventRow {
  direction: 'sent' | 'received';
  topic: string;
  partition: number | null;
  offset: string | null;
  at: Date | null;
}

function toPosition(row: EventRow): EventPosition {
  const { direction, topic, partition, offset } = row;
  return { direction, topic, partition, offset, at: row.at?.toISOString() ?? null };
}

async function takeNumber(tx: PoolClient): Promise<string> {
  await tx.query('SELECT pg_advisory_xact_lock($1)', [NUMBER_LOCK]);
  const { rows } = await tx.query<{ number: string }>(`SELECT nextval('event_number') AS number`);
  return rows[0]!.number;
}
