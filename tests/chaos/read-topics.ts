import path from 'node:path';
import { createEventCodec, type PlatformEvent } from '../../src/simulator/event-codec.ts';
import { routeOf } from '../../src/simulator/kinds.ts';
import { loadContracts } from '../../src/simulator/load-contracts.ts';
import { createSchemaRegistry } from '../../src/simulator/schema-registry.ts';
import type { PreparedWorld } from '../soak/prepare-world.ts';

/** What stands on a topic: Kafka acknowledged it, or at least never forgot it. */
export interface TopicRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: string;
  /** The broker's append time, milliseconds. */
  readonly timestampMs: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  /** Null for what is no event. Read by the insurers' own code, not by the bridge's. */
  readonly event: PlatformEvent | null;
}

const SCHEMAS = path.resolve(import.meta.dirname, '../../schemas');

/** Every record of the insurers' constat topics, from the beginning to their ends as they are now. */
export async function readTopics(
  { kafka, admin, insurers }: Pick<PreparedWorld, 'kafka' | 'admin' | 'insurers'>,
  registryUrl: string,
): Promise<readonly TopicRecord[]> {
  const topics = insurers.flatMap((insurer) => insurer.topics);
  const left = new Map<string, bigint>();
  for (const topic of topics) {
    for (const { partition, high } of await admin.fetchTopicOffsets(topic)) {
      if (high !== '0') left.set(`${topic}/${partition}`, BigInt(high) - 1n);
    }
  }
  const contracts = await loadContracts(SCHEMAS);
  const codec = createEventCodec(contracts, createSchemaRegistry(registryUrl));
  const providerOf = (topic: string) =>
    insurers.find((insurer) => insurer.topics.includes(topic))!.platform.providerId;

  const records: TopicRecord[] = [];
  const finished = Promise.withResolvers<void>();
  const consumer = kafka.consumer({ groupId: `ledger-${Date.now()}` });
  consumer.on(consumer.events.CRASH, ({ payload }) => {
    if (!payload.restart) finished.reject(payload.error);
  });
  if (left.size === 0) return records;
  await consumer.connect();
  try {
    await consumer.subscribe({ topics, fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      eachMessage: async ({ topic, partition, message }) => {
        const { kind, record } = routeOf(providerOf(topic), topic)!;
        const read = await codec.decode(kind, record, message.value);
        records.push({
          ...{ topic, partition, offset: message.offset, key: message.key, value: message.value },
          timestampMs: Number(message.timestamp),
          event: read.readable ? read.event : null,
        });
        const place = `${topic}/${partition}`;
        if (BigInt(message.offset) >= (left.get(place) ?? -1n)) left.delete(place);
        if (left.size === 0) finished.resolve();
      },
    });
    await finished.promise;
  } finally {
    await consumer.disconnect();
  }
  return records;
}
