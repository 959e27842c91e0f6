import { HUB, type EntityEvent } from '../domain/event.ts';
import type { EntityKind } from '../domain/kind.ts';
import type { EventRow, TopicRoute, WritePlan } from '../ports.ts';
import type { ApplyDeps } from './apply-batch.ts';
import { eventRow } from './compose-rows.ts';

type SharingDeps = Pick<ApplyDeps, 'topology' | 'codec' | 'newId' | 'clock'>;

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

export interface SharedVerification {
  readonly event: EventRow;
  readonly outbox: WritePlan['outbox'][number];
}

/** The event that tells every insurer of an applied verification, or null when the kind has no shared topic or its
 *  provider has not switched sharing on (`shareVerifications`). It carries result, plate and dates, nothing else, and
 *  is kept under a kind of its own, so that it never enters the history of the verification itself. */
export function shareVerification(
  kind: EntityKind,
  event: EntityEvent,
  digest: string,
  deps: SharingDeps,
): Promise<SharedVerification> | null {
  if (!deps.topology.providers.get(event.meta.providerId)?.shareVerifications) return null;
  const route = deps.topology.routes.get(`${SHARED}-${event.meta.eventType}`);
  // Without a plate there is nothing that another insurer could look up.
  if (!route || typeof event.state['plateNormalized'] !== 'string') return null;
  return composeShared(kind, event, digest, route, deps);
}

async function composeShared(
  kind: EntityKind,
  event: EntityEvent,
  digest: string,
  route: TopicRoute,
  deps: SharingDeps,
): Promise<SharedVerification> {
  const { meta } = event;
  const shared: EntityEvent = {
    meta: {
      ...meta,
      eventId: deps.newId(),
      eventType: `${route.kind}.${route.action}`,
      providerId: SHARED,
      origin: HUB,
      // One counter that grows with every entry of the vector: a receiver can order two of them, and no insurer is named.
      revision: { [HUB]: Object.values(meta.revision).reduce((sum, counter) => sum + counter, 0) },
      occurredAt: new Date(deps.clock()).toISOString(),
      correlationId: null,
      causationId: null,
      actor: 'SYSTEM',
      replay: false,
    },
    state: Object.fromEntries(SHARED_FIELDS.map((field) => [field, event.state[field] ?? null])),
    changedFields: [],
    changeReason: null,
  };
  const { bytes, schemaRef } = await deps.codec.encode(route.topic, shared);
  const how = {
    source: 'share',
    topic: route.topic,
    outcome: 'applied',
    author: HUB,
    schemaRef,
    bytes,
  } as const;
  return {
    event: { ...eventRow(shared, digest, how), kind: `${SHARED}-${kind.name}` },
    outbox: { eventId: shared.meta.eventId, shard: SHARED, traceparent: null },
  };
}
