import type { Kafka, Message, Producer } from 'kafkajs';
import { TransientError } from '../domain/errors.ts';
import type { Log, OutgoingRecord, SendResult } from '../ports.ts';
import { choosePartition } from './choose-partition.ts';
import { judgeRefusal } from './judge-refusal.ts';
import { translateKafkaError } from './translate-error.ts';

export interface TopicProducerDeps {
  readonly kafka: Kafka;
  readonly topic: string;
  /** May be what was true a minute ago, unless it is asked `anew`. */
  readonly partitionsOf: (topic: string, anew?: boolean) => Promise<TopicPartitions>;
  /** Bound of one request's records; a larger record travels alone. */
  readonly maxBatchBytes: number;
  readonly log: Log;
}

export interface TopicPartitions {
  readonly count: number;
  /** Those that nobody leads. */
  readonly leaderless: ReadonlySet<number>;
}

export interface TopicProducer {
  /** As `TopicSink.send`, for one topic. To be called again only when the call before has settled. */
  send(records: readonly OutgoingRecord[]): Promise<readonly SendResult[]>;
  close(): Promise<void>;
}

/** A record and where its result goes. */
interface Entry {
  readonly index: number;
  readonly record: OutgoingRecord;
}

/** An idempotent producer for one topic.
 *
 *  kafkajs takes back the sequence numbers of *every* partition of a request that failed, also of those that were
 *  appended; the next records sent there would carry used numbers, and the broker would drop them as duplicates while
 *  acknowledging them. So a request holds records of one partition, and when its outcome stays unknown the producer is
 *  thrown away: its successor has another producer id. Each request is one record batch of at most `maxBatchBytes`.
 *  A partition that can't be written to holds up no other: what is for one without a leader is not even tried. */
export function createTopicProducer(deps: TopicProducerDeps): TopicProducer {
  const { topic, log } = deps;
  let producer: Promise<Producer> | undefined;

  const open = async (): Promise<Producer> => {
    const opening = deps.kafka.producer({
      idempotent: true,
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
      metadataMaxAge: 60_000,
      createPartitioner:
        () =>
        ({ message }) =>
          message.partition!,
    });
    try {
      await opening.connect();
      return opening;
    } catch (error) {
      await opening.disconnect().catch(() => {});
      throw error;
    }
  };
  const close = async () => {
    const closing = producer;
    producer = undefined;
    await closing
      ?.then((open) => open.disconnect())
      .catch((error: unknown) => log.debug({ err: error, topic }, 'closing a producer failed'));
  };

  /** Sends the entries as one request; halves it to find a refused record. Rejects when the outcome is unknown. */
  const sendRequest = async (
    partition: number,
    entries: readonly Entry[],
    results: SendResult[],
  ): Promise<void> => {
    const connected = await (producer ??= open());
    try {
      const messages = entries.map(({ record }) => toMessage(record, partition));
      const [answer] = await connected.send({ topic, acks: -1, messages });
      const base = BigInt(answer?.baseOffset ?? -1);
      if (base < 0n)
        throw new TransientError('KAFKA_UNAVAILABLE', `${topic}: the broker acknowledged without an offset`);
      entries.forEach(({ index }, nth) => {
        results[index] = { status: 'acknowledged', partition, offset: base + BigInt(nth) };
      });
    } catch (error) {
      const refusal = judgeRefusal(error);
      if (refusal === undefined) throw error;
      if (refusal.of === 'record' && entries.length > 1) {
        const middle = Math.ceil(entries.length / 2);
        await sendRequest(partition, entries.slice(0, middle), results);
        await sendRequest(partition, entries.slice(middle), results);
        return;
      }
      for (const { index } of entries)
        results[index] = { status: 'refused', code: refusal.code, cause: refusal.cause };
    }
  };

  return {
    close,
    async send(records) {
      const results: SendResult[] = [];
      let failure: TransientError | undefined;
      try {
        const partitions = await deps.partitionsOf(topic);
        let { leaderless } = partitions;
        // One partition after the other: kafkajs allows one request per broker at a time anyway.
        for (const [partition, entries] of groupByPartition(records, partitions.count)) {
          try {
            if (leaderless.has(partition))
              throw new TransientError('KAFKA_UNAVAILABLE', `${topic}: nobody leads partition ${partition}`);
            for (const request of splitByBytes(entries, deps.maxBatchBytes))
              await sendRequest(partition, request, results);
          } catch (error) {
            if (judgeRefusal(error)?.of === 'topic') throw error;
            if (!leaderless.has(partition)) await close();
            failure = asTransient(error, topic);
            // Fails when it is not this partition alone that can't be reached: the others are not tried then.
            ({ leaderless } = await deps.partitionsOf(topic, true));
          }
        }
      } catch (error) {
        const refusal = results.length === 0 ? judgeRefusal(error) : undefined;
        if (refusal?.of === 'topic')
          return records.map(() => ({ status: 'refused', code: refusal.code, cause: refusal.cause }));
        await close();
        failure ??= asTransient(error, topic);
      }
      if (failure === undefined) return results;
      const unknown: SendResult = { status: 'unknown', error: failure };
      return records.map((_, index) => results[index] ?? unknown);
    },
  };
}

/** What leaves the outcome open; anything else is a bug, and is thrown. */
function asTransient(error: unknown, topic: string): TransientError {
  const failure = translateKafkaError(error, `sending to ${topic}`);
  if (failure instanceof TransientError) return failure;
  throw failure;
}

function groupByPartition(records: readonly OutgoingRecord[], partitions: number): Map<number, Entry[]> {
  return Map.groupBy(
    records.map((record, index) => ({ index, record })),
    ({ record }) => choosePartition(record.key, partitions),
  );
}

/** Runs of neighbours that fit into one request each. */
function splitByBytes(entries: readonly Entry[], maxBytes: number): Entry[][] {
  const runs: Entry[][] = [];
  let size = 0;
  for (const entry of entries) {
    const bytes = sizeOf(entry.record);
    if (runs.length === 0 || size + bytes > maxBytes) {
      runs.push([]);
      size = 0;
    }
    runs.at(-1)!.push(entry);
    size += bytes;
  }
  return runs;
}

/** Upper estimate of what the record takes in a batch: its parts and the framing around them. */
function sizeOf({ key, value, headers }: OutgoingRecord): number {
  let bytes = 40 + Buffer.byteLength(key) + value.length;
  for (const [name, text] of Object.entries(headers))
    bytes += 10 + Buffer.byteLength(name) + Buffer.byteLength(text);
  return bytes;
}

function toMessage({ key, value, headers }: OutgoingRecord, partition: number): Message {
  return { key, value, headers, partition };
}
