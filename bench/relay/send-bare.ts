import { randomBytes } from 'node:crypto';
import kafkajs from 'kafkajs';
import { composeRecord } from '../../src/relay/compose-record.ts';
import type { OwnEvent } from '../drain/own-layout.ts';
import type { Bed } from '../open-bed.ts';
import type { Sent } from './run-relay.ts';

/** The same library with the same records and `acks=all`, composed beforehand: no outbox, no promise, nothing noted. */
export async function sendBare(bed: Bed, edits: readonly OwnEvent[], batch: number): Promise<Sent> {
  const [provider] = bed.providerIds as [string];
  const signingKey = randomBytes(32);
  const records = edits.map((edit, i) =>
    composeRecord(
      {
        ...{ sequence: BigInt(i), eventId: edit.eventId, eventType: edit.topic.slice(provider.length + 1) },
        ...{ provider, origin: 'eassurance', entityId: edit.entityId, topic: edit.topic },
        ...{ occurredAtMs: 0, traceparent: null, bytes: edit.value },
      },
      signingKey,
    ),
  );
  const producer = bed.kafka.producer({
    allowAutoTopicCreation: false,
    createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
  });
  await producer.connect();
  try {
    const cpu = process.cpuUsage();
    const start = performance.now();
    for (let from = 0; from < records.length; from += batch) {
      bed.signal.throwIfAborted();
      const byTopic = Map.groupBy(records.slice(from, from + batch), ({ topic }) => topic);
      await producer.sendBatch({
        acks: -1,
        topicMessages: [...byTopic].map(([topic, some]) => ({
          topic,
          messages: some.map(({ key, value, headers }) => ({ key, value, headers: { ...headers } })),
        })),
      });
    }
    const ms = performance.now() - start;
    const { user, system } = process.cpuUsage(cpu);
    return { perSecond: (records.length / ms) * 1_000, cpuPer1000: (user + system) / records.length };
  } finally {
    await producer.disconnect();
  }
}
