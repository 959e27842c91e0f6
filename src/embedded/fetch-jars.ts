import { spawn } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { UsageError } from '../domain/errors.ts';
import { requireMaven } from './find-java.ts';
import { waitForLock } from './hold-lock.ts';
import { createMavenProgress } from './maven-progress.ts';

export interface Jars {
  /** For `java -cp`. */
  readonly kafkaClasspath: string;
  /** For `java -jar`. */
  readonly registryJar: string;
}

const home = fileURLToPath(new URL('../../', import.meta.url));
const pomFile = path.join(home, 'embedded', 'pom.xml');

/** Where the jars lie unless told otherwise. `BRIDGE_JARS_DIR` lets several checkouts share one folder. */
export function defaultJarsDir(env: NodeJS.ProcessEnv): string {
  return env['BRIDGE_JARS_DIR'] ? path.resolve(env['BRIDGE_JARS_DIR']) : path.join(home, '.bridge', 'jars');
}

/** The jars of embedded/pom.xml, fetched by Maven unless they are in `jarsDir` already. What is returned is complete: a
 *  download goes to a folder of its own and takes its place in one step, under a name that changes with the pom.
 *  Of several processes one fetches and the others wait for it. */
export async function fetchJars(options: {
  readonly jarsDir: string;
  readonly env: NodeJS.ProcessEnv;
  readonly onProgress: (line: string) => void;
}): Promise<Jars> {
  const { jarsDir, env, onProgress } = options;
  const pom = readFileSync(pomFile);
  const folder = path.join(jarsDir, createHash('sha256').update(pom).digest('hex').slice(0, 16));
  if (existsSync(folder)) return jarsIn(folder);

  await requireMaven(env);
  const lock = await waitForLock(path.join(jarsDir, 'lock'), ({ pid }) =>
    onProgress(`Waiting for process ${pid}, which is fetching the jars …`),
  );
  try {
    if (existsSync(folder)) return jarsIn(folder);
    removePartialDownloads(jarsDir);
    const partial = path.join(jarsDir, `partial-${randomUUID()}`);
    mkdirSync(partial);
    onProgress('Fetching Kafka and the schema registry with Maven (about 150 MB, only the first time) …');
    await runMaven(partial, env, onProgress);
    jarsIn(partial);
    renameSync(partial, folder);
    onProgress('Fetched.');
    return jarsIn(folder);
  } finally {
    lock.release();
  }
}

function jarsIn(folder: string): Jars {
  const runner = readdirSync(path.join(folder, 'registry')).find((name) => name.endsWith('-runner.jar'));
  if (runner === undefined) {
    throw new UsageError(`${folder} holds no schema registry: remove that folder, it is fetched again.`);
  }
  return {
    kafkaClasspath: path.join(folder, 'kafka', '*'),
    registryJar: path.join(folder, 'registry', runner),
  };
}

/** Left by a process that was killed while it held the lock. */
function removePartialDownloads(jarsDir: string): void {
  for (const name of readdirSync(jarsDir)) {
    if (name.startsWith('partial-')) rmSync(path.join(jarsDir, name), { recursive: true });
  }
}

/** Not in batch mode, in which Maven tells nothing while a file of 109 MB is on its way. */
async function runMaven(
  target: string,
  env: NodeJS.ProcessEnv,
  onProgress: (line: string) => void,
): Promise<void> {
  const args = ['-f', pomFile, '-Dstyle.color=never', `-Djars.dir=${target}`, 'generate-resources'];
  const child = spawn('mvn', args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const progress = createMavenProgress(onProgress);
  let errors = '';
  const read = (chunk: string) => {
    progress(chunk);
    errors += chunk
      .split('\n')
      .filter((line) => line.startsWith('[ERROR]'))
      .join('\n');
  };
  child.stdout.setEncoding('utf8').on('data', read);
  child.stderr.setEncoding('utf8').on('data', read);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (code !== 0) {
    const reason = /^\[ERROR\] (.*)/.exec(errors)?.[1] ?? `exit code ${code}`;
    throw new UsageError(
      `Maven could not fetch Kafka and the schema registry; check the network and Maven's settings.xml, then try again. Maven says: ${reason}`,
    );
  }
}
