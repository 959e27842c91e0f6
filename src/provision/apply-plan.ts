import type { ClusterAdmin } from '../ports.ts';
import type { Change, Step } from './plan-topics.ts';

/** Carries the steps out, one after the other, and calls `onDone` after each. When it rejects, the steps before the failed
 *  one stand and the rest don't: plan again and go on, nothing has to be undone. */
export async function applyPlan(
  steps: readonly Step[],
  admin: ClusterAdmin,
  onDone: (step: Step) => void,
): Promise<void> {
  for (const step of steps) {
    await carryOut(step.change, admin);
    onDone(step);
  }
}

function carryOut(change: Change, admin: ClusterAdmin): Promise<void> {
  switch (change.do) {
    case 'create topic':
      return admin.createTopic(change.topic);
    case 'add partitions':
      return admin.addPartitions(change.topic, change.partitions);
    case 'configure topic':
      return admin.alterTopicConfig(change.topic, change.config);
    case 'set password':
      return admin.setPassword(change.user, change.password);
    case 'create ACLs':
      return admin.createAcls(change.acls);
    case 'delete ACLs':
      return admin.deleteAcls(change.acls);
  }
}
