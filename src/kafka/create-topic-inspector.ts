import { ListOffsetTimestamps, metadataV12 } from '@platformatic/kafka';
import type { Admin } from '@platformatic/kafka';
import { TransientError } from '../domain/errors.ts';
import type { TopicInspector, TopicOffsets } from '../ports.ts';
import { anyBroker } from './create-kafka-admin.ts';
import { translateKafkaError } from './translate-error.ts';

type Metadata = Awaited<ReturnType<typeof metadataV12.api.async>>;

const { EARLIEST, LATEST } = ListOffsetTimestamps;
const UNKNOWN_TOPIC = 3;
/** No error, or a leader is being elected: the topic's identity stands in the answer. */
const IDENTIFIED = new Set([0, 5]);

/** `admin` stays the caller's to close. Throws TransientError when the cluster can't answer. */
export function createTopicInspector(admin: Admin): TopicInspector & TopicOffsets {
  return {
    async topicIds(topics) {
      if (topics.length === 0) return new Map();
      try {
        const answer = await metadataV12.api
          .async(await anyBroker(admin), [...topics], false, false)
          .catch(answerOf);
        const existing = answer.topics.filter(({ errorCode }) => errorCode !== UNKNOWN_TOPIC);
        return new Map(existing.map(({ name, topicId }) => [name!, topicId]));
      } catch (error) {
        throw translateKafkaError(error, 'reading topic ids');
      }
    },

    async earliestOffset(topic, partition) {
      const found = await listOffsets(admin, topic, [partition], EARLIEST);
      return found.get(partition)!;
    },

    async offsets(topic, partitions, at) {
      const all = Array.from({ length: partitions }, (_, partition) => partition);
      const listed = (timestamp: bigint) => listOffsets(admin, topic, all, timestamp);
      if (at === 'earliest') return listed(EARLIEST);
      const ends = await listed(LATEST);
      if (at === 'end') return ends;
      const since = await listed(BigInt(at));
      return new Map(
        [...since].map(([partition, offset]) => [partition, offset < 0n ? ends.get(partition)! : offset]),
      );
    },
  };
}

async function listOffsets(
  admin: Admin,
  topic: string,
  partitions: readonly number[],
  timestamp: bigint,
): Promise<ReadonlyMap<number, bigint>> {
  const doing = `reading offsets of ${topic}`;
  try {
    const asked = partitions.map((partitionIndex) => ({ partitionIndex, timestamp }));
    const [answer] = await admin.listOffsets({ topics: [{ name: topic, partitions: asked }] });
    const found = new Map(answer?.partitions.map(({ partitionIndex, offset }) => [partitionIndex, offset]));
    if (!partitions.every((partition) => found.has(partition)))
      throw new TransientError('KAFKA_UNAVAILABLE', `${doing}: no answer`);
    return found;
  } catch (error) {
    throw translateKafkaError(error, doing);
  }
}

/** The client rejects an answer for the sake of one missing or leaderless topic, and hands it over with the error. */
function answerOf(error: unknown): Metadata {
  const { response } = error as { readonly response?: Metadata };
  const usable = response?.topics.every(
    ({ errorCode }) => errorCode === UNKNOWN_TOPIC || IDENTIFIED.has(errorCode),
  );
  if (response === undefined || !usable) throw error;
  return response;
}
