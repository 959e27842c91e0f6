import { spawn } from 'node:child_process';
import type { ChildProcess, SpawnOptions } from 'node:child_process';
import {
  chmod,
  chown,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import pg from 'pg';
import { UsageError } from '../domain/errors.ts';
import { findPostgresBinaries } from './find-postgres-binaries.ts';
import type { PostgresBinaries } from './find-postgres-binaries.ts';
import { chooseServerUser } from './choose-server-user.ts';
import type { ServerUser } from './choose-server-user.ts';

export interface EmbeddedPostgres {
  /** As the superuser `postgres`, to the database `postgres`. */
  readonly url: string;
  readonly port: number;
  /** Ends all connections, writes a checkpoint and resolves once the server is gone. Idempotent. */
  stop(): Promise<void>;
  /** Immediate shutdown: no checkpoint, nobody is told; the next start recovers from the log. Resolves once it is gone. */
  crash(): Promise<void>;
}

export interface PostgresOptions {
  /** Created and initialised when absent; used as it is when a server has run on it before. */
  readonly dataDir: string;
  /** A free one when absent. */
  readonly port?: number;
  /** Of the superuser; it is fixed when the data directory is made. */
  readonly password: string;
  readonly onLog?: (line: string) => void;
}

/** Starts a real PostgreSQL server from the npm package's binaries and resolves once it takes connections.
 *
 *  It listens on 127.0.0.1 alone, asks for a SCRAM password, and keeps its defaults of durability (`fsync`,
 *  `synchronous_commit`). It also works for root, whose server then runs as an unprivileged user. It cannot outlive
 *  this process, however that ends: its supervisor holds a pipe to us and stops it when the pipe closes. Signals to
 *  our terminal do not reach it, so whoever uses the database is stopped before it.
 *
 *  Throws UsageError when the port is taken, the directory is in use, or the password is not the directory's. */
export async function startPostgres(options: PostgresOptions): Promise<EmbeddedPostgres> {
  const binaries = await findPostgresBinaries();
  const user = await chooseServerUser(options.dataDir);
  if (!(await isInitialised(options.dataDir))) await initialise(options, binaries, user);

  const port = options.port ?? (await findFreePort());
  const server = supervise(binaries.postgres, serverArguments(options.dataDir, port), user);
  const exited = new Promise<void>((resolve) => server.once('close', () => resolve()));
  const stop = async () => {
    server.stdin?.end();
    await exited;
  };
  const url = `postgresql://postgres:${encodeURIComponent(options.password)}@127.0.0.1:${port}/postgres`;
  try {
    await waitUntilReady(server, options);
    await checkPassword(url, options.dataDir);
  } catch (error) {
    await stop();
    throw error;
  }
  const crash = async () => {
    const [pid] = (await readFile(join(options.dataDir, 'postmaster.pid'), 'utf8')).split('\n');
    process.kill(Number(pid), 'SIGQUIT');
    await exited;
  };
  return { url, port, stop, crash };
}

async function isInitialised(dataDir: string): Promise<boolean> {
  const entries = await readdir(dataDir).catch((): string[] => []);
  if (entries.length > 0 && !entries.includes('PG_VERSION')) {
    throw new UsageError(`${dataDir} holds other files: give PostgreSQL an empty directory of its own`);
  }
  return entries.length > 0;
}

/** Makes the cluster beside its place and renames it, so that an interrupted start leaves nothing half made. */
async function initialise(
  options: PostgresOptions,
  binaries: PostgresBinaries,
  user: ServerUser,
): Promise<void> {
  const draft = `${options.dataDir}.new`;
  const secrets = await mkdtemp(join(tmpdir(), 'postgres-'));
  try {
    await rm(draft, { recursive: true, force: true });
    await mkdir(dirname(draft), { recursive: true });
    await mkdir(draft, { mode: 0o700 });
    const passwordFile = join(secrets, 'password');
    await writeFile(passwordFile, `${options.password}\n`, { mode: 0o600 });
    if (user.uid !== undefined) {
      await letThrough(dirname(draft));
      for (const path of [draft, secrets, passwordFile]) await chown(path, user.uid, user.gid ?? user.uid);
    }
    await runInitdb(binaries.initdb, draft, passwordFile, user, options.onLog);
    await rm(options.dataDir, { recursive: true, force: true });
    await rename(draft, options.dataDir);
  } finally {
    await rm(secrets, { recursive: true, force: true });
  }
}

/** The server's user must be able to pass through the directory above its own, which a temporary one forbids. */
async function letThrough(dir: string): Promise<void> {
  const { mode } = await stat(dir);
  if ((mode & 0o001) === 0) await chmod(dir, mode | 0o001);
}

async function runInitdb(
  initdb: string,
  dataDir: string,
  passwordFile: string,
  user: ServerUser,
  onLog?: (line: string) => void,
): Promise<void> {
  // `builtin` collation sorts by code point, whatever this machine's libraries are: indexes stay valid anywhere.
  const flags = ['--encoding=UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'];
  const child = spawn(
    initdb,
    [
      `--pgdata=${dataDir}`,
      '--username=postgres',
      '--auth=scram-sha-256',
      `--pwfile=${passwordFile}`,
      ...flags,
    ],
    { ...user, stdio: ['ignore', 'pipe', 'pipe'], env: serverEnvironment() },
  );
  const output = collectLines(child, onLog);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', (error) => reject(explainSpawn(error, initdb)));
    child.once('close', resolve);
  });
  if (code !== 0) throw new UsageError(`PostgreSQL could not make ${dataDir}: ${lastLines(output)}`);
}

function serverArguments(dataDir: string, port: number): readonly string[] {
  const settings = {
    port,
    listen_addresses: '127.0.0.1',
    // No socket files: two servers of two checkouts never meet in /tmp.
    unix_socket_directories: '',
    max_connections: 200,
    log_timezone: 'UTC',
    timezone: 'UTC',
  };
  return ['-D', dataDir, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])];
}

/** A shell between us and the server: it waits for the server, and asks it for a fast shutdown (SIGINT) as soon as
 *  our end of its standard input closes, which the kernel does for us even after SIGKILL. */
const SUPERVISOR = `exec 3<&0
"$@" 3<&- </dev/null & server=$!
{ cat <&3 >/dev/null; kill -INT "$server"; } 2>/dev/null & watch=$!
wait "$server"; code=$?
kill "$watch" 2>/dev/null
exit "$code"`;

function supervise(command: string, args: readonly string[], user: ServerUser): ChildProcess {
  const options: SpawnOptions = {
    ...user,
    // A session of its own: Ctrl-C reaches us, and we stop the server last.
    detached: true,
    stdio: ['pipe', 'ignore', 'pipe'],
    env: serverEnvironment(),
  };
  return spawn('/bin/sh', ['-c', SUPERVISOR, 'postgres', command, ...args], options);
}

/** English messages, since readiness is read from the log; nothing of our settings, such as secrets, is passed on. */
function serverEnvironment(): NodeJS.ProcessEnv {
  return { PATH: '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C' };
}

async function waitUntilReady(server: ChildProcess, options: PostgresOptions): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const output = collectLines(server, (line) => {
      options.onLog?.(line);
      if (line.includes('database system is ready to accept connections')) resolve();
    });
    server.once('error', (error) => reject(explainSpawn(error, 'PostgreSQL')));
    server.once('close', () => reject(explainExit(output, options)));
  });
}

function explainExit(output: readonly string[], options: PostgresOptions): Error {
  const text = output.join('\n');
  if (text.includes('Address already in use')) {
    return new UsageError(`port ${options.port ?? ''} is taken: stop what uses it or choose another`);
  }
  if (text.includes('postmaster.pid')) {
    return new UsageError(`${options.dataDir} is in use by another PostgreSQL: stop it first`);
  }
  return new UsageError(`PostgreSQL did not start on ${options.dataDir}: ${lastLines(output)}`);
}

function explainSpawn(error: Error, what: string): Error {
  return new UsageError(
    `${what} cannot be run (${error.message}): PostgreSQL refuses to run as root, so this directory must be readable by others, or DATABASE_URL must name a server of your own`,
    { cause: error },
  );
}

async function checkPassword(url: string, dataDir: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  try {
    await client.connect();
  } catch (error) {
    if ((error as { code?: string }).code !== '28P01') throw error;
    throw new UsageError(
      `the password is not the one that ${dataDir} was made with: use that one, or remove the directory`,
    );
  } finally {
    await client.end();
  }
}

function collectLines(child: ChildProcess, onLine?: (line: string) => void): readonly string[] {
  const recent: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (chunk: string) => {
      for (const line of chunk.split('\n').filter((text) => text !== '')) {
        recent.push(line);
        if (recent.length > 20) recent.shift();
        onLine?.(line);
      }
    });
  }
  return recent;
}

function lastLines(output: readonly string[]): string {
  return output.slice(-3).join(' ') || 'it said nothing';
}

async function findFreePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve, reject) => {
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', resolve);
  });
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}
