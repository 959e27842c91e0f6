import { digestOf, sealOf } from '../domain/canonical.ts';
import { HUB } from '../domain/event.ts';
import { judge, type Judgement } from '../domain/judge.ts';
import type {
  DeliveryRow,
  EntityWrite,
  EventRow,
  PositionAdvance,
  QuarantineRow,
  StoredEntity,
  WritePlan,
} from '../ports.ts';
import type { ApplyDeps, Arrival, ReadableArrival, Settled } from './apply-batch.ts';
import { entityKey, historyKey, type ReadSet } from './read-for-judgement.ts';
import { dayInAlgiers } from './rule-context.ts';
import { shareVerification } from './share-verification.ts';

interface Judged {
  readonly settled: readonly Settled[];
  readonly plan: WritePlan;
}

type Draft = { -readonly [K in 'events' | 'outbox' | 'deliveries' | 'quarantined']: WritePlan[K][number][] };

/** Judges the arrivals in their order against `read`, which is brought forward with each of them, and collects what one
 *  transaction has to write. Several events of one entity all become event rows; only the last state is written to its
 *  entity row, against the revision that was read from the database. */
export async function judgeArrivals(
  arrivals: readonly Arrival[],
  read: ReadSet,
  position: PositionAdvance | null,
  deps: ApplyDeps,
): Promise<Judged> {
  const draft: Draft = { events: [], outbox: [], deliveries: [], quarantined: [] };
  const writes = new Map<string, EntityWrite>();
  const settled: Settled[] = [];
  for (const arrival of arrivals) {
    if (!arrival.readable) {
      draft.quarantined.push(quarantineRow(arrival, arrival.code, arrival.cause, deps));
      settled.push({ outcome: 'quarantined', code: arrival.code, eventId: null, entityId: null });
      continue;
    }
    const digest = digestOf(arrival.event.state, arrival.kind.shape);
    const judgement = judgeOne(arrival, digest, read, deps);
    settled.push({
      outcome: judgement.outcome,
      code: judgement.outcome === 'quarantined' ? judgement.code : null,
      eventId: arrival.event.meta.eventId,
      entityId: arrival.event.meta.entityId,
    });
    await settle(arrival, digest, judgement, { read, draft, writes, deps });
  }
  return { settled, plan: { ...draft, entities: [...writes.values()], position, idempotency: null } };
}

function judgeOne(arrival: ReadableArrival, digest: string, read: ReadSet, deps: ApplyDeps): Judgement {
  const { kind, event, source } = arrival;
  const { entityId, eventId, revision } = event.meta;
  const route = deps.topology.routes.get(arrival.topic);
  const stored = read.entities.get(entityKey(kind, entityId)) ?? null;
  return judge({
    kind,
    event,
    digest,
    seal: sealOf(kind, event.state, stored),
    source,
    topicProvider: route?.providerId ?? '',
    writers: route?.writers ?? [],
    allottedWriterIds: deps.topology.providers.get(route?.providerId ?? '')?.writerIds ?? [],
    stored,
    known: read.events.get(eventId) ?? null,
    history: read.history.get(historyKey(kind, entityId, revision)) ?? null,
    issued: stored?.revision[HUB] ?? 0,
  });
}

interface Settling {
  readonly read: ReadSet;
  readonly draft: Draft;
  readonly writes: Map<string, EntityWrite>;
  readonly deps: ApplyDeps;
}

/** Turns one judgement into rows and brings the working copy forward. */
async function settle(
  arrival: ReadableArrival,
  digest: string,
  judgement: Judgement,
  to: Settling,
): Promise<void> {
  const { read, draft, deps } = to;
  const { meta } = arrival.event;
  if (judgement.outcome === 'quarantined') {
    draft.quarantined.push(quarantineRow(arrival, judgement.code, judgement.cause, deps));
    return;
  }
  if (judgement.outcome === 'echo') return;
  if (read.events.has(meta.eventId)) {
    const delivery = deliveryRow(arrival, judgement);
    if (delivery) draft.deliveries.push(delivery);
    return;
  }
  // A pulled record that says nothing new is asked for again with every walk: it is counted, not stored.
  if (arrival.source === 'pull' && judgement.outcome !== 'applied') return;

  draft.events.push(eventRow(arrival, digest, judgement));
  read.events.set(meta.eventId, { digest, origin: meta.origin, entityId: meta.entityId });
  const key = historyKey(arrival.kind, meta.entityId, meta.revision);
  read.history.set(key, (read.history.get(key) ?? new Set()).add(digest));
  if (judgement.outcome === 'applied') await writeEntity(arrival, digest, to);
}

async function writeEntity(arrival: ReadableArrival, digest: string, to: Settling): Promise<void> {
  const { read, writes, draft, deps } = to;
  const { kind, event } = arrival;
  const key = entityKey(kind, event.meta.entityId);
  const before = read.entities.get(key);
  const entity: StoredEntity = {
    id: event.meta.entityId,
    provider: event.meta.providerId,
    revision: event.meta.revision,
    digest,
    status: kind.status(event.state),
    seal: sealOf(kind, event.state, before ?? null),
    createdBy: before?.createdBy ?? kind.createdBy(event.state) ?? event.meta.origin,
    erased: false,
    eventId: event.meta.eventId,
    updatedAtMs: deps.clock(),
  };
  const pending = writes.get(key);
  writes.set(key, {
    kind,
    expected: pending ? pending.expected : (before?.revision ?? null),
    entity,
    violations: kind.violations(event.state, { today: dayInAlgiers(deps.clock()) }),
    state: event.state,
  });
  read.entities.set(key, entity);

  const shared = await shareVerification(arrival, digest, deps);
  if (shared) {
    draft.events.push(shared.event);
    draft.outbox.push(shared.outbox);
  }
}

function eventRow(arrival: ReadableArrival, digest: string, judgement: Judgement): EventRow {
  const { meta } = arrival.event;
  return {
    eventId: meta.eventId,
    kind: arrival.kind.name,
    entityId: meta.entityId,
    provider: meta.providerId,
    eventType: meta.eventType,
    origin: meta.origin,
    source: arrival.source,
    topic: arrival.topic,
    partition: arrival.partition,
    offset: arrival.offset,
    revision: meta.revision,
    digest,
    outcome: judgement.outcome,
    author: meta.origin,
    occurredAtMs: Date.parse(meta.occurredAt),
    schemaRef: arrival.schemaRef,
    bytes: arrival.value,
  };
}

function deliveryRow(arrival: ReadableArrival, judgement: Judgement): DeliveryRow | null {
  const { topic, partition, offset } = arrival;
  if (partition === null || offset === null) return null;
  return { eventId: arrival.event.meta.eventId, topic, partition, offset, outcome: judgement.outcome };
}

function quarantineRow(
  arrival: Arrival,
  code: QuarantineRow['code'],
  cause: string,
  deps: ApplyDeps,
): QuarantineRow {
  const { topic, partition, offset, key, value, headers } = arrival;
  const meta = arrival.readable ? arrival.event.meta : null;
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
    provider: deps.topology.routes.get(topic)?.providerId ?? 'unknown',
    eventId: meta?.eventId ?? null,
    kind: arrival.readable ? arrival.kind.name : null,
    entityId: meta?.entityId ?? null,
  };
}
