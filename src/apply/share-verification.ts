import { HUB } from '../domain/event.ts';
import type { JsonObject } from '../domain/json.ts';
import type { EventRow, WritePlan } from '../ports.ts';
import type { ApplyDeps, ReadableArrival } from './apply-batch.ts';

/** The shard and provider id of everything that goes to every provider. */
export const SHARED = 'shared';

const SHARED_FIELDS = [
  'plateNormalized',
  'result',
  'verifiedAt',
  'validFrom',
  'validTo',
  'expiresAt',
] as const;

/** The event that tells every insurer of an applied verification, or null when the kind has no shared topic or its
 *  provider has not switched sharing on (`shareVerifications`). It carries result, plate and dates, nothing else, and
 *  is kept under a kind of its own, so that it never enters the history of the verification itself. */
export async function shareVerification(
  arrival: ReadableArrival,
  digest: string,
  deps: Pick<ApplyDeps, 'topology' | 'codec' | 'newId' | 'clock'>,
): Promise<{ readonly event: EventRow; readonly outbox: WritePlan['outbox'][number] } | null> {
  const { kind, event } = arrival;
  if (!deps.topology.providers.get(event.meta.providerId)?.shareVerifications) return null;
  const route = deps.topology.routes.get(`${SHARED}-${event.meta.eventType}`);
  // Without a plate there is nothing that another insurer could look up.
  if (!route || typeof event.state['plateNormalized'] !== 'string') return null;

  const eventId = deps.newId();
  const occurredAtMs = deps.clock();
  const state: JsonObject = Object.fromEntries(
    SHARED_FIELDS.map((field) => [field, event.state[field] ?? null]),
  );
  const meta = {
    ...event.meta,
    eventId,
    eventType: `${route.kind}.${route.action}`,
    providerId: SHARED,
    origin: HUB,
    occurredAt: new Date(occurredAtMs).toISOString(),
    causationId: event.meta.eventId,
    actor: 'SYSTEM',
    replay: false,
  };
  const { bytes, schemaRef } = await deps.codec.encode(route.topic, {
    meta,
    state,
    changedFields: [],
    changeReason: null,
  });
  return {
    event: {
      eventId,
      kind: `${SHARED}-${kind.name}`,
      entityId: meta.entityId,
      provider: SHARED,
      eventType: meta.eventType,
      origin: HUB,
      source: 'share',
      topic: route.topic,
      partition: null,
      offset: null,
      revision: meta.revision,
      digest,
      outcome: 'applied',
      author: HUB,
      occurredAtMs,
      schemaRef,
      bytes,
    },
    outbox: { eventId, shard: SHARED, traceparent: null },
  };
}
