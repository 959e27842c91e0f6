import { Buffer } from 'node:buffer';
import { v5 } from 'uuid';
import type { ReadableArrival } from '../apply/apply-batch.ts';
import { digestOf } from '../domain/canonical.ts';
import { PermanentError } from '../domain/errors.ts';
import type { EntityEvent } from '../domain/event.ts';
import type { EntityKind } from '../domain/kind.ts';
import { formatRevision } from '../domain/revision.ts';
import type { ApiRecord, EventCodec, Topology } from '../ports.ts';

/** A provider's record as the event that it stands for. */
export interface PulledEvent {
  readonly kind: EntityKind;
  readonly event: EntityEvent;
  /** The event as it would have travelled. */
  readonly bytes: Buffer;
  readonly schemaRef: number;
  /** The topic it would have come from. */
  readonly topic: string;
}

export interface PulledEventDeps {
  readonly topology: Topology;
  readonly codec: Pick<EventCodec, 'normalise' | 'encode'>;
}

/** Namespace of the ids of pulled events; changing it would make every record pulled before look new. */
const PULLED = 'a8b1c9f6-6f0e-5d43-9d53-2f4f0c4f5b1e';

/** The event that a pulled record stands for. The same content at the same revision always has the same id, however often
 *  it is pulled, so that pulling it again is a duplicate. Throws PermanentError (`UNENCODABLE`, `PROVIDER_GARBAGE`) for a
 *  record that breaks its contract. */
export async function toPulledEvent(
  providerId: string,
  kind: EntityKind,
  record: ApiRecord,
  deps: PulledEventDeps,
): Promise<PulledEvent> {
  const state = deps.codec.normalise(kind, record.state);
  const entityId = state[kind.idField];
  if (typeof entityId !== 'string') {
    throw new PermanentError(
      'PROVIDER_GARBAGE',
      `${providerId} answered a ${kind.name} without its ${kind.idField}`,
    );
  }
  // A record says what is, not what happened: it goes through as a change of what may already be there.
  const eventType = `${kind.name}.${Object.keys(kind.events).at(-1)}`;
  const topic = `${providerId}-${eventType}`;
  if (!deps.topology.routes.has(topic)) throw new Error(`there is no topic ${topic}`);

  const identity = [providerId, entityId, formatRevision(record.revision), digestOf(state, kind.shape)].join(
    '\n',
  );
  const event: EntityEvent = {
    meta: {
      eventId: v5(identity, PULLED),
      eventType,
      providerId,
      origin: providerId,
      entityType: kind.name,
      entityId,
      revision: record.revision,
      occurredAt: occurredAt(providerId, kind, state['updatedAt']),
      correlationId: null,
      causationId: null,
      actor: 'SYSTEM',
      replay: false,
    },
    state,
    changedFields: [],
    changeReason: null,
  };
  return { kind, event, topic, ...(await deps.codec.encode(topic, event)) };
}

/** The pulled event as the apply step takes it. */
export function toArrival({ kind, event, bytes, schemaRef, topic }: PulledEvent): ReadableArrival {
  const key = Buffer.from(event.meta.entityId);
  return {
    readable: true,
    source: 'pull',
    topic,
    partition: null,
    offset: null,
    key,
    value: bytes,
    headers: {},
    kind,
    event,
    schemaRef,
  };
}

function occurredAt(providerId: string, kind: EntityKind, updatedAt: unknown): string {
  const ms = typeof updatedAt === 'string' ? Date.parse(updatedAt) : NaN;
  if (Number.isNaN(ms)) {
    throw new PermanentError(
      'PROVIDER_GARBAGE',
      `${providerId} answered a ${kind.name} without a readable updatedAt`,
    );
  }
  return new Date(ms).toISOString();
}
