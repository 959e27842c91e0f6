import { ConfigResourceTypes, IncrementalAlterConfigOperationTypes } from '@platformatic/kafka';
import type { Admin } from '@platformatic/kafka';
import type { ClusterAdmin, TopicState } from '../ports.ts';
import { kafkaErrorType, translateKafkaError } from './translate-error.ts';

type TopicAdmin = Pick<ClusterAdmin, 'describeTopics' | 'createTopic' | 'addPartitions' | 'alterTopicConfig'>;

export function manageTopics(admin: Admin): TopicAdmin {
  const attempt = async <T>(doing: string, work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      throw translateKafkaError(error, doing);
    }
  };

  return {
    describeTopics: (topics, configKeys) =>
      attempt('describing topics', async () => {
        const existing = new Set(await admin.listTopics());
        const names = topics.filter((topic) => existing.has(topic));
        if (names.length === 0) return new Map<string, TopicState>();
        const metadata = await admin.metadata({ topics: names, forceUpdate: true });
        const configs = await describeConfigs(admin, names, configKeys);
        return new Map(
          names.map((topic) => {
            const partitions = metadata.topics.get(topic)!.partitions;
            const replicationFactor = Math.min(...partitions.map(({ replicas }) => replicas.length));
            return [
              topic,
              { topic, partitions: partitions.length, replicationFactor, config: configs.get(topic) ?? {} },
            ];
          }),
        );
      }),

    createTopic: ({ topic, partitions, replicationFactor, config }) =>
      attempt(`creating ${topic}`, async () => {
        const configs = Object.entries(config).map(([name, value]) => ({ name, value }));
        try {
          await admin.createTopics({ topics: [topic], partitions, replicas: replicationFactor, configs });
        } catch (error) {
          // Somebody else has just made it; the next plan compares what they made with what is asked for.
          if (kafkaErrorType(error) !== 'TOPIC_ALREADY_EXISTS') throw error;
        }
      }),

    addPartitions: (topic, count) =>
      attempt(`adding partitions to ${topic}`, () =>
        admin.createPartitions({ topics: [{ name: topic, count }] }),
      ),

    alterTopicConfig: (topic, config) =>
      attempt(`configuring ${topic}`, () =>
        admin.incrementalAlterConfigs({
          resources: [
            {
              resourceType: ConfigResourceTypes.TOPIC,
              resourceName: topic,
              configs: Object.entries(config).map(([name, value]) => ({
                name,
                value,
                configOperation: IncrementalAlterConfigOperationTypes.SET,
              })),
            },
          ],
        }),
      ),
  };
}

async function describeConfigs(admin: Admin, topics: readonly string[], configKeys: readonly string[]) {
  const described = await admin.describeConfigs({
    resources: topics.map((topic) => ({
      resourceType: ConfigResourceTypes.TOPIC,
      resourceName: topic,
      configurationKeys: [...configKeys],
    })),
  });
  return new Map(
    described.map(({ resourceName, configs }) => [
      resourceName,
      Object.fromEntries(configs.map(({ name, value }) => [name, value ?? ''])),
    ]),
  );
}
