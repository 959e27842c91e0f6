import { fileURLToPath } from 'node:url';
import { Command, InvalidArgumentError, Option } from 'commander';
import { pino } from 'pino';
import { UsageError } from '../domain/errors.ts';
import { mendRequestQueue } from '../kafka/mend-request-queue.ts';
import { createPlatform } from '../simulator/create-platform.ts';
import type { Platform, PlatformSettings } from '../simulator/create-platform.ts';

interface Flags {
  readonly databaseUrl: string;
  readonly kafkaBrokers: readonly string[];
  readonly kafkaSaslMechanism: string;
  readonly kafkaSaslUsername?: string;
  readonly kafkaSaslPassword?: string;
  readonly kafkaSsl?: boolean;
  readonly registryUrl: string;
  readonly schemas: string;
  readonly host: string;
  readonly port: number;
  readonly agentKey: string;
  readonly logLevel: string;
}

const SCHEMAS = fileURLToPath(new URL('../../schemas', import.meta.url));
const MECHANISMS = ['scram-sha-256', 'scram-sha-512', 'plain'] as const;

/** `bridge simulate <provider>`: one insurer's platform until SIGINT or SIGTERM; what is under way then is finished. */
export function simulateCommand(): Command {
  return new Command('simulate')
    .description("Runs one simulated insurer's platform: its own store, its part in the topics, its GET API")
    .argument('<provider>', "the insurer's id, as in topics.yaml", providerId)
    .addOption(
      required(
        '--database-url <url>',
        'its own PostgreSQL database; made when missing',
        'SIMULATOR_DATABASE_URL',
      ),
    )
    .addOption(
      required('--kafka-brokers <list>', 'host:port, separated by commas', 'KAFKA_BROKERS').argParser(
        (text: string) => text.split(',').map((part) => part.trim()),
      ),
    )
    .addOption(
      new Option('--kafka-sasl-mechanism <name>', 'how it logs in')
        .env('KAFKA_SASL_MECHANISM')
        .default('SCRAM-SHA-256'),
    )
    .addOption(
      new Option('--kafka-sasl-username <name>', 'its Kafka user; none: no login').env('KAFKA_SASL_USERNAME'),
    )
    .addOption(
      new Option('--kafka-sasl-password <secret>', 'its password; better given in the environment').env(
        'KAFKA_SASL_PASSWORD',
      ),
    )
    .addOption(new Option('--kafka-ssl', 'TLS to the brokers').env('KAFKA_SSL'))
    .addOption(
      required(
        '--registry-url <url>',
        'the schema registry (Confluent-compatible API)',
        'SCHEMA_REGISTRY_URL',
      ),
    )
    .addOption(new Option('--schemas <folder>', "the contract's .avsc files").default(SCHEMAS))
    .addOption(
      new Option('--host <name>', 'where its APIs listen').env('SIMULATOR_HTTP_HOST').default('127.0.0.1'),
    )
    .addOption(
      new Option('--port <number>', 'port of its APIs; 0 takes any free one')
        .env('SIMULATOR_HTTP_PORT')
        .default(0)
        .argParser(portNumber),
    )
    .addOption(required('--agent-key <secret>', "key of its own staff's API", 'SIMULATOR_AGENT_KEY'))
    .addOption(new Option('--log-level <level>', 'how much it says').env('LOG_LEVEL').default('info'))
    .addHelpText(
      'after',
      '\nThe keys of its GET API come from PROVIDER_<ID>_API_KEY and PROVIDER_<ID>_API_KEY_NEXT.',
    )
    .action((provider: string, flags: Flags) => simulate(provider, flags, process.env));
}

async function simulate(provider: string, flags: Flags, env: NodeJS.ProcessEnv): Promise<void> {
  mendRequestQueue();
  const platform = await open(settingsOf(provider, flags, env));
  const stop = new AbortController();
  const onSignal = () => stop.abort();
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  try {
    process.stdout.write(`${provider} listens on ${platform.url} (GET API under /v1, staff under /agent)\n`);
    await platform.run(stop.signal);
  } finally {
    await platform.stop();
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
  }
}

async function open(settings: PlatformSettings): Promise<Platform> {
  try {
    return await createPlatform(settings);
  } catch (error) {
    const { code } = error as { code?: string };
    if (code === 'EADDRINUSE') {
      throw new UsageError(
        `Port ${settings.port} is taken: give another with --port or SIMULATOR_HTTP_PORT.`,
        { cause: error },
      );
    }
    if (code === 'ECONNREFUSED' || code === 'ENOTFOUND') {
      throw new UsageError(
        'The database of SIMULATOR_DATABASE_URL is unreachable: start it or correct the address.',
        { cause: error },
      );
    }
    throw error;
  }
}

function settingsOf(provider: string, flags: Flags, env: NodeJS.ProcessEnv): PlatformSettings {
  const prefix = `PROVIDER_${provider.toUpperCase()}_API_KEY`;
  const apiKeys = [env[prefix], env[`${prefix}_NEXT`]].filter(
    (key): key is string => key !== undefined && key !== '',
  );
  if (apiKeys.length === 0)
    throw new UsageError(`Set ${prefix} to the key with which E-assurance reads the GET API.`);
  const mechanism = MECHANISMS.find((name) => name === flags.kafkaSaslMechanism.toLowerCase());
  if (!mechanism)
    throw new UsageError(
      `KAFKA_SASL_MECHANISM is ${flags.kafkaSaslMechanism}: it takes ${MECHANISMS.join(', ')}.`,
    );
  const { kafkaSaslUsername: username, kafkaSaslPassword: password } = flags;
  if (username !== undefined && password === undefined)
    throw new UsageError('KAFKA_SASL_PASSWORD is missing: set it beside KAFKA_SASL_USERNAME.');
  return {
    providerId: provider,
    databaseUrl: flags.databaseUrl,
    brokers: flags.kafkaBrokers,
    sasl: username !== undefined && password !== undefined ? { mechanism, username, password } : undefined,
    ssl: String(flags.kafkaSsl ?? false) === 'true',
    registryUrl: flags.registryUrl,
    schemasDir: flags.schemas,
    apiKeys,
    agentKey: flags.agentKey,
    host: flags.host,
    port: flags.port,
    log: pino({ level: flags.logLevel, base: { provider } }, pino.destination({ dest: 2, sync: true })),
  };
}

function required(flag: string, description: string, variable: string): Option {
  return new Option(flag, description).env(variable).makeOptionMandatory();
}

function providerId(text: string): string {
  if (!/^[a-z][a-z0-9]{1,30}$/.test(text))
    throw new InvalidArgumentError('An id is made of small letters and digits.');
  return text;
}

function portNumber(text: string): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new InvalidArgumentError('A port is a number from 0 to 65535.');
  return port;
}
