import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command, InvalidArgumentError } from 'commander';
import { parseSettings } from '../config/env.ts';
import { parseTopicsFile } from '../config/topics-file.ts';
import { UsageError } from '../domain/errors.ts';
import { startServices } from '../embedded/start-services.ts';
import type { Services } from '../embedded/start-services.ts';
import { shutdownSignal } from './context.ts';

interface Options {
  readonly stateDir: string;
  readonly fresh?: boolean;
  readonly portPostgres?: number;
  readonly portKafka?: number;
  readonly portRegistry?: number;
}

/** One ignored folder at the root of the checkout, wherever the command is started from. */
export const defaultStateDir = fileURLToPath(new URL('../../.bridge', import.meta.url));

/** `bridge services`: the embedded PostgreSQL, Kafka and schema registry, until Ctrl-C or SIGTERM. */
export function servicesCommand(): Command {
  return new Command('services')
    .description(
      'start only PostgreSQL, Kafka and the schema registry, without Docker, and keep them running',
    )
    .option('--state-dir <folder>', 'where they keep their data', defaultStateDir)
    .option('--fresh', 'empty that folder first (downloads stay)')
    .option('--port-postgres <port>', 'port of PostgreSQL (default: the last one, or a free one)', toPort)
    .option('--port-kafka <port>', 'port of Kafka', toPort)
    .option('--port-registry <port>', 'port of the schema registry', toPort)
    .action(runServices);
}

async function runServices(options: Options): Promise<void> {
  const { topicsFile } = parseSettings(process.env, []);
  const topics = parseTopicsFile(await readFile(topicsFile, 'utf8'), topicsFile).value;
  const services = await startServices({
    stateDir: path.resolve(options.stateDir),
    fresh: options.fresh ?? false,
    providerIds: Object.keys(topics.providers),
    ports: portsOf(options),
    env: process.env,
    onProgress: (line) => console.error(line),
    signal: shutdownSignal,
  });
  try {
    printEnvironment(services);
    const failure = await Promise.race([services.failed, untilShutdown()]);
    if (failure !== null) throw new UsageError(failure);
  } finally {
    console.error('Stopping …');
    await services.stop();
  }
}

function untilShutdown(): Promise<null> {
  return new Promise((resolve) => {
    if (shutdownSignal.aborted) resolve(null);
    shutdownSignal.addEventListener('abort', () => resolve(null), { once: true });
  });
}

/** On standard output, so that it can be kept in a file; everything else is said on standard error. */
function printEnvironment({ env, adminEnv }: Services): void {
  console.log(`
# For the administrator: bridge topics apply, bridge schemas register
${exportLines(adminEnv)}

# For the bridge: bridge migrate, bridge run
${exportLines(env)}
`);
  console.error('Running. Ctrl-C stops all three; their data stays.');
}

function exportLines(variables: Readonly<Record<string, string>>): string {
  return Object.entries(variables)
    .map(([name, value]) => `export ${name}='${value.replaceAll("'", `'\\''`)}'`)
    .join('\n');
}

function portsOf(options: Options) {
  return {
    ...(options.portPostgres !== undefined && { postgres: options.portPostgres }),
    ...(options.portKafka !== undefined && { kafka: options.portKafka }),
    ...(options.portRegistry !== undefined && { registry: options.portRegistry }),
  };
}

function toPort(value: string): number {
  const port = Number(value);
  if (!/^\d+$/.test(value) || port < 1 || port > 65535) {
    throw new InvalidArgumentError('It must be a number from 1 to 65535.');
  }
  return port;
}
