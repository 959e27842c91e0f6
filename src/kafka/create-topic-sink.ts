import type { Admin, Kafka } from 'kafkajs';
import type { Log, OutgoingRecord, SendResult, TopicSink } from '../ports.ts';
import { createTopicProducer } from './create-topic-producer.ts';
import type { TopicPartitions, TopicProducer } from './create-topic-producer.ts';
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

/** How long it is believed how many partitions a topic has, and that each has a leader. */
const PARTITIONS_MAX_AGE_MS = 60_000;

/** The way out, on kafkajs: one idempotent producer per topic, since an unknown, forbidden or leaderless topic fails the
 *  metadata of every topic that shares its client. Calls of `send` run one after the other, so that the order of one
 *  key's records is the order of the calls. */
export function createTopicSink({ kafka, log, maxBatchBytes = 512 * 1024 }: TopicSinkDeps): KafkaTopicSink {
  const producers = new Map<string, TopicProducer>();
  const partitions = createPartitionReader(kafka.admin());
  let last: Promise<unknown> = Promise.resolve();

  const producerOf = (topic: string): TopicProducer => {
    const known = producers.get(topic);
    if (known !== undefined) return known;
    const created = createTopicProducer({
      kafka,
      topic,
      partitionsOf: (name, anew) => partitions.of(name, anew),
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
      await partitions.connect();
    },
    send(records) {
      const sending = last.then(() => sendAll(records));
      last = sending.catch(() => {});
      return sending;
    },
    async close() {
      await last;
      await Promise.all([...producers.values()].map((producer) => producer.close()));
      await partitions.close();
    },
  };
}

/** Asks for one topic at a time and remembers the answer for a minute, unless a leader was missing. */
function createPartitionReader(admin: Admin) {
  const known = new Map<string, { readonly partitions: TopicPartitions; readonly atMs: number }>();
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
    async of(topic: string, anew = false): Promise<TopicPartitions> {
      const remembered = known.get(topic);
      if (!anew && remembered && performance.now() - remembered.atMs < PARTITIONS_MAX_AGE_MS)
        return remembered.partitions;
      await connect();
      const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
      const found = topics[0]!.partitions;
      const leaderless = new Set(
        found.filter(({ leader }) => leader < 0).map(({ partitionId }) => partitionId),
      );
      const partitions = { count: found.length, leaderless };
      if (leaderless.size === 0) known.set(topic, { partitions, atMs: performance.now() });
      else known.delete(topic);
      return partitions;
    },
    async close() {
      await admin.disconnect();
    },
  };
}
