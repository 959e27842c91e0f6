import { jvmEnvironment } from './find-java.ts';
import { startChild, untilReady } from './start-child.ts';

export interface RegistryOptions {
  readonly java: string;
  readonly env: NodeJS.ProcessEnv;
  readonly jar: string;
  /** Holds the log. */
  readonly dir: string;
  readonly port: number;
  /** Where the schemas are kept: `memory` forgets them at the end, a PostgreSQL database keeps them. */
  readonly storage: 'memory' | { readonly databaseUrl: string };
  /** Aborting it stops the program, started or still starting. */
  readonly signal?: AbortSignal | undefined;
}

export interface RunningRegistry {
  /** The Confluent-compatible API. */
  readonly url: string;
  /** Resolves with a phrase such as `exit code 1` once the registry is gone, stopped or not. */
  readonly exited: Promise<string>;
  readonly stop: () => Promise<void>;
}

/** Starts the schema registry (Apicurio). When it resolves, its Confluent-compatible API has answered. */
export async function startRegistry(options: RegistryOptions): Promise<RunningRegistry> {
  const child = await startChild({
    name: 'The schema registry',
    command: options.java,
    args: [
      ...['-Xmx384m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Xshare:auto'],
      ...['-Dquarkus.http.host=127.0.0.1', `-Dquarkus.http.port=${options.port}`],
      ...['-Dquarkus.log.level=WARN', '-Dquarkus.log.category."io.apicurio".level=WARN'],
      ...['-Dquarkus.http.access-log.enabled=false', '-jar', options.jar],
    ],
    env: { ...jvmEnvironment(options.env), ...storageVariables(options.storage) },
    dir: options.dir,
    file: 'registry',
    signal: options.signal,
  });
  const url = `http://127.0.0.1:${options.port}/apis/ccompat/v7`;
  await untilReady(child, () => answers(`${url}/subjects`));
  return { url, exited: child.exited, stop: () => child.stop() };
}

/** In the environment and not on the command line, which every user of the machine can read. */
function storageVariables(storage: RegistryOptions['storage']): NodeJS.ProcessEnv {
  if (storage === 'memory') return {};
  const url = new URL(storage.databaseUrl);
  return {
    APICURIO_STORAGE_KIND: 'sql',
    APICURIO_STORAGE_SQL_KIND: 'postgresql',
    APICURIO_DATASOURCE_URL: `jdbc:postgresql://${url.host}${url.pathname}`,
    APICURIO_DATASOURCE_USERNAME: decodeURIComponent(url.username),
    APICURIO_DATASOURCE_PASSWORD: decodeURIComponent(url.password),
  };
}

async function answers(address: string): Promise<boolean> {
  try {
    return (await fetch(address, { signal: AbortSignal.timeout(5_000) })).ok;
  } catch {
    return false;
  }
}
