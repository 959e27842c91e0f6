import { setTimeout as delay } from 'node:timers/promises';
import kafkajs from 'kafkajs';
import type { Kafka, Producer } from 'kafkajs';
import { createDoorbell } from './doorbell.ts';
import { markSent, readWaiting } from './event-log-table.ts';
import type { WaitingPublication } from './event-log-table.ts';
import { inTransaction } from './open-database.ts';
import type { PlatformDeps } from './platform-deps.ts';

const BATCH = 200;
/** Behind the in-process wake-up: what an earlier run of the program left in the outbox. */
const POLL_MS = 2_000;
const RETRY_MS = 1_000;

/** Sends what waits in the outbox, oldest first, until `signal` aborts; what is being sent then is finished. A crash
 *  between the acknowledgement and its note sends again: receivers drop an event id they know. */
export async function relayOutbox(
  kafka: Kafka,
  deps: PlatformDeps,
  signal: AbortSignal,
  onReady: () => void,
): Promise<void> {
  const producer = kafka.producer({
    idempotent: true,
    maxInFlightRequests: 1,
    createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
    retry: { retries: 5 },
  });
  const doorbell = createDoorbell(deps.changes, 'outbox');
  try {
    await producer.connect();
    onReady();
    while (!signal.aborted) {
      const sent = await relayBatch(producer, deps).catch(async (error: unknown) => {
        deps.log.warn({ err: error }, 'the outbox waits: Kafka or the database is away');
        await delay(RETRY_MS, undefined, { signal }).catch(() => undefined);
        return 0;
      });
      if (sent === 0) await doorbell.wait(POLL_MS, signal);
    }
  } finally {
    doorbell.close();
    await producer.disconnect();
  }
}

/** One pass over the outbox; returns how many were sent. One record at a time, so that each one's position is known. */
async function relayBatch(producer: Producer, deps: PlatformDeps): Promise<number> {
  if (deps.faults.current().holdPublications) return 0;
  const waiting = await readWaiting(deps.pool, BATCH);
  if (deps.faults.armed('reorderBatches')) {
    if (waiting.length < 2) return 0;
    deps.faults.strikes('reorderBatches');
    waiting.reverse();
  }
  for (const publication of waiting) {
    const position = await send(producer, publication);
    if (deps.faults.strikes('publishTwice')) await send(producer, publication);
    await inTransaction(deps.pool, (tx) =>
      markSent(tx, publication.sequence, position.partition, position.offset),
    );
    deps.changes.emit('sent', publication.eventId);
  }
  return waiting.length;
}

async function send(
  producer: Producer,
  publication: WaitingPublication,
): Promise<{ partition: number; offset: string }> {
  const { topic, recordId, value, headers } = publication;
  const [acknowledged] = await producer.send({
    topic,
    acks: -1,
    messages: [{ key: recordId, value, headers: { ...headers } }],
  });
  return { partition: acknowledged!.partition, offset: acknowledged!.baseOffset! };
}
