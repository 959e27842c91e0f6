import { createRequire } from 'node:module';
import { beforeAll, describe, expect, it } from 'vitest';
import { mendLeaderless } from '../../../src/kafka/mend-leaderless.ts';

const load = createRequire(import.meta.url);
const NONE = 0;
const LEADER_NOT_AVAILABLE = 5;
const LISTENER_NOT_FOUND = 72;
const UNKNOWN_TOPIC_OR_PARTITION = 3;
const TOPIC_AUTHORIZATION_FAILED = 29;

beforeAll(mendLeaderless);

const partition = (partitionId: number, leader: number, partitionErrorCode = NONE) => ({
  ...{ partitionErrorCode, partitionId, leader },
  ...{ replicas: [1], isr: [1], offlineReplicas: [] },
});

describe('the metadata of kafkajs', () => {
  const { versions, protocol } = load('kafkajs/src/protocol/requests/metadata/index.js') as {
    versions: string[];
    protocol(of: { version: string }): (of: { topics: string[] }) => {
      response: { parse(answer: object): Promise<object> };
    };
  };
  const parse = (version: string, topicErrorCode: number, errorCode: number) => {
    const topic = {
      topicErrorCode,
      topic: 't',
      partitionMetadata: [partition(0, 1), partition(1, -1, errorCode)],
    };
    const answer = { brokers: [], topicMetadata: [topic] };
    const { response } = protocol({ version })({ topics: [] });
    return { answer, parsed: response.parse(answer) };
  };

  it.each(versions)('holds a partition without a leader beside the others (version %s)', async (version) => {
    for (const code of [LEADER_NOT_AVAILABLE, LISTENER_NOT_FOUND]) {
      const { answer, parsed } = parse(version, NONE, code);
      expect(await parsed).toEqual(answer);
    }
  });

  it.each(versions)('still is an error when a topic is missing or refused (version %s)', async (version) => {
    for (const code of [UNKNOWN_TOPIC_OR_PARTITION, TOPIC_AUTHORIZATION_FAILED])
      await expect(parse(version, code, LEADER_NOT_AVAILABLE).parsed).rejects.toMatchObject({ code });
    await expect(parse(version, NONE, TOPIC_AUTHORIZATION_FAILED).parsed).rejects.toMatchObject({
      code: TOPIC_AUTHORIZATION_FAILED,
    });
  });
});

describe('the offsets that a group begins with', () => {
  const { prototype } = load('kafkajs/src/cluster/index.js') as {
    prototype: { fetchTopicsOffset(topics: object[]): Promise<object[]> };
  };
  /** Partition 0 is led by broker 1, partition 1 by broker 2, partition 2 by nobody. */
  const cluster = (away: (nodeId: string) => Error | null): typeof prototype =>
    Object.assign(Object.create(prototype) as typeof prototype, {
      isolationLevel: 1,
      findTopicPartitionMetadata: () => [partition(0, 1), partition(1, 2), partition(2, -1)],
      findBroker: async ({ nodeId }: { nodeId: string }) => {
        const error = away(nodeId);
        if (error) throw error;
        return {
          listOffsets: async ({
            topics,
          }: {
            topics: { topic: string; partitions: { partition: number }[] }[];
          }) => ({
            responses: topics.map(({ topic, partitions }) => ({
              topic,
              partitions: partitions.map((each) => ({ partition: each.partition, offset: '7' })),
            })),
          }),
        };
      },
    });
  const asked = (topic: string, ...partitions: number[]) => ({
    ...{ topic, fromBeginning: true },
    partitions: partitions.map((each) => ({ partition: each })),
  });
  const connectionError = Object.assign(new Error('refused'), { name: 'KafkaJSConnectionError' });

  it('are asked of the brokers that there are', async () => {
    const found = await cluster(() => null).fetchTopicsOffset([asked('a', 0, 1, 2), asked('b', 2)]);
    expect(found).toEqual([
      {
        topic: 'a',
        partitions: [
          { partition: 0, offset: '7' },
          { partition: 1, offset: '7' },
        ],
      },
      { topic: 'b', partitions: [] },
    ]);
  });

  it('are left out where the leader is away', async () => {
    const away = cluster((nodeId) => (nodeId === '2' ? connectionError : null));
    expect(await away.fetchTopicsOffset([asked('a', 0, 1)])).toEqual([
      { topic: 'a', partitions: [{ partition: 0, offset: '7' }] },
    ]);
  });

  it('are an error when a broker refuses to tell', async () => {
    const refusing = cluster(() => new Error('not authorised'));
    await expect(refusing.fetchTopicsOffset([asked('a', 0)])).rejects.toThrow('not authorised');
  });
});

describe('the age of the metadata', () => {
  const { prototype } = load('kafkajs/src/cluster/brokerPool.js') as {
    prototype: { metadataExpireAt: number; refreshMetadata(topics: string[]): Promise<void> };
  };
  const expiresIn = async (leader: number): Promise<number> => {
    const topicMetadata = [{ topic: 't', partitionMetadata: [partition(0, 1), partition(1, leader)] }];
    const pool = Object.assign(Object.create(prototype) as typeof prototype, {
      metadataMaxAge: 60_000,
      brokers: {},
      seedBroker: { connectionPool: {} },
      retrier: (work: (bail: (error: unknown) => void) => Promise<void>) =>
        work((error) => {
          throw error;
        }),
      findConnectedBroker: async () => ({ metadata: async () => ({ brokers: [], topicMetadata }) }),
    });
    await pool.refreshMetadata(['t']);
    return pool.metadataExpireAt - Date.now();
  };

  it('is a second at most while a leader is missing, else what was asked for', async () => {
    expect(await expiresIn(-1)).toBeLessThanOrEqual(1_000);
    expect(await expiresIn(2)).toBeGreaterThan(50_000);
  });
});
