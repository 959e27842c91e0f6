import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { PostgreSqlContainer } from '@testcontainers/postgresql';
import { GenericContainer, Wait } from 'testcontainers';
import type { StartedTestContainer } from 'testcontainers';
import { freePort } from './free-port.ts';
import { readComposeImages } from './read-compose-images.ts';
import type { TestServices } from './start-test-services.ts';

const kafkaScript = fileURLToPath(new URL('../../deploy/docker/start-kafka.sh', import.meta.url));

/** The same services as containers, with the images that docker-compose.kafka.yml names. Needs a Docker engine. */
export async function startContainers(): Promise<TestServices> {
  const images = readComposeImages();
  const password = randomBytes(16).toString('hex');
  // Kafka tells its clients the port under which they reach it, so it must be known before it starts.
  const kafkaPort = await freePort();
  const starts = [
    new PostgreSqlContainer(images.postgres).withPassword(password).start(),
    new GenericContainer(images.kafka)
      .withCopyFilesToContainer([{ source: kafkaScript, target: '/start-kafka.sh', mode: 0o755 }])
      .withEntrypoint(['bash', '/start-kafka.sh'])
      .withEnvironment({ KAFKA_ADMIN_PASSWORD: password, KAFKA_HOST_PORT: String(kafkaPort) })
      .withExposedPorts({ container: 9094, host: kafkaPort })
      .withWaitStrategy(Wait.forLogMessage(/Kafka Server started/))
      .start(),
    new GenericContainer(images.registry)
      .withExposedPorts(8080)
      .withWaitStrategy(Wait.forHttp('/apis/ccompat/v7/subjects', 8080))
      .start(),
  ] as const;
  const stop = async () => {
    const started = await Promise.allSettled<StartedTestContainer>(starts);
    for (const one of started) if (one.status === 'fulfilled') await one.value.stop();
  };
  try {
    const [postgres, , registry] = await Promise.all(starts);
    return {
      databaseUrl: postgres.getConnectionUri(),
      kafkaBrokers: [`127.0.0.1:${kafkaPort}`],
      kafkaAdmin: { username: 'admin', password },
      registryUrl: `http://${registry.getHost()}:${registry.getMappedPort(8080)}/apis/ccompat/v7`,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
