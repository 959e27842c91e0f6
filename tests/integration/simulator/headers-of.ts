import { randomUUID } from 'node:crypto';
import { kafkaClient } from '../../support/kafka-admin.ts';

/** The headers of the first record with this key; waits for it. */
export async function headersOf(topic: string, key: string): Promise<Record<string, string>> {
  const consumer = kafkaClient().consumer({ groupId: `headers-${randomUUID()}` });
  await consumer.connect();
  try {
    await consumer.subscribe({ topic, fromBeginning: true });
    return await new Promise((resolve, reject) => {
      consumer.on('consumer.crash', ({ payload }) => reject(payload.error));
      consumer
        .run({
          eachMessage: async ({ message }) => {
            if (message.key?.toString() !== key) return;
            resolve(
              Object.fromEntries(
                Object.entries(message.headers ?? {}).map(([name, value]) => [name, String(value)]),
              ),
            );
          },
        })
        .catch(reject);
    });
  } finally {
    await consumer.disconnect();
  }
}
