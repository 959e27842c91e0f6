import type { ClusterAdmin } from '../ports.ts';
import { applyPlan } from './apply-plan.ts';
import type { DesiredCluster } from './desired-cluster.ts';
import { describeCluster } from './describe-cluster.ts';
import { planTopics, stepsToApply } from './plan-topics.ts';
import type { Consent, Plan, Step } from './plan-topics.ts';

export interface ProvisionDeps {
  readonly admin: ClusterAdmin;
  readonly consents: ReadonlySet<Consent>;
  readonly onDone: (step: Step) => void;
}

/** Reads the cluster, plans, and carries out what the consents let through. Returns the plan it worked from. Idempotent:
 *  right after it, a plan holds only steps that lack consent. */
export async function provisionTopics(desired: DesiredCluster, deps: ProvisionDeps): Promise<Plan> {
  const plan = planTopics(await describeCluster(desired, deps.admin), desired);
  await applyPlan(stepsToApply(plan, deps.consents), deps.admin, deps.onDone);
  return plan;
}
