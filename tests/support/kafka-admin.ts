import { randomBytes, pbkdf2Sync } from 'node:crypto';
import { Admin, alterUserScramCredentialsV0, Connection } from '@platformatic/kafka';
import kafkajs from 'kafkajs';
import type { Admin as KafkaJsAdmin, AclEntry, Kafka, KafkaConfig, SASLOptions } from 'kafkajs';
import { inject } from 'vitest';
import { mendRequestQueue } from '../../src/kafka/mend-request-queue.ts';
import { waitFor } from './wait-for.ts';

export interface KafkaLogin {
  readonly username: string;
  readonly password: string;
}

/** A kafkajs client of the test cluster, logged in as `login` (the super user when absent). */
export function kafkaClient(
  login: KafkaLogin = inject('kafkaAdmin'),
  config: Partial<KafkaConfig> = {},
): Kafka {
  mendRequestQueue();
  const sasl: SASLOptions = { mechanism: 'scram-sha-256', ...login };
  return new kafkajs.Kafka({
    brokers: inject('kafkaBrokers'),
    sasl,
    logLevel: kafkajs.logLevel.NOTHING,
    ...config,
  });
}

/** Runs `work` with a connected kafkajs admin client (the super user's), and disconnects it. */
export async function withKafkaAdmin<T>(work: (admin: KafkaJsAdmin) => Promise<T>): Promise<T> {
  const admin = kafkaClient().admin();
  await admin.connect();
  try {
    return await work(admin);
  } finally {
    await admin.disconnect();
  }
}

/** Makes the topics and returns once their leaders are known. */
export async function createTopics(
  topics: readonly string[],
  options: { readonly partitions?: number; readonly config?: Readonly<Record<string, string>> } = {},
): Promise<void> {
  const configEntries = Object.entries(options.config ?? {}).map(([name, value]) => ({ name, value }));
  await withKafkaAdmin(async (admin) => {
    await admin.createTopics({
      waitForLeaders: false,
      topics: topics.map((topic) => ({ topic, numPartitions: options.partitions ?? 1, configEntries })),
    });
    // kafkajs' own wait gives up on a broker that has not heard of the topic yet.
    await waitFor(
      'the topics have leaders',
      () => admin.fetchTopicMetadata({ topics: [...topics] }),
      (found) => found.topics.every(({ partitions }) => partitions.every(({ leader }) => leader >= 0)),
    );
  });
}

/** Makes the SCRAM-SHA-256 user, or gives it this password. kafkajs has no such request. */
export async function createUser(user: KafkaLogin): Promise<void> {
  const [host, port] = inject('kafkaBrokers')[0]!.split(':');
  const connection = new Connection('tests', {
    sasl: { mechanism: 'SCRAM-SHA-256', ...inject('kafkaAdmin') },
  });
  await connection.connect(host!, Number(port));
  try {
    const salt = randomBytes(16);
    const iterations = 4_096;
    const saltedPassword = pbkdf2Sync(user.password, salt, iterations, 32, 'sha256');
    const scramSha256 = 1;
    await alterUserScramCredentialsV0.api.async(
      connection,
      [],
      [{ name: user.username, mechanism: scramSha256, iterations, salt, saltedPassword }],
    );
  } finally {
    await connection.close();
  }
}

/** Allows `username` these operations on everything whose name begins with `prefix`. */
export async function allowPrefix(
  username: string,
  resource: 'topic' | 'group',
  prefix: string,
  operations: readonly ('READ' | 'WRITE' | 'DESCRIBE')[],
): Promise<void> {
  const { AclOperationTypes, AclPermissionTypes, AclResourceTypes, ResourcePatternTypes } = kafkajs;
  const acl = operations.map((operation): AclEntry => ({
    principal: `User:${username}`,
    host: '*',
    operation: AclOperationTypes[operation],
    permissionType: AclPermissionTypes.ALLOW,
    resourceType: resource === 'topic' ? AclResourceTypes.TOPIC : AclResourceTypes.GROUP,
    resourceName: prefix,
    resourcePatternType: ResourcePatternTypes.PREFIXED,
  }));
  await withKafkaAdmin((admin) => admin.createAcls({ acl }));
}

/** Everything that stands in the topic now, each partition in its order. */
export async function readTopic(
  topic: string,
): Promise<readonly { partition: number; offset: string; key: string | null; value: Buffer | null }[]> {
  const ends = await withKafkaAdmin((admin) => admin.fetchTopicOffsets(topic));
  const awaited = new Map(
    ends.filter((end) => end.high !== end.low).map((end) => [end.partition, BigInt(end.high)]),
  );
  const found: { partition: number; offset: string; key: string | null; value: Buffer | null }[] = [];
  if (awaited.size === 0) return found;
  const consumer = kafkaClient().consumer({ groupId: `read-${randomBytes(6).toString('hex')}` });
  await consumer.connect();
  try {
    await consumer.subscribe({ topic, fromBeginning: true });
    await new Promise<void>((resolve, reject) => {
      // kafkajs starts again by itself after what it can retry, such as a coordinator that still loads.
      consumer.on('consumer.crash', ({ payload }) => payload.restart || reject(payload.error));
      consumer
        .run({
          eachMessage: async ({ partition, message: { offset, key, value } }) => {
            found.push({ partition, offset, key: key?.toString() ?? null, value });
            if (BigInt(offset) + 1n >= (awaited.get(partition) ?? 0n)) awaited.delete(partition);
            if (awaited.size === 0) resolve();
          },
        })
        .catch(reject);
    });
  } finally {
    await consumer.disconnect();
  }
  return found;
}

/** A client of the other library, for what kafkajs can't ask. To be closed by the caller. */
export function platformaticAdmin(login: KafkaLogin = inject('kafkaAdmin')): Admin {
  return new Admin({
    clientId: 'tests',
    bootstrapBrokers: inject('kafkaBrokers'),
    sasl: { mechanism: 'SCRAM-SHA-256', ...login },
    retries: 0,
  });
}
