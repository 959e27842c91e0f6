import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { UsageError } from '../domain/errors.ts';

const run = promisify(execFile);
const oldestJava = 17;
const orAddresses =
  'or give the addresses of your own Kafka, schema registry and PostgreSQL in the environment';

/** The `java` to use: JAVA_HOME's, else the one on the PATH. Throws a UsageError unless it is Java 17 or newer. */
export async function findJava(env: NodeJS.ProcessEnv): Promise<string> {
  const command = env['JAVA_HOME'] ? path.join(env['JAVA_HOME'], 'bin', 'java') : 'java';
  const install = `install Java ${oldestJava} or newer (Debian: apt install openjdk-17-jre-headless), ${orAddresses}`;
  const banner = await outputOf(command, ['-version'], env);
  if (banner === null) throw new UsageError(`Java is missing (\`${command}\` does not run): ${install}.`);
  const version = /version "(?:1\.)?(\d+)/.exec(banner)?.[1];
  if (version === undefined || Number(version) < oldestJava) {
    throw new UsageError(`\`${command}\` is Java ${version ?? 'of an unknown version'}: ${install}.`);
  }
  return command;
}

/** Throws a UsageError unless `mvn` runs. It is needed once, to fetch the jars. */
export async function requireMaven(env: NodeJS.ProcessEnv): Promise<void> {
  if ((await outputOf('mvn', ['-version'], env)) === null) {
    throw new UsageError(
      `Maven is missing (\`mvn\` does not run): install it to fetch Kafka and the schema registry (Debian: apt install maven), ${orAddresses}.`,
    );
  }
}

/** What a Java program gets of our environment. Not the rest: it holds secrets, and the registry takes settings from it. */
export function jvmEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const { PATH, JAVA_HOME, HOME, TMPDIR } = env;
  return { PATH, JAVA_HOME, HOME, TMPDIR, LC_ALL: 'C.UTF-8' };
}

async function outputOf(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<string | null> {
  try {
    const { stdout, stderr } = await run(command, args, { env });
    return stdout + stderr;
  } catch {
    return null;
  }
}
