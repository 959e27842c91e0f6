import { metadataV12, type Admin, type Connection } from '@platformatic/kafka';
import { anyBroker } from './create-kafka-admin.ts';

type Metadata = Awaited<ReturnType<typeof metadataV12.api.async>>;
export type TopicMetadata = Metadata['topics'][number];

/** Who leads what, as of the last call of `refresh`. */
export interface LeaderMap {
  /** Asks the cluster; topics that don't exist are left out, those without leader are not. */
  refresh(topics: readonly string[]): Promise<readonly TopicMetadata[]>;
  leaderOf(topicId: string, partition: number): number | null;
  /** Of the last refresh. */
  brokerIds(): readonly number[];
  connect(brokerId: number): Promise<Connection>;
}

const UNKNOWN_TOPIC = 3;

export function createLeaderMap(admin: Admin): LeaderMap {
  let leaders = new Map<string, number>();
  let brokers = new Map<number, { readonly host: string; readonly port: number }>();
  return {
    async refresh(topics) {
      const answer = await metadataV12.api
        .async(await anyBroker(admin), [...topics], false, false)
        .catch(responseOf<Metadata>);
      const existing = answer.topics.filter(({ errorCode }) => errorCode !== UNKNOWN_TOPIC);
      brokers = new Map(answer.brokers.map(({ nodeId, host, port }) => [nodeId, { host, port }]));
      leaders = new Map(
        existing.flatMap(({ topicId, partitions }) =>
          partitions
            .filter(({ leaderId }) => leaderId >= 0)
            .map(({ partitionIndex, leaderId }) => [`${topicId}/${partitionIndex}`, leaderId] as const),
        ),
      );
      return existing;
    },
    leaderOf: (topicId, partition) => leaders.get(`${topicId}/${partition}`) ?? null,
    brokerIds: () => [...brokers.keys()],
    connect(brokerId) {
      const broker = brokers.get(brokerId);
      if (broker === undefined) throw new Error(`broker ${brokerId} is not in the cluster's answer`);
      return admin.connections.get(broker);
    },
  };
}

/** The client rejects a whole answer for the sake of one topic or partition in it, and hands it over with the error. */
export function responseOf<Response>(error: unknown): Response {
  const { response } = error as { readonly response?: Response };
  if (response === undefined) throw error;
  return response;
}
