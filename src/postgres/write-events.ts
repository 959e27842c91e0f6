import type pg from 'pg';
import { MovedError } from '../domain/errors.ts';
import type { DeliveryRow, EventRow, WritePlan } from '../ports.ts';
import {
  bigintArray,
  byteaArray,
  digestArray,
  instantArray,
  integerArray,
  jsonbArray,
  smallintArray,
  textArray,
  uuidArray,
} from './binary-arrays.ts';
import { storableInstant, storableText } from './storable.ts';

/** In the order given, which becomes the order of `sequence`. An event id that is already there throws MovedError
 *  `event`: another transaction has settled it since it was read. */
export async function insertEvents(
  client: pg.ClientBase,
  events: readonly EventRow[],
  routeIds: readonly number[],
): Promise<void> {
  try {
    await client.query({
      name: 'insert-events',
      text: `insert into event (occurred_at, kafka_offset, kafka_partition, schema_id, outcome, route_id, event_id,
                                entity_id, digest, author, revision, bytes)
             select u.occurred_at, u.kafka_offset, u.kafka_partition, u.schema_id, u.outcome::outcome, u.route_id,
                    u.event_id, u.entity_id, u.digest, u.author, u.revision, u.bytes
               from unnest($1::timestamptz[], $2::bigint[], $3::int[], $4::int[], $5::text[], $6::smallint[],
                           $7::uuid[], $8::uuid[], $9::bytea[], $10::text[], $11::jsonb[], $12::bytea[])
                    as u (occurred_at, kafka_offset, kafka_partition, schema_id, outcome, route_id, event_id,
                          entity_id, digest, author, revision, bytes)`,
      values: [
        instantArray(events.map((event) => storableInstant(event.occurredAtMs))),
        bigintArray(events.map((event) => event.offset)),
        integerArray(events.map((event) => event.partition)),
        integerArray(events.map((event) => event.schemaRef)),
        textArray(events.map((event) => event.outcome)),
        smallintArray(routeIds),
        uuidArray(events.map((event) => event.eventId)),
        uuidArray(events.map((event) => event.entityId)),
        digestArray(events.map((event) => event.digest)),
        textArray(events.map((event) => storableText(event.author))),
        jsonbArray(events.map((event) => JSON.stringify(event.revision))),
        byteaArray(events.map((event) => event.bytes)),
      ],
    });
  } catch (error) {
    const { code, constraint } = error as { code?: string; constraint?: string };
    if (code !== '23505' || constraint !== 'event_event_id_key') throw error;
    throw new MovedError('event', 'an event of the plan is already settled');
  }
}

/** After the entity rows: their locks make the sequence of one entity's outbox rows follow its revisions. */
export async function insertOutbox(client: pg.ClientBase, outbox: WritePlan['outbox']): Promise<void> {
  await client.query({
    name: 'insert-outbox',
    text: `insert into outbox (event_id, shard, traceparent) select * from unnest($1::uuid[], $2::text[], $3::text[])`,
    values: [
      uuidArray(outbox.map((row) => row.eventId)),
      textArray(outbox.map((row) => row.shard)),
      textArray(outbox.map((row) => row.traceparent)),
    ],
  });
}

export async function insertDeliveries(
  client: pg.ClientBase,
  deliveries: readonly DeliveryRow[],
): Promise<void> {
  await client.query({
    name: 'insert-deliveries',
    text: `insert into delivery (event_id, topic, kafka_partition, kafka_offset, outcome)
           select u.event_id, u.topic, u.kafka_partition, u.kafka_offset, u.outcome::outcome
             from unnest($1::uuid[], $2::text[], $3::int[], $4::bigint[], $5::text[])
                  as u (event_id, topic, kafka_partition, kafka_offset, outcome)`,
    values: deliveryColumns(deliveries),
  });
}

/** The five parameters of a delivery, for `unnest`. */
export function deliveryColumns(deliveries: readonly DeliveryRow[]): Buffer[] {
  return [
    uuidArray(deliveries.map((row) => row.eventId)),
    textArray(deliveries.map((row) => row.topic)),
    integerArray(deliveries.map((row) => row.partition)),
    bigintArray(deliveries.map((row) => row.offset)),
    textArray(deliveries.map((row) => row.outcome)),
  ];
}
