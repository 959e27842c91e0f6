import type { Kafka } from 'kafkajs';
import type { OwnEvent } from '../drain/own-layout.ts';

/** Where each partition of these topics ends now. */
export async function logEnds(kafka: Kafka, topics: readonly string[]): Promise<ReadonlyMap<string, bigint>> {
  const admin = kafka.admin();
  await admin.connect();
  try {
    const ends = new Map<string, bigint>();
    for (const topic of topics) {
      for (const { partition, high } of await admin.fetchTopicOffsets(topic))
        ends.set(`${topic}/${partition}`, BigInt(high));
    }
    return ends;
  } finally {
    await admin.disconnect();
  }
}

/** Reads what the topics hold, from their beginning, and holds it against what was to be sent: per topic and entity the
 *  same bytes in the same order, nothing twice and nothing besides. Throws with the first difference. */
export async function checkRecords(
  kafka: Kafka,
  edits: readonly OwnEvent[],
  group: string,
  signal: AbortSignal,
): Promise<void> {
  const expected = Map.groupBy(edits, ({ topic, entityId }) => `${topic} ${entityId}`);
  const topics = [...new Set(edits.map(({ topic }) => topic))];
  const ends = [...(await logEnds(kafka, topics)).values()].reduce((sum, end) => sum + end, 0n);
  if (ends !== BigInt(edits.length))
    throw new Error(`${ends} records on the topics instead of ${edits.length}`);

  const consumer = kafka.consumer({ groupId: group });
  const done = Promise.withResolvers<void>();
  const stop = () => done.reject(signal.reason as Error);
  signal.addEventListener('abort', stop, { once: true });
  const next = new Map<string, number>();
  let read = 0;
  await consumer.connect();
  try {
    await consumer.subscribe({ topics, fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      eachBatch: async ({ batch: { topic, messages } }) => {
        for (const { key, value } of messages) {
          const name = `${topic} ${key!.toString()}`;
          const nth = next.get(name) ?? 0;
          if (!expected.get(name)?.[nth]?.value.equals(value!))
            done.reject(
              new Error(`record ${nth + 1} of ${name} is another than the one that was to be sent`),
            );
          next.set(name, nth + 1);
        }
        read += messages.length;
        if (read === edits.length) done.resolve();
      },
    });
    await done.promise;
  } finally {
    signal.removeEventListener('abort', stop);
    await consumer.disconnect();
  }
}
