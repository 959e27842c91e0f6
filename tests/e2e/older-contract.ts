import { randomUUID } from 'node:crypto';
import path from 'node:path';
import axios from 'axios';
import { inject } from 'vitest';
import { avroType } from '../../src/avro/avro-types.ts';
import { composeSchema, readSchemas } from '../../src/avro/compose-schemas.ts';
import type { EventMeta } from '../../src/domain/event.ts';
import type { JsonObject } from '../../src/domain/json.ts';
import type { ComposedEvent } from './compose-event.ts';

const { book } = readSchemas([path.resolve(import.meta.dirname, '../../schemas')]);

/** An edit of a constat as a program writes it that was built before some fields were added to the contract: `lacking`
 *  names the record and its missing field. That older version is put beside ours in the registry. */
export async function composeOlderEvent(
  topic: string,
  lacking: Readonly<Record<string, string>>,
  state: JsonObject,
  meta: Pick<EventMeta, 'providerId' | 'revision'>,
): Promise<ComposedEvent> {
  const schema = structuredClone(composeSchema(book, 'dz.eassurance.events.v1.ConstatUpdated'));
  for (const [record, field] of Object.entries(lacking)) dropField(schema, record, field);
  const { data } = await axios.post<{ id: number }>(
    `${inject('registryUrl')}/subjects/${topic}-value/versions`,
    { schemaType: 'AVRO', schema: JSON.stringify(schema) },
    { headers: { 'Content-Type': 'application/vnd.schemaregistry.v1+json' } },
  );
  const framing = Buffer.alloc(5);
  framing.writeInt32BE(data.id, 1);
  const eventId = randomUUID();
  const key = state['constatId'] as string;
  const full: EventMeta = {
    ...{
      eventId,
      eventType: 'constat.updated',
      origin: meta.providerId,
      entityType: 'constat',
      entityId: key,
    },
    ...{ occurredAt: new Date().toISOString(), correlationId: null, causationId: null, actor: 'USER' },
    ...{ replay: false, ...meta },
  };
  const body = avroType(schema).toBuffer({
    meta: full,
    constat: state,
    changedFields: [],
    changeReason: null,
  });
  return { topic, key, value: Buffer.concat([framing, body]), headers: { ce_id: eventId }, eventId };
}

/** Takes the field out of the record's definition, wherever in the schema that stands. */
function dropField(node: unknown, record: string, field: string): void {
  if (Array.isArray(node)) for (const item of node) dropField(item, record, field);
  if (typeof node !== 'object' || node === null || Array.isArray(node)) return;
  const definition = node as { name?: string; fields?: { name: string }[] };
  if (definition.fields !== undefined && definition.name?.split('.').at(-1) === record)
    definition.fields = definition.fields.filter(({ name }) => name !== field);
  for (const value of Object.values(node)) dropField(value, record, field);
}
