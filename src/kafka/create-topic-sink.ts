import type { Admin, Kafka } from 'kafkajs';
import type { Log, OutgoingRecord, SendResult, TopicSink } from '../ports.ts';
import { createTopicProducer } from './create-topic-producer.ts';
import type { TopicProducer } from './create-topic-producer.ts';
import { translateKafkaError } from './translate-error.ts';

export interface TopicSinkDeps {
  readonly kafka: Kafka;
  readonly log: Log;
  /** Bound of one request's records, below the topics' `max.message.bytes`. */
  readonly maxBatchBytes?: number;
}

export interface KafkaTopicSink extends TopicSink {
  /** Reaches a broker and logs in, or throws TransientError. `send` connects by itself too. */
  connect(): Promise<void>;
  /** Resolves when what is being sent is settled and all connections are closed. */
  close(): Promise<void>;
}

/** How long a topic's number of partitions is believed. */
const PARTITIONS_MAX_AGE_MS = 60_000;

/** The way out, on kafkajs: one idempotent producer per topic, since an unknown, forbidden or leaderless topic fails the
 *  metadata of every topic that shares its client. Calls of `send` run one after the other, so that the order of one
 *  key's records is the order of the calls. */
export function createTopicSink({ kafka, log, maxBatchBytes = 512 * 1024 }: TopicSinkDeps): KafkaTopicSink {
  const producers = new Map<string, TopicProducer>();
  const countPartitions = createPartitionCounter(kafka.admin());
  let last: Promise<unknown> = Promise.resolve();

  const producerOf = (topic: string): TopicProducer => {
    const known = producers.get(topic);
    if (known !== undefined) return known;
    const created = createTopicProducer({
      kafka,
      topic,
      countPartitions: (name) => countPartitions.count(name),
      maxBatchBytes,
      log,
    });
    producers.set(topic, created);
    return created;
  };

  const sendAll = async (records: readonly OutgoingRecord[]): Promise<readonly SendResult[]> => {
    const results: SendResult[] = [];
    const topics = Map.groupBy(
      records.map((record, index) => ({ record, index })),
      ({ record }) => record.topic,
    );
    const sent = await Promise.allSettled(
      Array.from(topics, async ([topic, entries]) => {
        const answers = await producerOf(topic).send(entries.map(({ record }) => record));
        entries.forEach(({ index }, nth) => {
          results[index] = answers[nth]!;
        });
      }),
    );
    const failed = sent.find((result) => result.status === 'rejected');
    if (failed) throw failed.reason;
    return results;
  };

  return {
    async connect() {
      await countPartitions.connect();
    },
    send(records) {
      const sending = last.then(() => sendAll(records));
      last = sending.catch(() => {});
      return sending;
    },
    async close() {
      await last;
      await Promise.all([...producers.values()].map((producer) => producer.close()));
      await countPartitions.close();
    },
  };
}

/** Asks for one topic at a time and remembers the answer for a minute. */
function createPartitionCounter(admin: Admin) {
  const known = new Map<string, { readonly count: number; readonly atMs: number }>();
  let connected: Promise<void> | undefined;

  const connect = async () => {
    connected ??= admin.connect();
    try {
      await connected;
    } catch (error) {
      connected = undefined;
      throw translateKafkaError(error, 'connecting to Kafka');
    }
  };
  return {
    connect,
    async count(topic: string): Promise<number> {
      const remembered = known.get(topic);
      if (remembered && performance.now() - remembered.atMs < PARTITIONS_MAX_AGE_MS) return remembered.count;
      await connect();
      const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
      const count = topics[0]!.partitions.length;
      known.set(topic, { count, atMs: performance.now() });
      return count;
    },
    async close() {
      await admin.disconnect();
    },
  };
}
