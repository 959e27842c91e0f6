import { digestOf, sealOf } from '../domain/canonical.ts';
import { diffAtoms } from '../domain/diff-atoms.ts';
import { PermanentError } from '../domain/errors.ts';
import { HUB, type EntityEvent } from '../domain/event.ts';
import type { JsonObject } from '../domain/json.ts';
import type { EntityKind, StoredSummary, Violation } from '../domain/kind.ts';
import { formatRevision, type Revision } from '../domain/revision.ts';
import type { SettlementRow, StoredEntity, TopicRoute } from '../ports.ts';
import type { EditDeps } from './create-edits.ts';
import type { EditContext, EditedEntity, EditResult } from './edit.ts';
import type { EditPlan } from './join-edits.ts';
import { dayInAlgiers } from './rule-context.ts';

/** Room for key, headers and batch framing beside the value, within the topic's `max.message.bytes`. */
const ENVELOPE_BYTES = 2_048;

/** The route on which an edit of this kind travels to its provider. */
export function editRoute(
  kind: EntityKind,
  provider: string,
  step: 'first' | 'later',
  deps: EditDeps,
): TopicRoute {
  const actions = Object.keys(kind.events);
  const action = step === 'first' ? actions[0] : actions.at(-1);
  const route = deps.topology.routes.get(`${provider}-${kind.name}.${action}`);
  if (!route?.writers.includes(HUB)) {
    throw new PermanentError('NOT_EDITABLE', `E-assurance may not write ${kind.collection} of ${provider}`);
  }
  return route;
}

export type Shaped =
  | { readonly ok: true; readonly state: JsonObject }
  | { readonly ok: false; readonly violations: readonly Violation[] };

/** The state as the contract has it, with the hub's own hash when its front is sealed. Field faults come back as violations. */
export function shapeState(kind: EntityKind, state: JsonObject, deps: EditDeps): Shaped {
  try {
    const normal = deps.codec.normalise(kind, state);
    const seal = sealOf(kind, normal);
    return { ok: true, state: seal === null ? normal : { ...normal, sealedContentHash: seal } };
  } catch (error) {
    if (!(error instanceof PermanentError)) throw error;
    return { ok: false, violations: [{ pointer: '', code: error.code, message: error.message }] };
  }
}

/** The rules of the form that the edit itself breaks: what stood before it (a provider's state may break a rule) does
 *  not stop staff from editing another field. What `carried` says too is also within its originator's rights. */
export function newViolations(
  kind: EntityKind,
  before: { readonly stored: StoredSummary; readonly state: JsonObject | null },
  after: JsonObject,
  deps: EditDeps,
  carried: { readonly originator: string; readonly state: JsonObject } | null = null,
): readonly Violation[] {
  const context = { today: dayInAlgiers(deps.clock()) };
  const standing = new Set(
    before.state
      ? kind.violations(before.state, context).map((violation) => violation.pointer + violation.code)
      : [],
  );
  const broken = kind
    .violations(after, context)
    .filter(
      (violation) => violation.severity !== 'warning' && !standing.has(violation.pointer + violation.code),
    );
  const refusedTo = (originator: string) =>
    kind.refusedChanges(before.stored, after, sealOf(kind, after, before.stored), originator);
  const stillRefused = new Set(
    carried && [
      ...refusedTo(carried.originator).map(({ atom }) => atom),
      ...diffAtoms(kind, carried.state, after),
    ],
  );
  const refused = refusedTo(HUB)
    .filter(({ atom }) => carried === null || stillRefused.has(atom))
    .map(({ atom, reason }) => ({ pointer: `/${atom}`, code: 'NOT_ALLOWED', message: reason }));
  return [...broken, ...refused];
}

export interface Composed {
  readonly plan: EditPlan;
  readonly entity: EditedEntity;
  readonly bytes: number;
}

/** The event of one edit, encoded, and the rows that one transaction writes for it. */
export async function composeEdit(
  edit: {
    readonly kind: EntityKind;
    readonly route: TopicRoute;
    readonly id: string;
    readonly revision: Revision;
    readonly state: JsonObject;
    readonly before: StoredEntity | null;
    readonly changedFields: readonly string[];
    readonly changeReason: string | null;
    /** The event that it answers. */
    readonly causationId?: string | null;
    readonly context: EditContext;
    readonly idempotency: {
      readonly key: string;
      readonly apiKeyId: string;
      readonly requestDigest: string;
    } | null;
    /** The conflicts that it settles. */
    readonly settlement: Omit<SettlementRow, 'kind' | 'entityId' | 'eventId'> | null;
  },
  deps: EditDeps,
): Promise<Composed> {
  const { kind, route, id, revision, state, before, context } = edit;
  const eventId = deps.newId();
  const nowMs = deps.clock();
  const event: EntityEvent = {
    meta: {
      eventId,
      eventType: `${route.kind}.${route.action}`,
      providerId: route.providerId,
      origin: HUB,
      entityType: kind.name,
      entityId: id,
      revision,
      occurredAt: new Date(nowMs).toISOString(),
      correlationId: context.correlationId,
      causationId: edit.causationId ?? null,
      actor: 'USER',
      replay: false,
    },
    state,
    changedFields: edit.changedFields,
    changeReason: edit.changeReason,
  };
  const { bytes, schemaRef } = await deps.codec.encode(route.topic, event);
  const digest = digestOf(state, kind.shape);
  const violations = kind.violations(state, { today: dayInAlgiers(nowMs) });
  const entity = {
    id,
    provider: route.providerId,
    revision,
    digest,
    status: kind.status(state),
    seal: sealOf(kind, state, before),
    createdBy: before?.createdBy ?? kind.createdBy(state) ?? HUB,
    erased: false,
    eventId,
  };
  const row = {
    eventId,
    kind: kind.name,
    entityId: id,
    provider: route.providerId,
    eventType: event.meta.eventType,
    origin: HUB,
    source: 'api' as const,
    topic: route.topic,
    partition: null,
    offset: null,
    revision,
    digest,
    outcome: 'applied' as const,
    author: context.author,
    occurredAtMs: nowMs,
    schemaRef,
    bytes,
  };
  return {
    plan: {
      events: [row],
      entities: [{ kind, expected: before?.revision ?? null, entity, violations, state }],
      outbox: [{ eventId, shard: route.providerId, traceparent: context.traceparent }],
      settlements: edit.settlement ? [{ ...edit.settlement, kind: kind.name, entityId: id, eventId }] : [],
      idempotency: edit.idempotency ? [{ ...edit.idempotency, entityId: id, eventId }] : [],
    },
    entity: {
      kind: kind.name,
      id,
      provider: route.providerId,
      revision,
      state,
      violations,
      updatedAtMs: nowMs,
    },
    bytes: bytes.length,
  };
}

/** Once the edit is durable: wakes the relay, and writes the one line that ties the request to its event. */
export function announceEdit({ plan, entity }: Composed, context: EditContext, deps: EditDeps): void {
  const { kind, id: entityId, provider, revision } = entity;
  const [event] = plan.events;
  const { correlationId, traceparent } = context;
  deps.log.info(
    {
      ...{ kind, entityId, provider, eventId: event?.eventId, revision: formatRevision(revision) },
      ...{ correlationId, traceparent },
    },
    'edit written',
  );
  deps.wakeRelay([provider]);
}

/** Refuses what the topic would refuse, before anything is written. */
export function tooLarge(bytes: number, route: TopicRoute): EditResult | null {
  const limit = route.maxMessageBytes - ENVELOPE_BYTES;
  return bytes > limit ? { status: 'too-large', bytes, limit } : null;
}
