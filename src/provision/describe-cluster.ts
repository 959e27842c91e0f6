import type { ClusterAdmin } from '../ports.ts';
import { TOPIC_CONFIG_KEYS } from './desired-cluster.ts';
import type { DesiredCluster } from './desired-cluster.ts';
import type { CurrentCluster } from './plan-topics.ts';

/** Reads what the plan compares; changes nothing. A given password is tried by logging in with it. */
export async function describeCluster(desired: DesiredCluster, admin: ClusterAdmin): Promise<CurrentCluster> {
  const names = desired.topics.map(({ topic }) => topic);
  const [topics, acls, users] = await Promise.all([
    admin.describeTopics(names, TOPIC_CONFIG_KEYS),
    admin.describeAcls(),
    Promise.all(
      desired.users.map(
        async ({ user, password }) => [user, await admin.inspectUser(user, password)] as const,
      ),
    ),
  ]);
  return { topics, acls, users: new Map(users) };
}
