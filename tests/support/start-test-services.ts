import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { startServices } from '../../src/embedded/start-services.ts';
import { startContainers } from './start-containers.ts';

export interface TestServices {
  readonly databaseUrl: string;
  readonly kafkaBrokers: string[];
  readonly kafkaAdmin: { username: string; password: string };
  readonly registryUrl: string;
  readonly stop: () => Promise<void>;
}

const variables = [
  'TEST_DATABASE_URL',
  'TEST_KAFKA_BROKERS',
  'TEST_KAFKA_ADMIN_USERNAME',
  'TEST_KAFKA_ADMIN_PASSWORD',
  'TEST_SCHEMA_REGISTRY_URL',
] as const;

/** The services the tests use, in this order: those whose addresses are in the environment (all of `variables`, or none),
 *  containers when TEST_SERVICES is `docker` or `testcontainers`, else the embedded ones with a state of their own. */
export async function startTestServices(env: NodeJS.ProcessEnv): Promise<TestServices> {
  const given = fromEnvironment(env);
  if (given !== null) return given;
  const wanted = env['TEST_SERVICES'] ?? 'embedded';
  if (wanted === 'docker' || wanted === 'testcontainers') return startContainers();
  if (wanted !== 'embedded') {
    throw new Error(`TEST_SERVICES is ${wanted}: set it to docker or embedded, or leave it out`);
  }
  return startEmbedded(env);
}

function fromEnvironment(env: NodeJS.ProcessEnv): TestServices | null {
  const missing = variables.filter((name) => !env[name]);
  if (missing.length === variables.length) return null;
  if (missing.length > 0) {
    throw new Error(`Tests on given services need these variables too: ${missing.join(', ')}`);
  }
  return {
    databaseUrl: env['TEST_DATABASE_URL']!,
    kafkaBrokers: env['TEST_KAFKA_BROKERS']!.split(','),
    kafkaAdmin: {
      username: env['TEST_KAFKA_ADMIN_USERNAME']!,
      password: env['TEST_KAFKA_ADMIN_PASSWORD']!,
    },
    registryUrl: env['TEST_SCHEMA_REGISTRY_URL']!,
    stop: async () => {},
  };
}

async function startEmbedded(env: NodeJS.ProcessEnv): Promise<TestServices> {
  const stateDir = mkdtempSync(path.join(tmpdir(), 'eassurance-test-'));
  // For root, PostgreSQL runs as another user, who has to get through to its data.
  chmodSync(stateDir, 0o755);
  const removeState = () => rmSync(stateDir, { recursive: true, force: true });
  try {
    const services = await startServices({
      stateDir,
      providerIds: [],
      registryStorage: 'memory',
      env,
      onProgress: (line) => process.stderr.write(`${line}\n`),
    });
    return {
      databaseUrl: services.superuserUrl,
      kafkaBrokers: [...services.kafka.brokers],
      kafkaAdmin: { ...services.kafka.admin },
      registryUrl: services.env['SCHEMA_REGISTRY_URL']!,
      stop: async () => {
        await services.stop();
        removeState();
      },
    };
  } catch (error) {
    removeState();
    throw error;
  }
}
