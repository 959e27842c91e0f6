import { describeGroupsV5, listGroupsV4, type Admin } from '@platformatic/kafka';
import type { LogReader } from '../ports.ts';
import { anyBroker } from './create-kafka-admin.ts';
import { responseOf, type LeaderMap } from './find-leaders.ts';

type Described = Awaited<ReturnType<typeof describeGroupsV5.api.async>>;

const GROUP_AUTHORIZATION_FAILED = 30;
const WITHOUT_MEMBERS = new Set(['EMPTY', 'DEAD']);

/** The groups' part of a log reader. `leaders` must have been refreshed once. */
export function readGroups(
  admin: Admin,
  leaders: LeaderMap,
  translated: <T>(doing: string, work: () => Promise<T>) => Promise<T>,
): Pick<LogReader, 'groups' | 'mayDescribeGroup' | 'committed'> {
  return {
    groups: async () => {
      const answers = await Promise.allSettled(
        leaders
          .brokerIds()
          .map(async (brokerId) => listGroupsV4.api.async(await leaders.connect(brokerId), [], [])),
      );
      if (answers.some(({ status }) => status === 'rejected')) return null;
      return new Map(
        answers.flatMap((answer) =>
          answer.status === 'rejected'
            ? []
            : answer.value.groups.map(
                ({ groupId, groupState }) =>
                  [groupId, !WITHOUT_MEMBERS.has(groupState.toUpperCase())] as const,
              ),
        ),
      );
    },

    mayDescribeGroup: (group) =>
      translated(`describing the group ${group}`, async () => {
        // Any broker checks the right before it finds that it does not coordinate the group.
        const { groups } = await describeGroupsV5.api
          .async(await anyBroker(admin), [group], false)
          .catch(responseOf<Described>);
        return groups[0]?.errorCode !== GROUP_AUTHORIZATION_FAILED;
      }),

    committed: (groups) =>
      translated('reading committed offsets', async () => {
        if (groups.length === 0) return [];
        const answers = await admin.listConsumerGroupOffsets({ groups: [...groups] });
        return answers.map(({ groupId, topics }) => ({
          group: groupId,
          offsets: new Map(
            topics.flatMap(({ name, partitions }) =>
              partitions
                .filter(({ committedOffset }) => committedOffset >= 0n)
                .map(
                  ({ partitionIndex, committedOffset }) =>
                    [`${name}/${partitionIndex}`, committedOffset] as const,
                ),
            ),
          ),
        }));
      }),
  };
}
