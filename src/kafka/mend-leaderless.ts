import { sleep } from '../runtime/sleep.ts';
import { isAway, loadKafkajs, prototypeOf } from './kafkajs-internals.ts';

interface PartitionMetadata {
  readonly partitionErrorCode: number;
  readonly partitionId: number;
  readonly leader: number;
}
interface Metadata {
  readonly topicMetadata: readonly { readonly partitionMetadata: readonly PartitionMetadata[] }[];
}
interface MetadataResponse {
  parse: (answer: Metadata) => Promise<Metadata>;
}
interface MetadataRequest {
  readonly versions: readonly string[];
  protocol(options: { readonly version: string }): (options: { readonly topics: readonly string[] }) => {
    readonly response: MetadataResponse;
  };
}
interface BrokerPool {
  readonly metadata: Metadata | null;
  metadataExpireAt: number | null;
  refreshMetadata: (topics: readonly string[]) => Promise<void>;
}
interface TopicAsked {
  readonly topic: string;
  readonly partitions: readonly { readonly partition: number }[];
}
interface TopicAnswered {
  readonly topic: string;
  readonly partitions: readonly { readonly partition: number; readonly offset: string }[];
}
interface Cluster {
  findLeaderForPartitions(topic: string, partitions: readonly number[]): Readonly<Record<string, number[]>>;
  fetchTopicsOffset: (topics: readonly TopicAsked[]) => Promise<readonly TopicAnswered[]>;
}
interface ConsumerGroup {
  recoverFromFetch: (error: unknown) => Promise<void>;
}

/** LEADER_NOT_AVAILABLE, and LISTENER_NOT_FOUND: the leader can't be named to us. */
const LEADERLESS = new Set([5, 72]);
const NO_LEADER = -1;
/** How soon the cluster is asked again while a leader is missing, or can't be reached. */
const ASK_AGAIN_MS = 1_000;
let mended = false;

/** kafkajs 2.2.4 lets one partition that nobody leads, or whose leader can't be reached, stop a client: its answer about
 *  *all* topics becomes an error, which ends a consumer and keeps the next one from joining; and a broker that can't be
 *  reached ends the reading from all others. After this call
 *  - such a partition stands in the metadata with the leader -1, so that it is assigned, and nothing is asked about it;
 *  - metadata with such a partition is asked for again after a second, so that its new leader is found soon;
 *  - reading from the other brokers goes on while one can't be reached, also when a group has no offset of its partitions.
 *  A topic that is missing or refused still is an error. */
export function mendLeaderless(): void {
  if (mended) return;
  const metadata = loadKafkajs('protocol/requests/metadata/index.js') as MetadataRequest;
  for (const version of metadata.versions)
    acceptLeaderless(metadata.protocol({ version })({ topics: [] }).response);
  askAgainSoon(prototypeOf<BrokerPool>(loadKafkajs('cluster/brokerPool.js'), 'refreshMetadata'));
  askWhoCanAnswer(prototypeOf<Cluster>(loadKafkajs('cluster/index.js'), 'fetchTopicsOffset'));
  goOnWithoutBroker(prototypeOf<ConsumerGroup>(loadKafkajs('consumer/consumerGroup.js'), 'recoverFromFetch'));
  mended = true;
}

function acceptLeaderless(response: MetadataResponse): void {
  const { parse } = response;
  response.parse = async (answer) => {
    const isLed = ({ partitionErrorCode }: PartitionMetadata) => !LEADERLESS.has(partitionErrorCode);
    await parse({
      ...answer,
      topicMetadata: answer.topicMetadata.map((topic) => ({
        ...topic,
        partitionMetadata: topic.partitionMetadata.filter(isLed),
      })),
    });
    return answer;
  };
}

function askAgainSoon(pool: BrokerPool): void {
  const { refreshMetadata } = pool;
  pool.refreshMetadata = async function (this: BrokerPool, topics) {
    await refreshMetadata.call(this, topics);
    const partitions =
      this.metadata?.topicMetadata.flatMap(({ partitionMetadata }) => partitionMetadata) ?? [];
    if (this.metadataExpireAt !== null && partitions.some(({ leader }) => leader === NO_LEADER))
      this.metadataExpireAt = Math.min(this.metadataExpireAt, Date.now() + ASK_AGAIN_MS);
  };
}

/** Leaves partitions out whose leader is missing or away; every topic that was asked about is in the answer. */
function askWhoCanAnswer(cluster: Cluster): void {
  const { fetchTopicsOffset } = cluster;
  cluster.fetchTopicsOffset = async function (this: Cluster, topics) {
    const byLeader = new Map<string, TopicAsked[]>();
    for (const asked of topics) {
      const ids = asked.partitions.map(({ partition }) => partition);
      for (const [leader, led] of Object.entries(this.findLeaderForPartitions(asked.topic, ids))) {
        const partitions = asked.partitions.filter(({ partition }) => led.includes(partition));
        byLeader.set(leader, [...(byLeader.get(leader) ?? []), { ...asked, partitions }]);
      }
    }
    byLeader.delete(String(NO_LEADER));
    const answers = await Promise.all(
      Array.from(byLeader.values(), (ofLeader) =>
        fetchTopicsOffset.call(this, ofLeader).catch((error: unknown) => {
          if (isAway(error)) return [];
          throw error;
        }),
      ),
    );
    return topics.map(({ topic }) => ({
      topic,
      partitions: answers.flat().flatMap((answer) => (answer.topic === topic ? answer.partitions : [])),
    }));
  };
}

/** Only the fetcher of the broker that is away waits: what it would fetch, nobody else can. */
function goOnWithoutBroker(group: ConsumerGroup): void {
  const { recoverFromFetch } = group;
  group.recoverFromFetch = async function (this: ConsumerGroup, error) {
    // A connection that was closed has its broker forgotten by kafkajs first.
    if (!isAway(error) || isClosed(error)) return recoverFromFetch.call(this, error);
    await sleep(ASK_AGAIN_MS);
  };
}

const isClosed = (error: unknown): boolean => (error as Error).name === 'KafkaJSConnectionClosedError';
