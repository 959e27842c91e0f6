import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { UsageError } from '../domain/errors.ts';
import { identifyProcess, isAlive, parseIdentity } from './process-identity.ts';

export interface ChildSpec {
  /** As a person calls it, e.g. `Kafka`. */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** All that it sees of the environment. */
  readonly env: NodeJS.ProcessEnv;
  /** Gets `<file>.log`, begun anew with each start, and `<file>.process`, which process it is while it runs. */
  readonly dir: string;
  readonly file: string;
  /** Aborting it stops the program. */
  readonly signal?: AbortSignal | undefined;
}

export interface Child {
  readonly name: string;
  /** Of the supervisor, whose child the program is. */
  readonly pid: number;
  readonly logFile: string;
  /** Resolves with a phrase such as `exit code 1` once the program is gone; never rejects. */
  readonly exited: Promise<string>;
  /** SIGTERM, SIGKILL after 15 s; resolves once it is gone. Idempotent. */
  readonly stop: () => Promise<void>;
  /** Sends it to the program and to what started it; nothing happens once they are gone. */
  readonly signal: (name: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT') => void;
}

/** A shell between us and the program. When our end of its standard input closes (we stop it, or we are gone: the kernel
 *  does it even after SIGKILL) it ends the program, and itself only after it. */
const supervisor = `exec 3<&0
"$@" 3<&- </dev/null & program=$!
{
  cat <&3 >/dev/null
  kill -TERM "$program"
  tries=150
  while [ "$tries" -gt 0 ] && kill -0 "$program"; do sleep 0.1; tries=$((tries - 1)); done
  kill -KILL "$program"
} 2>/dev/null & watch=$!
wait "$program"; code=$?
kill "$watch" 2>/dev/null
exit "$code"`;
const graceMs = 20_000;

/** Starts a program that can't outlive this process, however this process ends. Its session is its own: a Ctrl-C in the
 *  terminal reaches only us, and we stop what we started in order. What an earlier run left over in `dir` (it may still
 *  be ending) is gone before. */
export async function startChild(spec: ChildSpec): Promise<Child> {
  mkdirSync(spec.dir, { recursive: true });
  const recordFile = path.join(spec.dir, `${spec.file}.process`);
  const logFile = path.join(spec.dir, `${spec.file}.log`);
  await endLeftover(recordFile);
  spec.signal?.throwIfAborted();

  const log = openSync(logFile, 'w', 0o600);
  const child = spawn('/bin/sh', ['-c', supervisor, spec.file, spec.command, ...spec.args], {
    stdio: ['pipe', log, log],
    detached: true,
    env: spec.env,
  });
  closeSync(log);
  // The pipe may break while it is being closed: the program is gone then, which is what closing it asks for.
  child.stdin?.on('error', () => {});
  const identity = child.pid === undefined ? null : identifyProcess(child.pid);
  if (identity !== null) writeFileSync(recordFile, JSON.stringify(identity));
  const exited = exitOf(child).then((how) => {
    rmSync(recordFile, { force: true });
    return how;
  });
  const stop = async () => {
    child.stdin?.end();
    await exited;
  };
  const stopOnAbort = () => void stop();
  spec.signal?.addEventListener('abort', stopOnAbort);
  void exited.then(() => spec.signal?.removeEventListener('abort', stopOnAbort));
  const signal = (name: NodeJS.Signals) => signalGroup(child.pid!, name);
  return { name: spec.name, pid: child.pid!, logFile, exited, stop, signal };
}

/** Asks `isReady` until it says yes. Throws a UsageError with the last lines of the log when the program ends first or
 *  does not get there in time; it has been stopped then. */
export async function untilReady(
  child: Child,
  isReady: () => Promise<boolean>,
  deadlineMs = 120_000,
): Promise<void> {
  let ended: string | undefined;
  void child.exited.then((how) => (ended = how));
  const deadline = Date.now() + deadlineMs;
  while (!(await isReady())) {
    if (ended !== undefined) throw failed(child, `ended while it was starting (${ended})`);
    if (Date.now() > deadline) {
      await child.stop();
      throw failed(child, `did not answer within ${deadlineMs / 1000} s and was stopped`);
    }
    await delay(50);
  }
}

/** Waits for a program that does its work and ends. Throws a UsageError with its last lines when it failed. */
export async function untilDone(child: Child): Promise<void> {
  const how = await child.exited;
  if (how !== 'exit code 0') throw failed(child, `failed (${how})`);
}

/** The parent of what is found here is gone, so its supervisor is ending it already. */
async function endLeftover(recordFile: string): Promise<void> {
  if (!existsSync(recordFile)) return;
  const leftover = parseIdentity(readFileSync(recordFile, 'utf8'));
  const deadline = Date.now() + graceMs;
  while (leftover !== null && isAlive(leftover)) {
    if (Date.now() > deadline) process.kill(-leftover.pid, 'SIGKILL');
    await delay(50);
  }
  rmSync(recordFile, { force: true });
}

/** Resolves when the supervisor is gone. Should somebody have killed only the supervisor, its program (same process
 *  group) goes with it. */
function exitOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) => {
      if (signal !== null) signalGroup(child.pid!, 'SIGKILL');
      resolve(signal === null ? `exit code ${code}` : signal);
    });
  });
}

function signalGroup(leader: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-leader, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function failed(child: Child, what: string): UsageError {
  const lines = readFileSync(child.logFile, 'utf8').trimEnd().split('\n').slice(-15);
  return new UsageError(
    `${child.name} ${what}. The last lines of ${child.logFile}:\n${lines.map((line) => `  ${line}`).join('\n')}`,
  );
}
