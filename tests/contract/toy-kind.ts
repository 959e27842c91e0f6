import { createHash } from 'node:crypto';
import { v7 } from 'uuid';
import type { JsonObject } from '../../src/domain/json.ts';
import type { EntityKind } from '../../src/domain/kind.ts';
import { formatRevision, type Revision } from '../../src/domain/revision.ts';
import { EMPTY_PLAN as emptyPlan } from '../../src/apply/empty-plan.ts';
import type { EntityWrite, EventRow, WritePlan } from '../../src/ports.ts';

const value = (state: JsonObject, field: string) =>
  (state[field] ?? null) as string | number | boolean | null;

/** A kind with a search column of each type, one of them named like an SQL keyword. */
export const parcel: EntityKind = {
  name: 'parcel',
  collection: 'parcels',
  idField: 'parcelId',
  events: { sent: 'ParcelSent' },
  columns: [
    { name: 'label', type: 'text', value: (state) => value(state, 'label') },
    { name: 'order', type: 'integer', value: (state) => value(state, 'order') },
    { name: 'fragile', type: 'boolean', value: (state) => value(state, 'fragile') },
    { name: 'sent_on', type: 'date', value: (state) => value(state, 'sentOn') },
    { name: 'seen_at', type: 'timestamptz', value: (state) => value(state, 'seenAt') },
  ],
  filters: { label: { columns: ['label'] }, order: { columns: ['order'] } },
  status: () => null,
  createdBy: () => null,
  sealedFront: () => null,
  violations: () => [],
  refusedChanges: () => [],
  atoms: () => new Map(),
  shape: { type: 'record', fields: {} },
};

export { emptyPlan };

export const newId = (): string => v7();
export const digestOf = (text: string): string => createHash('sha256').update(text).digest('hex');

/** An event of a parcel at `revision`. */
export function eventAt(entityId: string, revision: Revision, more: Partial<EventRow> = {}): EventRow {
  return {
    eventId: newId(),
    kind: parcel.name,
    entityId,
    provider: 'saa',
    eventType: 'parcel.sent',
    origin: 'saa',
    source: 'topic',
    topic: 'saa-parcel.sent',
    partition: 0,
    offset: 7n,
    revision,
    digest: digestOf(formatRevision(revision)),
    outcome: 'applied',
    author: 'saa',
    occurredAtMs: Date.UTC(2025, 0, 2, 3, 4, 5, 678),
    schemaRef: 1,
    bytes: Buffer.from([0, 1, 255, ...Buffer.from(formatRevision(revision))]),
    ...more,
  };
}

/** The write of the entity that `event` makes, in place of the one at `expected`. */
export function writeOf(event: EventRow, expected: Revision | null, state: JsonObject = {}): EntityWrite {
  const { entityId: id, provider, revision, digest, origin: createdBy, eventId } = event;
  const entity = {
    id,
    provider,
    revision,
    digest,
    status: null,
    seal: null,
    createdBy,
    erased: false,
    eventId,
  };
  return { kind: parcel, expected, entity, violations: [], state };
}

/** A plan that applies `event`. */
export function applyPlanOf(event: EventRow, expected: Revision | null): WritePlan {
  return { ...emptyPlan, events: [event], entities: [writeOf(event, expected)] };
}
