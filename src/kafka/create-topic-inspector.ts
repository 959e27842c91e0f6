import { ListOffsetTimestamps, metadataV12 } from '@platformatic/kafka';
import type { Admin } from '@platformatic/kafka';
import { TransientError } from '../domain/errors.ts';
import type { TopicInspector } from '../ports.ts';
import { anyBroker } from './create-kafka-admin.ts';
import { translateKafkaError } from './translate-error.ts';

type Metadata = Awaited<ReturnType<typeof metadataV12.api.async>>;

const UNKNOWN_TOPIC = 3;
/** No error, or a leader is being elected: the topic's identity stands in the answer. */
const IDENTIFIED = new Set([0, 5]);

/** `admin` stays the caller's to close. Throws TransientError when the cluster can't answer. */
export function createTopicInspector(admin: Admin): TopicInspector {
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
      const doing = `reading the earliest offset of ${topic}/${partition}`;
      try {
        const earliest = { partitionIndex: partition, timestamp: ListOffsetTimestamps.EARLIEST };
        const answer = await admin.listOffsets({ topics: [{ name: topic, partitions: [earliest] }] });
        const offset = answer[0]?.partitions[0]?.offset;
        if (offset === undefined) throw new TransientError('KAFKA_UNAVAILABLE', `${doing}: no answer`);
        return offset;
      } catch (error) {
        throw translateKafkaError(error, doing);
      }
    },
  };
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
