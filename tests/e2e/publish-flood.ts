import { setImmediate } from 'node:timers/promises';
import type { JsonObject } from '../../src/domain/json.ts';
import { newId } from '../../src/runtime/new-id.ts';
import { kafkaClient } from '../support/kafka-admin.ts';
import { composeEvent, openedConstat } from './compose-event.ts';
import type { Insurer } from './setup.ts';

/** One request to the broker; below what it takes at once. */
const REQUEST_BYTES = 900_000;

export interface Flood {
  readonly count: number;
  /** Of each event's value, about. */
  readonly bytes: number;
  readonly partitions: number;
}

/** Publishes `count` events in turn to the partitions of the insurer's `constat.created`, each of a constat of its own.
 *  Each is the first one with other ids, so that a million of them is made in seconds. */
export async function publishFlood(insurer: Insurer, { count, bytes, partitions }: Flood): Promise<void> {
  const topic = `${insurer.id}-constat.created`;
  const meta = { providerId: insurer.id, revision: { [insurer.id]: 1 } };
  const state = openedConstat(insurer);
  const plain = await composeEvent(topic, state, meta);
  const padded: JsonObject = { ...state, statusReason: 'x'.repeat(Math.max(0, bytes - plain.value.length)) };
  const { value: model, key, eventId } = await composeEvent(topic, padded, meta);
  const places = [key, eventId].map((id) => placesOf(model, id));
  const make = () => {
    const [entity, event] = [newId(), newId()];
    const value = Buffer.from(model);
    places.forEach((offsets, i) => offsets.forEach((offset) => value.write([entity, event][i]!, offset)));
    return { key: entity, value };
  };

  const producer = kafkaClient().producer({ allowAutoTopicCreation: false });
  await producer.connect();
  const perRequest = Math.max(1, Math.floor(REQUEST_BYTES / model.length));
  try {
    for (let sent = 0, turn = 0; sent < count; turn++) {
      const messages = Array.from({ length: Math.min(perRequest, count - sent) }, () => {
        return { ...make(), partition: turn % partitions };
      });
      await producer.send({ topic, acks: -1, messages });
      sent += messages.length;
      await setImmediate();
    }
  } finally {
    await producer.disconnect();
  }
}

function placesOf(bytes: Buffer, text: string): readonly number[] {
  const places: number[] = [];
  for (let at = bytes.indexOf(text); at >= 0; at = bytes.indexOf(text, at + 1)) places.push(at);
  return places;
}
