import type { ClusterAdmin } from '../ports.ts';
import type { KafkaConnection } from './connection.ts';
import { createKafkaAdmin } from './create-kafka-admin.ts';
import { manageAcls } from './manage-acls.ts';
import { manageScramUsers } from './manage-scram-users.ts';
import { manageTopics } from './manage-topics.ts';

/** Opens no connection yet. The user of `connection` needs the cluster's administrative rights. */
export function createClusterAdmin(connection: KafkaConnection): ClusterAdmin {
  const admin = createKafkaAdmin(connection);
  return {
    ...manageTopics(admin),
    ...manageAcls(admin),
    ...manageScramUsers(admin, connection),
    close: () => admin.close(),
  };
}
