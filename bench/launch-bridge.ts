import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { CleanupStack } from '../src/runtime/cleanup-stack.ts';
import { startBridge } from '../tests/soak/open-world.ts';
import { freePort } from '../tests/support/free-port.ts';
import { programOf, residentBytes } from '../tests/support/inspect-process.ts';
import type { Bed } from './open-bed.ts';

export interface Bridge {
  /** Of its API. */
  readonly url: string;
  /** Polls until the fact holds. Rejects when the bridge ends meanwhile, or the bench is asked to stop. */
  until(fact: () => Promise<boolean>): Promise<void>;
  /** User and system time so far, of all its threads. */
  cpuMs(): Promise<number>;
  residentBytes(): Promise<number>;
  /** Tells it to stop and waits until it has. */
  readonly stop: () => Promise<void>;
  readonly signal: (name: 'SIGSTOP' | 'SIGCONT') => void;
}

const POLL_MS = 50;
const TICKS_PER_SECOND = 100;

/** `bridge run` as a process of its own, with the flags of production; the stack stops it. Where the environment has
 *  BRIDGE_NODE_OPTIONS they are its NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=…` leaves a profile. */
export async function launchBridge(
  name: string,
  databaseUrl: string,
  bed: Bed,
  cleanup: CleanupStack,
): Promise<Bridge> {
  const port = await freePort();
  const nodeOptions = process.env['BRIDGE_NODE_OPTIONS'];
  const env = { ...bed.env, ...(nodeOptions !== undefined && { NODE_OPTIONS: nodeOptions }) };
  const world = { env: { ...env, DATABASE_URL: databaseUrl }, folder: bed.folder };
  const child = await startBridge(name, port, world, bed.signal);
  cleanup.defer(name, child.stop);
  const ended = child.exited.then((how): never => {
    bed.signal.throwIfAborted();
    // The log goes with the bed.
    const said = readFileSync(child.logFile, 'utf8').trimEnd().split('\n').slice(-15).join('\n');
    throw new Error(`${name} ended (${how}); the last it said:\n${said}`);
  });
  // At the end it is stopped, and nobody waits for this any more.
  ended.catch(() => {});
  let pid: number | undefined;
  const ask = async (read: (pid: number) => Promise<number>): Promise<number> => {
    // Found once: the kernel's list of children may miss one for a moment.
    pid ??= await programOf(child.pid);
    return read(pid).catch(() => ended);
  };
  return {
    url: `http://127.0.0.1:${port}`,
    async until(fact) {
      while (!(await Promise.race([fact(), ended]))) await delay(POLL_MS, undefined, { signal: bed.signal });
    },
    cpuMs: () => ask(cpuMsOf),
    residentBytes: () => ask(residentBytes),
    stop: child.stop,
    signal: child.signal,
  };
}

/** User and system time so far, of all threads of the process. */
export async function cpuMsOf(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return ((Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND) * 1_000;
}
