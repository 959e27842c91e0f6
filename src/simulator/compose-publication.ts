import { randomBytes } from 'node:crypto';
import { v7 as uuidv7 } from 'uuid';
import type { PlatformEvent } from './event-codec.ts';
import type { Publication } from './event-log-table.ts';
import type { JsonObject } from './json.ts';
import { topicOf } from './kinds.ts';
import type { PlatformKind } from './kinds.ts';
import type { PlatformDeps } from './platform-deps.ts';
import type { Revision } from './revision.ts';

export interface Draft {
  readonly kind: PlatformKind;
  readonly action: string;
  readonly id: string;
  readonly revision: Revision;
  readonly state: JsonObject;
  readonly changedFields: readonly string[];
  readonly changeReason: string | null;
  /** The event that brought the record's state before this one. */
  readonly previousEventId: string | null;
  readonly replay: boolean;
}

/** The publication of one state: event id, Avro bytes in Confluent framing, CloudEvents headers. Its id is new, unless a
 *  fault knob says otherwise. */
export async function composePublication(draft: Draft, deps: PlatformDeps): Promise<Publication> {
  const { kind, action, id, revision } = draft;
  const topic = topicOf(deps.providerId, kind, action);
  const event: PlatformEvent = {
    meta: {
      eventId: uuidv7(),
      eventType: `${kind.name}.${action}`,
      providerId: deps.providerId,
      origin: deps.providerId,
      entityType: kind.name,
      entityId: id,
      revision,
      occurredAt: new Date(deps.now()).toISOString(),
      correlationId: null,
      causationId: draft.previousEventId,
      actor: 'USER',
      replay: draft.replay,
    },
    state: draft.state,
    changedFields: draft.changedFields,
    changeReason: draft.changeReason,
  };
  const sent = spoilEvent(event, draft, deps);
  const value = spoilBytes(await deps.codec.encode(topic, kind, kind.records[action]!, sent), deps);
  return {
    eventId: sent.meta.eventId,
    eventType: sent.meta.eventType,
    kind: kind.name,
    recordId: id,
    revision: sent.meta.revision,
    topic,
    value,
    headers: deps.faults.strikes('stripHeaders') ? {} : headersOf(sent),
  };
}

/** CloudEvents, Kafka binary mode, and a W3C trace context. No personal data. */
function headersOf({ meta }: PlatformEvent): Record<string, string> {
  return {
    ce_specversion: '1.0',
    ce_id: meta.eventId,
    ce_source: `urn:eassurance:${meta.origin}`,
    ce_type: `dz.eassurance.${meta.eventType}.v1`,
    ce_time: meta.occurredAt,
    ce_subject: meta.entityId,
    'content-type': 'application/avro',
    traceparent: `00-${randomBytes(16).toString('hex')}-${randomBytes(8).toString('hex')}-01`,
  };
}

function spoilEvent(event: PlatformEvent, draft: Draft, deps: PlatformDeps): PlatformEvent {
  const { faults, writerId } = deps;
  const meta = { ...event.meta };
  if (faults.strikes('forgedOrigin')) meta.origin = 'eassurance';
  if (faults.strikes('foreignProvider')) meta.providerId = `${meta.providerId}x`;
  if (draft.previousEventId !== null && faults.strikes('reusedEventId')) meta.eventId = draft.previousEventId;
  if (faults.strikes('invalidRevision')) {
    const { [writerId]: _own, ...others } = meta.revision;
    meta.revision = others;
  }
  if (faults.strikes('futureRevision')) {
    meta.revision = { ...meta.revision, eassurance: (meta.revision.eassurance ?? 0) + 1_000 };
  }
  return { ...event, meta };
}

function spoilBytes(value: Buffer, { faults }: PlatformDeps): Buffer {
  if (faults.strikes('undecodableBytes')) return value.subarray(0, Math.floor(value.length / 2));
  if (!faults.strikes('unknownSchemaId')) return value;
  const spoiled = Buffer.from(value);
  spoiled.writeInt32BE(0x7fffff00, 1);
  return spoiled;
}
