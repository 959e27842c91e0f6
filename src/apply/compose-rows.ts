import type { EntityEvent, Outcome } from '../domain/event.ts';
import type { DeliveryRow, EventRow, EventSource, QuarantineRow, Topology } from '../ports.ts';
import type { Arrival, ReadableArrival } from './apply-batch.ts';

/** The ledger's row of an arrival. */
export function arrivalRow(arrival: ReadableArrival, digest: string, outcome: Outcome): EventRow {
  const { event, source, topic, schemaRef, value, partition, offset } = arrival;
  const how = { source, topic, outcome, author: event.meta.origin, schemaRef, bytes: value };
  return eventRow(event, digest, how, { partition, offset });
}

/** The ledger's row of an event of the hub's own, on its way to `topic`. */
export function eventRow(
  event: EntityEvent,
  digest: string,
  how: {
    readonly source: EventSource;
    readonly topic: string;
    readonly outcome: Outcome;
    readonly author: string;
    readonly schemaRef: number;
    readonly bytes: Buffer;
  },
  at: Pick<EventRow, 'partition' | 'offset'> = NOWHERE,
): EventRow {
  const { meta } = event;
  return {
    eventId: meta.eventId,
    kind: meta.entityType,
    entityId: meta.entityId,
    provider: meta.providerId,
    eventType: meta.eventType,
    origin: meta.origin,
    partition: at.partition,
    offset: at.offset,
    revision: meta.revision,
    digest,
    occurredAtMs: Date.parse(meta.occurredAt),
    source: how.source,
    topic: how.topic,
    outcome: how.outcome,
    author: how.author,
    schemaRef: how.schemaRef,
    bytes: how.bytes,
  };
}

const NOWHERE = { partition: null, offset: null };

/** Null for an arrival that has no position: a pulled record. */
export function deliveryRow(arrival: ReadableArrival, outcome: Outcome): DeliveryRow | null {
  const { topic, partition, offset } = arrival;
  if (partition === null || offset === null) return null;
  return { eventId: arrival.event.meta.eventId, topic, partition, offset, outcome };
}

export function quarantineRow(
  arrival: Arrival,
  code: QuarantineRow['code'],
  cause: string,
  topology: Topology,
): QuarantineRow {
  const { topic, partition, offset, key, value, headers } = arrival;
  const meta = arrival.readable ? arrival.event.meta : null;
  const route = topology.routes.get(topic);
  return {
    code,
    cause,
    topic,
    partition,
    offset,
    key,
    value,
    headers,
    schemaId: arrival.readable ? null : arrival.schemaId,
    provider: route?.providerId ?? 'unknown',
    eventId: meta?.eventId ?? null,
    kind: arrival.readable ? arrival.kind.name : (route?.kind ?? null),
    entityId: meta?.entityId ?? entityIdIn(key),
    // An invalid revision dominates nothing and is dominated by nothing: it can't tell what is newer.
    revision: meta === null || code === 'REVISION_INVALID' ? null : meta.revision,
  };
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** The key of a record is its entity's id (docs/contracts.md); of one that can't be read it is all there is. */
function entityIdIn(key: Buffer | null): string | null {
  const text = key?.toString() ?? '';
  return UUID.test(text) ? text.toLowerCase() : null;
}
