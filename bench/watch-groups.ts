import type kafkajs from 'kafkajs';
import { consumerGroup } from '../src/consume/consume-provider.ts';
import type { Bed } from './open-bed.ts';

/** By the broker's word: every provider's group has settled, and its member holds partitions. */
export async function allConsume(admin: kafkajs.Admin, { providerIds }: Bed): Promise<boolean> {
  const { groups } = await admin.describeGroups(providerIds.map(consumerGroup));
  return groups.every(
    ({ state, members }) =>
      state === 'Stable' && members.some(({ memberAssignment }) => memberAssignment.length > 0),
  );
}

/** The next bridge must find the groups as the first one did. */
export async function forgetGroups({ kafka, providerIds }: Bed): Promise<void> {
  const admin = kafka.admin();
  await admin.connect();
  // One that never came to be needs no forgetting.
  await admin.deleteGroups(providerIds.map(consumerGroup)).catch(() => {});
  await admin.disconnect();
}
