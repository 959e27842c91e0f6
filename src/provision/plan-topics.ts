import type { AclRule, KafkaUserState, TopicState } from '../ports.ts';
import type { DesiredCluster } from './desired-cluster.ts';

/** What stands in the cluster, as far as the plan needs it. */
export interface CurrentCluster {
  readonly topics: ReadonlyMap<string, TopicState>;
  readonly acls: readonly AclRule[];
  readonly users: ReadonlyMap<string, KafkaUserState>;
}

export type Change =
  | { readonly do: 'create topic'; readonly topic: TopicState }
  | { readonly do: 'add partitions'; readonly topic: string; readonly partitions: number }
  | {
      readonly do: 'configure topic';
      readonly topic: string;
      readonly config: Readonly<Record<string, string>>;
    }
  | { readonly do: 'set password'; readonly user: string; readonly password: string }
  | { readonly do: 'create ACLs'; readonly acls: readonly AclRule[] }
  | { readonly do: 'delete ACLs'; readonly acls: readonly AclRule[] };

/** Flags without which a step is only shown: it breaks something, or takes something away. */
export type Consent = 'add-partitions' | 'prune';

export interface Step {
  readonly change: Change;
  /** What it changes: a topic or a principal. */
  readonly subject: string;
  readonly sentence: string;
  readonly needs: Consent | null;
}

export interface Plan {
  /** In the order in which they are carried out. */
  readonly steps: readonly Step[];
  /** Differences that no step mends. */
  readonly notes: readonly string[];
}

/** The difference between the two, as steps. Pure. No step deletes a topic, lowers a number or touches what is not ours;
 *  once all steps are carried out, the next plan has none. */
export function planTopics(current: CurrentCluster, desired: DesiredCluster): Plan {
  const notes: string[] = [];
  const steps = [
    ...desired.topics.flatMap((topic) => topicSteps(current.topics.get(topic.topic), topic, notes)),
    ...desired.users.flatMap(({ user, password }) =>
      userSteps(user, password, current.users.get(user) ?? 'absent', notes),
    ),
    ...aclSteps(current.acls, desired, notes),
  ];
  return { steps, notes };
}

/** The steps that `consents` let through. */
export function stepsToApply(plan: Plan, consents: ReadonlySet<Consent>): readonly Step[] {
  return plan.steps.filter(({ needs }) => needs === null || consents.has(needs));
}

function topicSteps(current: TopicState | undefined, desired: TopicState, notes: string[]): Step[] {
  const { topic } = desired;
  if (current === undefined) {
    const config = Object.entries(desired.config).map(([key, value]) => `${key}=${value}`);
    const sentence = `create with ${count(desired.partitions, 'partition')}, ${count(desired.replicationFactor, 'replica')}, ${config.join(', ')}`;
    return [{ change: { do: 'create topic', topic: desired }, subject: topic, sentence, needs: null }];
  }

  const steps: Step[] = [];
  if (current.partitions < desired.partitions) {
    const sentence = `raise from ${current.partitions} to ${count(desired.partitions, 'partition')}: keys move to other partitions, so until the records before it are consumed the events of one entity may arrive out of order`;
    const change = { do: 'add partitions', topic, partitions: desired.partitions } as const;
    steps.push({ change, subject: topic, sentence, needs: 'add-partitions' });
  }
  if (current.partitions > desired.partitions) {
    notes.push(
      `${topic} has ${current.partitions} partitions and topics.yaml says ${desired.partitions}: Kafka can't lower it, so correct topics.yaml`,
    );
  }
  if (current.replicationFactor !== desired.replicationFactor) {
    notes.push(
      `${topic} has ${count(current.replicationFactor, 'replica')} and topics.yaml says ${desired.replicationFactor}: move its partitions with kafka-reassign-partitions`,
    );
  }
  const differing = Object.entries(desired.config).filter(([key, value]) => current.config[key] !== value);
  if (differing.length > 0) {
    const sentence = `change ${differing.map(([key, value]) => `${key} ${current.config[key] ?? 'unset'} → ${value}`).join(', ')}`;
    const change = { do: 'configure topic', topic, config: Object.fromEntries(differing) } as const;
    steps.push({ change, subject: topic, sentence, needs: null });
  }
  return steps;
}

function userSteps(
  user: string,
  password: string | undefined,
  state: KafkaUserState,
  notes: string[],
): Step[] {
  const subject = `User:${user}`;
  if (password === undefined) {
    notes.push(
      `${subject} is left alone, for no password is given${state === 'absent' ? '; it does not exist' : ''}`,
    );
    return [];
  }
  if (state === 'current') return [];
  if (state === 'unchecked') {
    notes.push(`${subject} exists and is left alone: without SASL its password can't be compared`);
    return [];
  }
  const sentence =
    state === 'absent'
      ? 'create the SCRAM-SHA-256 user'
      : 'replace the password: whoever still has the old one is refused at the next connection';
  return [{ change: { do: 'set password', user, password }, subject, sentence, needs: null }];
}

function aclSteps(current: readonly AclRule[], desired: DesiredCluster, notes: string[]): Step[] {
  const standing = new Set(current.map(keyOf));
  const wanted = new Set(desired.acls.map(keyOf));
  const missing = desired.acls.filter((acl) => !standing.has(keyOf(acl)));
  const unwanted = current
    .filter((acl) => !wanted.has(keyOf(acl)))
    // The cluster lists them in no order.
    .toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));

  const ours = new Set(desired.users.map(({ user }) => `User:${user}`));
  const extra = unwanted.filter((acl) => ours.has(acl.principal) || isUnder(acl, desired.prefixes));
  for (const acl of unwanted) {
    if (!extra.includes(acl) && reaches(acl, desired.prefixes))
      notes.push(`${describeAcl(acl)} reaches our names too; it is not ours to remove`);
  }
  return [
    ...groupByTarget(missing).map((acls): Step => ({
      change: { do: 'create ACLs', acls },
      subject: acls[0]!.principal,
      sentence: describeAcls(acls),
      needs: null,
    })),
    ...groupByTarget(extra).map((acls): Step => ({
      change: { do: 'delete ACLs', acls },
      subject: acls[0]!.principal,
      sentence: `extra: remove "${describeAcls(acls)}"`,
      needs: 'prune',
    })),
  ];
}

/** Rules that differ in nothing but the operation. */
function groupByTarget(acls: readonly AclRule[]): AclRule[][] {
  return [...Map.groupBy(acls, (acl) => keyOf({ ...acl, operation: '' })).values()];
}

function isUnder({ resource, name }: AclRule, prefixes: readonly string[]): boolean {
  return (resource === 'topic' || resource === 'group') && prefixes.some((prefix) => name.startsWith(prefix));
}

/** True for a rule on every topic or group, or on a prefix that is shorter than one of ours. */
function reaches({ resource, name, pattern, permission }: AclRule, prefixes: readonly string[]): boolean {
  if (permission !== 'allow' || (resource !== 'topic' && resource !== 'group')) return false;
  return pattern === 'prefixed' ? prefixes.some((prefix) => prefix.startsWith(name)) : name === '*';
}

function keyOf({ principal, resource, name, pattern, operation, permission, host }: AclRule): string {
  return JSON.stringify([principal, resource, name, pattern, operation, permission, host]);
}

function describeAcls(acls: readonly AclRule[]): string {
  const { permission, resource, name, pattern, host } = acls[0]!;
  const operations = acls.map(({ operation }) => operation).join(', ');
  const target = pattern === 'prefixed' ? `${resource}s that begin with ${name}` : `${resource} ${name}`;
  return `${permission} ${operations} on ${target}${host === '*' ? '' : ` from ${host}`}`;
}

const describeAcl = (acl: AclRule): string => `"${acl.principal}: ${describeAcls([acl])}"`;
const count = (number: number, thing: string): string => `${number} ${thing}${number === 1 ? '' : 's'}`;
