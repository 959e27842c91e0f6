import { v5 } from 'uuid';
import { digestOf } from '../domain/canonical.ts';
import { MovedError } from '../domain/errors.ts';
import { HUB, type EntityEvent } from '../domain/event.ts';
import type { EntityKind } from '../domain/kind.ts';
import { compareRevisions, type Revision } from '../domain/revision.ts';
import { reach } from '../runtime/crash-points.ts';
import type { Clock, EventCodec, EventRow, Store, StoredEntity, Topology, TopicRoute } from '../ports.ts';
import { EMPTY_PLAN } from './empty-plan.ts';

/** What a provider showed of one of its entities: the revision, or null when it doesn't know the entity. */
export interface ShownRevision {
  readonly kind: EntityKind;
  readonly entityId: string;
  readonly revision: Revision | null;
}

export interface RepublishDeps {
  readonly store: Store;
  /** Whether an event of the entity still waits to be sent. */
  readonly isWaiting: (entityId: string) => Promise<boolean>;
  readonly topology: Topology;
  readonly codec: Pick<EventCodec, 'encode' | 'decodeStored'>;
  readonly clock: Clock;
  /** Tells the relay that these shards have new outbox rows; called after the commit. */
  readonly wakeRelay: (shards: readonly string[]) => void;
  /** What was written less than this ago may still be on its way. */
  readonly graceMs: number;
}

/** How an entity here stands to what its provider showed. `level`: the provider has what we have, or more. `in-flight`: it
 *  lags, and our state is younger than the grace, still waits to be sent, or was republished within the grace. `lagging`: it lags
 *  for good, and there is no topic on which the hub could tell it. `gone`: erased here, or not this provider's. */
export type Standing = 'level' | 'in-flight' | 'lagging' | 'republished' | 'gone';

/** Namespace of the ids of republications. */
const REPUBLISHED = '0c1de9cb-57d6-5a0e-9d8d-6f7e0b54b3c8';

/** Publishes our state again to a provider that has lost it (SYNC.md, Pull): same revision, new event id, `replay`. It says
 *  nothing new, so the ledger calls it a duplicate and the entity row stays as it is; an entity that moves meanwhile is not
 *  republished. At most one republication per entity and grace, from however many replicas: its event id is made
 *  from the entity and the grace period, and two of one id can't be stored. The answers are in the order of `shown`. */
export async function republishLagging(
  providerId: string,
  shown: readonly ShownRevision[],
  deps: RepublishDeps,
): Promise<readonly Standing[]> {
  const stored = await readShown(shown, deps);
  const standings: Standing[] = [];
  for (const [i, one] of shown.entries()) {
    const entity = stored[i]!;
    standings.push(
      entity === null || entity.erased || entity.provider !== providerId
        ? 'gone'
        : await settleOne(one, entity, deps),
    );
  }
  if (standings.includes('republished')) {
    reach('republish:committed');
    deps.wakeRelay([providerId]);
  }
  return standings;
}

async function readShown(
  shown: readonly ShownRevision[],
  deps: RepublishDeps,
): Promise<readonly (StoredEntity | null)[]> {
  if (shown.length === 0) return [];
  const byKind = Map.groupBy(shown, ({ kind }) => kind);
  const found = await deps.store.transaction(async (tx) => {
    const entities = new Map<ShownRevision, StoredEntity>();
    for (const [kind, ofKind] of byKind) {
      const ids = [...new Set(ofKind.map(({ entityId }) => entityId))];
      const rows = await tx.readEntities(kind, ids);
      for (const one of ofKind) {
        const row = rows.get(one.entityId);
        if (row !== undefined) entities.set(one, row);
      }
    }
    return entities;
  });
  return shown.map((one) => found.get(one) ?? null);
}

async function settleOne(shown: ShownRevision, entity: StoredEntity, deps: RepublishDeps): Promise<Standing> {
  const { kind, revision } = shown;
  if (revision !== null && compareRevisions(revision, entity.revision) !== 'dominated') return 'level';
  if (deps.clock() - entity.updatedAtMs < deps.graceMs) return 'in-flight';
  const route = republishRoute(kind, entity.provider, deps.topology);
  if (route === null) return 'lagging';
  if (await deps.isWaiting(entity.id)) return 'in-flight';
  try {
    return await republishEntity(kind, entity, route, deps);
  } catch (error) {
    // Somebody edited it, or another replica republished it: either way the provider is told.
    if (error instanceof MovedError) return 'in-flight';
    throw error;
  }
}

/** Also a topic on which E-assurance makes no edits (docs/adr/0001). Null when the kind travels no more. */
function republishRoute(kind: EntityKind, provider: string, topology: Topology): TopicRoute | null {
  return topology.routes.get(`${provider}-${kind.name}.${Object.keys(kind.events).at(-1)}`) ?? null;
}

async function republishEntity(
  kind: EntityKind,
  entity: StoredEntity,
  route: TopicRoute,
  deps: RepublishDeps,
): Promise<Standing> {
  const period = Math.floor(deps.clock() / Math.max(1, deps.graceMs));
  const idOf = (at: number) => v5([kind.name, entity.id, at].join('\n'), REPUBLISHED);
  const eventId = idOf(period);
  return deps.store.transaction(async (tx): Promise<Standing> => {
    // The period before counts too, or two could follow each other closely across its end.
    if ((await tx.readEvents([eventId, idOf(period - 1)])).size > 0) return 'in-flight';
    const made = await tx.readBytes(entity.eventId);
    if (made === null) return 'gone';
    const { state, changedFields, changeReason } = await deps.codec.decodeStored(made.bytes, made.schemaRef);
    const event = composeReplay(
      { eventId, kind, entity, route },
      { state, changedFields, changeReason },
      deps,
    );
    const { bytes, schemaRef } = await deps.codec.encode(route.topic, event);
    await tx.write({
      ...EMPTY_PLAN,
      events: [{ ...rowOf(event, route), digest: digestOf(state, kind.shape), schemaRef, bytes }],
      unmoved: [{ kind, id: entity.id, revision: entity.revision }],
      outbox: [{ eventId, shard: entity.provider, traceparent: null }],
    });
    reach('republish:written');
    return 'republished';
  });
}

/** The hub's word for what it holds, whoever edited it last: a provider knows its own origin as an echo and drops it. */
function composeReplay(
  of: {
    readonly eventId: string;
    readonly kind: EntityKind;
    readonly entity: StoredEntity;
    readonly route: TopicRoute;
  },
  content: Omit<EntityEvent, 'meta'>,
  deps: Pick<RepublishDeps, 'clock'>,
): EntityEvent {
  const { eventId, kind, entity, route } = of;
  return {
    meta: {
      eventId,
      eventType: `${route.kind}.${route.action}`,
      providerId: entity.provider,
      origin: HUB,
      entityType: kind.name,
      entityId: entity.id,
      revision: entity.revision,
      occurredAt: new Date(deps.clock()).toISOString(),
      correlationId: null,
      causationId: entity.eventId,
      actor: 'SYSTEM',
      replay: true,
    },
    ...content,
  };
}

function rowOf({ meta }: EntityEvent, route: TopicRoute): Omit<EventRow, 'digest' | 'schemaRef' | 'bytes'> {
  const { eventId, entityId, eventType, revision } = meta;
  return {
    eventId,
    kind: meta.entityType,
    entityId,
    provider: meta.providerId,
    eventType,
    origin: HUB,
    source: 'republish',
    topic: route.topic,
    partition: null,
    offset: null,
    revision,
    outcome: 'duplicate',
    author: HUB,
    occurredAtMs: Date.parse(meta.occurredAt),
  };
}
