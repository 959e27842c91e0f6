import { Buffer } from 'node:buffer';
import type { CanonicalShape } from '../../src/domain/canonical.ts';
import type { EntityEvent } from '../../src/domain/event.ts';
import type { Json, JsonObject } from '../../src/domain/json.ts';
import type { EntityKind } from '../../src/domain/kind.ts';
import type { EventCodec } from '../../src/ports.ts';

/** An EventCodec over JSON: fast, and with the effects of Avro that matter to the protocol (fields that were left out come
 *  back as null or their default). Values that are no events are UNDECODABLE. */
export function createJsonCodec(kind: EntityKind): EventCodec {
  const read = (bytes: Buffer): EntityEvent => {
    const event = JSON.parse(bytes.toString()) as EntityEvent;
    return { ...event, state: fill(event.state, kind.shape) as JsonObject };
  };
  return {
    prepare: async () => {},
    decodeBatch: async (_topic, values) =>
      values.map((value) => {
        if (value === null || value[0] !== 0x7b)
          return { readable: false, code: 'UNDECODABLE', cause: 'not an event', schemaId: null };
        return { readable: true, event: read(value), kind, schemaRef: 1 };
      }),
    encode: async (_topic, event) => ({ bytes: Buffer.from(JSON.stringify(event)), schemaRef: 1 }),
    decodeStored: async (bytes) => read(bytes),
    normalise: (_kind, state) => fill(state, kind.shape) as JsonObject,
  };
}

function fill(value: Json | undefined, shape: CanonicalShape): Json {
  if (value === undefined || value === null) return null;
  if (shape.type === 'list') return (value as readonly Json[]).map((item) => fill(item, shape.items));
  if (shape.type !== 'record') return value;
  const filled: Record<string, Json> = {};
  for (const name in shape.fields) {
    const field = shape.fields[name]!;
    const given = (value as JsonObject)[name];
    filled[name] = given === undefined ? (field.default ?? null) : fill(given, field.shape);
  }
  return filled;
}
