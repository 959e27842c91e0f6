import { FetchIsolationLevels, ListOffsetTimestamps, metadataV12 } from '@platformatic/kafka';
import type { Admin } from '@platformatic/kafka';
import { TransientError } from '../domain/errors.ts';
import type { TopicInspector, TopicOffsets } from '../ports.ts';
import { askCluster } from './ask-cluster.ts';
import { anyBroker } from './create-kafka-admin.ts';

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
      const answer = await askCluster(admin, 'reading topic ids', async () =>
        metadataV12.api.async(await anyBroker(admin), [...topics], false, false).catch(answerOf),
      );
      const existing = answer.topics.filter(({ errorCode }) => errorCode !== UNKNOWN_TOPIC);
      return new Map(existing.map(({ name, topicId }) => [name!, topicId]));
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

    async endOffsets(topics) {
      const answers = await Promise.allSettled(topics.map((topic) => readEnds(admin, topic)));
      const ends = new Map<string, readonly bigint[]>();
      answers.forEach((answer, i) => {
        if (answer.status === 'fulfilled') ends.set(topics[i]!, answer.value);
      });
      const failed = answers.find((answer) => answer.status === 'rejected');
      if (failed && ends.size === 0) throw failed.reason;
      return ends;
    },

    groupMembers: (groupId) =>
      askCluster(admin, `reading the members of ${groupId}`, async () => {
        const groups = await admin.describeGroups({ groups: [groupId] });
        return new Set(groups.get(groupId)?.members.keys());
      }),
  };
}

/** Of every one of these partitions. */
async function listOffsets(
  admin: Admin,
  topic: string,
  partitions: readonly number[],
  timestamp: bigint,
  isolationLevel: 0 | 1 = FetchIsolationLevels.READ_UNCOMMITTED,
): Promise<ReadonlyMap<number, bigint>> {
  const doing = `reading offsets of ${topic}`;
  const asked = partitions.map((partitionIndex) => ({ partitionIndex, timestamp }));
  const [answer] = await askCluster(admin, doing, () =>
    admin.listOffsets({ topics: [{ name: topic, partitions: asked }], isolationLevel }),
  );
  const found = new Map(answer?.partitions.map(({ partitionIndex, offset }) => [partitionIndex, offset]));
  if (!partitions.every((partition) => found.has(partition)))
    throw new TransientError('KAFKA_UNAVAILABLE', `${doing}: no answer`);
  return found;
}

/** By partition, as far as readers get: what stands behind an open transaction waits for its writer, not for them. */
async function readEnds(admin: Admin, topic: string): Promise<readonly bigint[]> {
  const { topics } = await askCluster(admin, `reading the partitions of ${topic}`, () =>
    admin.metadata({ topics: [topic] }),
  );
  const partitions = Array.from(topics.get(topic)!.partitions.keys());
  const ends = await listOffsets(admin, topic, partitions, LATEST, FetchIsolationLevels.READ_COMMITTED);
  return partitions.map((partition) => ends.get(partition)!);
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
