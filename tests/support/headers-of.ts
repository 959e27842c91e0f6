import { randomUUID } from 'node:crypto';
import { kafkaClient } from './kafka-admin.ts';

/** The headers of the first record with this key, and with this event id if one is given; waits for it. */
export async function headersOf(
  topic: string,
  key: string,
  eventId?: string,
): Promise<Record<string, string>> {
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
            const headers = Object.fromEntries(
              Object.entries(message.headers ?? {}).map(([name, value]) => [name, String(value)]),
            );
            if (eventId === undefined || headers['ce_id'] === eventId) resolve(headers);
          },
        })
        .catch(reject);
    });
  } finally {
    await consumer.disconnect();
  }
}
