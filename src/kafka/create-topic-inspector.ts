import { FetchIsolationLevels, ListOffsetTimestamps } from '@platformatic/kafka';
import type { Admin } from '@platformatic/kafka';
import { TransientError } from '../domain/errors.ts';
import type { TopicInspector, TopicOffsets } from '../ports.ts';
import { askCluster } from './ask-cluster.ts';
import { createLeaderMap, type LeaderMap, type TopicMetadata } from './find-leaders.ts';
import { listOffsets } from './list-offsets.ts';

const { EARLIEST, LATEST } = ListOffsetTimestamps;
/** No error, or a leader is being elected: the topic's identity stands in the answer. */
const IDENTIFIED = new Set([0, 5]);

/** `admin` stays the caller's to close. Throws TransientError when the cluster can't answer. */
export function createTopicInspector(admin: Admin): TopicInspector & TopicOffsets {
  return {
    async topicIds(topics) {
      if (topics.length === 0) return new Map();
      const found = await findTopics(admin, topics, createLeaderMap(admin), 'reading topic ids');
      return new Map(found.map(({ name, topicId }) => [name!, topicId]));
    },

    async earliestOffset(topic, partition) {
      return (await offsetsOf(admin, topic, [partition], EARLIEST)).get(partition)!;
    },

    async offsets(topic, partitions, at) {
      const all = Array.from({ length: partitions }, (_, partition) => partition);
      const listed = (timestamp: bigint) => offsetsOf(admin, topic, all, timestamp);
      if (at === 'earliest') return listed(EARLIEST);
      const ends = await listed(LATEST);
      if (at === 'end') return ends;
      const since = await listed(BigInt(at));
      return new Map(
        [...since].map(([partition, offset]) => [partition, offset < 0n ? ends.get(partition)! : offset]),
      );
    },

    async endOffsets(topics) {
      const doing = 'reading where topics end';
      const leaders = createLeaderMap(admin);
      const found = await findTopics(admin, topics, leaders, doing);
      const [missing] = topics;
      if (found.length === 0 && missing !== undefined) throw isMissing(missing, doing);
      // What stands behind an open transaction waits for its writer, not for readers.
      const ends = await askCluster(admin, doing, () =>
        listOffsets(found, LATEST, leaders, FetchIsolationLevels.READ_COMMITTED),
      );
      return new Map(
        found.map(({ name, partitions }) => [
          name!,
          new Map(
            partitions.flatMap(({ partitionIndex }) => {
              const end = ends.get(`${name}/${partitionIndex}`);
              return end === undefined ? [] : [[partitionIndex, end] as const];
            }),
          ),
        ]),
      );
    },

    groupMembers: (groupId) =>
      askCluster(admin, `reading the members of ${groupId}`, async () => {
        const groups = await admin.describeGroups({ groups: [groupId] });
        return new Set(groups.get(groupId)?.members.keys());
      }),
  };
}

/** The topics that exist. */
async function findTopics(
  admin: Admin,
  topics: readonly string[],
  leaders: LeaderMap,
  doing: string,
): Promise<readonly TopicMetadata[]> {
  const found = await askCluster(admin, doing, () => leaders.refresh(topics));
  const refused = found.find(({ errorCode }) => !IDENTIFIED.has(errorCode));
  if (refused)
    throw new TransientError(
      'KAFKA_UNAVAILABLE',
      `${doing}: ${refused.name} gives error ${refused.errorCode}`,
    );
  return found;
}

/** Of every one of these partitions. */
async function offsetsOf(
  admin: Admin,
  topic: string,
  partitions: readonly number[],
  timestamp: bigint,
): Promise<ReadonlyMap<number, bigint>> {
  const doing = `reading offsets of ${topic}`;
  const leaders = createLeaderMap(admin);
  const [found] = await findTopics(admin, [topic], leaders, doing);
  if (found === undefined) throw isMissing(topic, doing);
  const asked = {
    ...found,
    partitions: found.partitions.filter(({ partitionIndex }) => partitions.includes(partitionIndex)),
  };
  const offsets = await askCluster(admin, doing, () => listOffsets([asked], timestamp, leaders));
  return new Map(
    partitions.map((partition) => {
      const offset = offsets.get(`${topic}/${partition}`);
      if (offset === undefined)
        throw new TransientError('KAFKA_UNAVAILABLE', `${doing}: nobody answers for partition ${partition}`);
      return [partition, offset];
    }),
  );
}

const isMissing = (topic: string, doing: string) =>
  new TransientError('TOPIC_MISSING', `${doing}: the topic ${topic} does not exist`);
