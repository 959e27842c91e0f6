import kafkajs, { type Kafka } from 'kafkajs';
import type { LoadRecord } from './compose-load.ts';

const CHUNK = 1_000;

/** Publishes the records in their order, per key and partition, as an insurer's producer would. */
export async function fillTopics(
  kafka: Kafka,
  records: readonly LoadRecord[],
  signal?: AbortSignal,
): Promise<void> {
  const producer = kafka.producer({
    idempotent: true,
    maxInFlightRequests: 1,
    createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
  });
  await producer.connect();
  try {
    for (let from = 0; from < records.length; from += CHUNK) {
      signal?.throwIfAborted();
      const byTopic = Map.groupBy(records.slice(from, from + CHUNK), ({ topic }) => topic);
      await producer.sendBatch({
        acks: -1,
        compression: kafkajs.CompressionTypes.None,
        topicMessages: [...byTopic].map(([topic, some]) => ({
          topic,
          messages: some.map(({ key, value }) => ({ key, value })),
        })),
      });
    }
  } finally {
    await producer.disconnect();
  }
}
