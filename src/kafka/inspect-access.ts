import { heartbeatV4, metadataV12 } from '@platformatic/kafka';
import type { Admin } from '@platformatic/kafka';
import { anyBroker } from './create-kafka-admin.ts';
import { translateKafkaError } from './translate-error.ts';

export interface TopicAccess {
  readonly topic: string;
  /** `hidden`: this user may not know whether it exists. */
  readonly state: 'there' | 'missing' | 'hidden';
  readonly partitions: number;
  readonly replicationFactor: number;
  /** Partitions without a leader: nobody can read or write them now. */
  readonly leaderless: readonly number[];
  /** What this user may do with it: `Read`, `Write`, `Describe`. */
  readonly operations: ReadonlySet<string>;
}

const UNKNOWN_TOPIC = 3;
const LEADER_NOT_AVAILABLE = 5;
const TOPIC_REFUSED = 29;
const GROUP_REFUSED = 30;
/** Bits of the answer, by Kafka's AclOperation. */
const OPERATIONS = { Read: 1 << 3, Write: 1 << 4, Describe: 1 << 8 } as const;

type Metadata = Awaited<ReturnType<typeof metadataV12.api.async>>;

/** What this very user sees of the topics and may do with them; needs no administrative right and changes nothing. In the
 *  order of `topics`. `admin` stays the caller's. */
export async function inspectTopics(
  admin: Admin,
  topics: readonly string[],
): Promise<readonly TopicAccess[]> {
  if (topics.length === 0) return [];
  try {
    const answer = await metadataV12.api
      .async(await anyBroker(admin), [...topics], false, true)
      .catch(answerOf);
    const found = new Map(answer.topics.map((topic) => [topic.name, topic]));
    return topics.map((topic) => describe(topic, found.get(topic)));
  } catch (error) {
    throw translateKafkaError(error, 'asking Kafka about the topics');
  }
}

/** Whether this user may be a member of the group. Asked by the heartbeat of a member that doesn't exist: Kafka checks the
 *  right first, and else answers that it knows no such member. Changes nothing. */
export async function mayJoinGroup(admin: Admin, group: string): Promise<boolean> {
  try {
    await heartbeatV4.api.async(await anyBroker(admin), group, 0, 'nobody');
    return true;
  } catch (error) {
    const code = errorCodeOf(error);
    if (code === GROUP_REFUSED) return false;
    if (code !== undefined) return true;
    throw translateKafkaError(error, `asking Kafka about the group ${group}`);
  }
}

function describe(topic: string, found: Metadata['topics'][number] | undefined): TopicAccess {
  const code = found?.errorCode ?? UNKNOWN_TOPIC;
  const partitions = found?.partitions ?? [];
  const bits = found?.topicAuthorizedOperations ?? 0;
  const allowed = Object.entries(OPERATIONS).filter(([, bit]) => bits > 0 && (bits & bit) !== 0);
  return {
    topic,
    state: code === TOPIC_REFUSED ? 'hidden' : code === UNKNOWN_TOPIC ? 'missing' : 'there',
    partitions: partitions.length,
    replicationFactor: Math.min(...partitions.map(({ replicaNodes }) => replicaNodes.length)),
    leaderless: partitions.filter(({ leaderId }) => leaderId < 0).map(({ partitionIndex }) => partitionIndex),
    operations: new Set(allowed.map(([name]) => name)),
  };
}

/** The client rejects an answer for the sake of one topic that is missing, refused or leaderless, and hands it over. */
function answerOf(error: unknown): Metadata {
  const { response } = error as { readonly response?: Metadata };
  const known = new Set([0, UNKNOWN_TOPIC, LEADER_NOT_AVAILABLE, TOPIC_REFUSED]);
  if (response === undefined || !response.topics.every(({ errorCode }) => known.has(errorCode))) throw error;
  return response;
}

/** Kafka's number of the error in an answer that the client rejected. */
function errorCodeOf(error: unknown): number | undefined {
  return (error as { readonly response?: { readonly errorCode?: number } }).response?.errorCode;
}
