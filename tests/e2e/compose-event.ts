import { randomUUID } from 'node:crypto';
import path from 'node:path';
import axios from 'axios';
import { inject } from 'vitest';
import { avroType } from '../../src/avro/avro-types.ts';
import { composeSchema, readSchemas } from '../../src/avro/compose-schemas.ts';
import type { EventMeta } from '../../src/domain/event.ts';
import type { JsonObject } from '../../src/domain/json.ts';
import { newId } from '../../src/runtime/new-id.ts';
import type { Insurer, RawRecord } from './setup.ts';

const { book } = readSchemas([
  path.resolve(import.meta.dirname, '../../schemas'),
  path.join(import.meta.dirname, 'toy-kind/schemas'),
]);
const NAMESPACE = 'dz.eassurance.events.v1';
const RECORDS: Readonly<Record<string, string>> = {
  'constat.created': 'ConstatCreated',
  'constat.updated': 'ConstatUpdated',
  'vehicle.verified': 'VehicleVerified',
  'parcel.sent': 'ParcelSent',
};

export interface ComposedEvent extends RawRecord {
  readonly key: string;
  readonly value: Buffer;
  readonly eventId: string;
}

/** Any event on any topic, whether or not it may be there: encoded with the contract and the schema id that the registry
 *  has for the topic. What is not said of the meta record is as an honest event of the insurer has it. */
export async function composeEvent(
  topic: string,
  state: JsonObject,
  meta: Partial<EventMeta> & Pick<EventMeta, 'providerId' | 'revision'>,
): Promise<ComposedEvent> {
  const eventType = topic.slice(topic.indexOf('-') + 1);
  const [kind] = eventType.split('.') as [string];
  const full: EventMeta = {
    eventId: randomUUID(),
    eventType,
    origin: meta.providerId,
    entityType: kind,
    entityId: state[`${kind}Id`] as string,
    occurredAt: new Date().toISOString(),
    correlationId: null,
    causationId: null,
    actor: 'USER',
    replay: false,
    ...meta,
  };
  const { data } = await axios.get<{ id: number }>(
    `${inject('registryUrl')}/subjects/${topic}-value/versions/latest`,
  );
  const type = avroType(composeSchema(book, `${NAMESPACE}.${RECORDS[eventType]!}`));
  const framing = Buffer.alloc(5);
  framing.writeInt32BE(data.id, 1);
  const body = type.toBuffer({ meta: full, [kind]: state, changedFields: [], changeReason: null });
  const headers = { ce_id: full.eventId, 'x-test': 'kept as it came' };
  return { topic, key: full.entityId, value: Buffer.concat([framing, body]), headers, eventId: full.eventId };
}

/** The state of a constat that an insurer has opened; known to nobody until an event carries it. */
export function openedConstat(insurer: Insurer, change: JsonObject = {}): JsonObject {
  const now = new Date().toISOString();
  return {
    ...insurer.sample.constat(),
    constatId: newId(),
    providerId: insurer.id,
    createdBy: insurer.id,
    createdAt: now,
    updatedAt: now,
    ...change,
  };
}
