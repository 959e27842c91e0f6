import type pg from 'pg';
import type { Outcome } from '../domain/event.ts';
import type { Revision } from '../domain/revision.ts';
import type { EventSource, HistoryView } from '../ports.ts';

interface HistoryRow {
  readonly sequence: string;
  readonly recorded_at: Date;
  readonly event_id: string;
  readonly kind: string;
  readonly entity_id: string;
  readonly provider: string;
  readonly event_type: string;
  readonly origin: string;
  readonly source: EventSource;
  readonly topic: string;
  readonly kafka_partition: number | null;
  readonly kafka_offset: string | null;
  readonly revision: Revision;
  readonly digest_hex: string;
  readonly outcome: Outcome;
  readonly author: string;
  readonly occurred_at: Date;
  readonly schema_id: number;
  readonly bytes: Buffer | null;
  /** All three null without an acknowledgement. */
  readonly sent_at: Date | null;
  readonly sent_partition: number;
  readonly sent_offset: string;
}

/** The events of one entity, of these kinds, newest first, each with Kafka's first acknowledgement if it was ours to publish. */
export async function readHistoryOf(
  pool: pg.Pool,
  kinds: readonly string[],
  id: string,
  before: bigint | null,
  limit: number,
): Promise<readonly HistoryView[]> {
  const { rows } = await pool.query<HistoryRow>({
    name: 'read-history-of',
    text: `select e.*, r.provider, r.kind, r.event_type, r.origin, r.source, r.topic, encode(e.digest, 'hex') as digest_hex,
                  p.kafka_partition as sent_partition, p.kafka_offset as sent_offset, p.at as sent_at
             from event e join route r on r.id = e.route_id and r.kind = any($1::text[])
             left join lateral (
               select * from delivery d where d.event_id = e.event_id and d.outcome = 'published' order by d.id limit 1
             ) p on true
            where e.entity_id = $2 and ($3::bigint is null or e.sequence < $3)
            order by e.sequence desc limit $4`,
    values: [kinds, id, before, limit],
  });
  return rows.map(toHistoryView);
}

function toHistoryView(row: HistoryRow): HistoryView {
  return {
    sequence: BigInt(row.sequence),
    recordedAtMs: row.recorded_at.getTime(),
    eventId: row.event_id,
    kind: row.kind,
    entityId: row.entity_id,
    provider: row.provider,
    eventType: row.event_type,
    origin: row.origin,
    source: row.source,
    topic: row.topic,
    partition: row.kafka_partition,
    offset: row.kafka_offset === null ? null : BigInt(row.kafka_offset),
    revision: row.revision,
    digest: row.digest_hex,
    outcome: row.outcome,
    author: row.author,
    occurredAtMs: row.occurred_at.getTime(),
    schemaRef: row.schema_id,
    bytes: row.bytes,
    published:
      row.sent_at === null
        ? null
        : {
            partition: row.sent_partition,
            offset: BigInt(row.sent_offset),
            atMs: row.sent_at.getTime(),
          },
  };
}
