import type { Admin } from '@platformatic/kafka';
import type { GroupOffsets } from '../ports.ts';
import { translateKafkaError } from './translate-error.ts';

/** Groups that this user may not describe are not told of: Kafka leaves them out of its list. `admin` stays the caller's. */
export function createGroupOffsets(admin: Admin): GroupOffsets {
  return {
    async committed(prefix, partitions) {
      if (partitions.length === 0) return [];
      try {
        const listed = await admin.listGroups({ types: ['classic', 'consumer'] });
        const groups = [...listed.keys()].filter((id) => id.startsWith(prefix)).sort();
        if (groups.length === 0) return [];
        const wanted = Map.groupBy(partitions, ({ topic }) => topic);
        const topics = [...wanted].map(([name, of]) => ({
          name,
          partitionIndexes: [...new Set(of.map(({ partition }) => partition))],
        }));
        const answers = await admin.listConsumerGroupOffsets({
          groups: groups.map((groupId) => ({ groupId, topics })),
        });
        return answers.flatMap(({ groupId, topics: read }) =>
          read.flatMap(({ name, partitions: of }) =>
            of
              // -1: nothing committed.
              .filter(({ committedOffset }) => committedOffset >= 0n)
              .map(({ partitionIndex, committedOffset }) => ({
                group: groupId,
                topic: name,
                partition: partitionIndex,
                offset: committedOffset,
              })),
          ),
        );
      } catch (error) {
        throw translateKafkaError(error, `reading how far the groups ${prefix}* are`);
      }
    },
  };
}
