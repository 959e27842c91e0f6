import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';

export interface Target {
  readonly url: string;
  readonly key: string;
  readonly providerId: string;
  readonly connections: number;
}

export interface LoadOrder {
  /** PATCH and GET work on what POST has opened before them, in the same run. */
  readonly what: 'POST' | 'PATCH' | 'GET';
  readonly amount: number;
}

export interface LoadResult {
  readonly what: LoadOrder['what'];
  /** Answered with 2xx. */
  readonly good: number;
  readonly bad: number;
  readonly perSecond: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
}

/** With what the bridge spent meanwhile: its relay and the reading back of the edits run a little behind. */
export interface MeteredLoad extends LoadResult {
  readonly cpuMs: number;
}

const program = path.resolve(import.meta.dirname, 'load.ts');

/** Carries out the orders, one after the other, in a process of its own; each connection asks again as soon as it has its
 *  answer. `cpuMs` is asked at the end of each. Rejects when it failed, or an answer was no 2xx, or when it was told to stop. */
export async function runLoad(
  target: Target,
  orders: readonly LoadOrder[],
  cpuMs: () => Promise<number>,
  signal: AbortSignal,
): Promise<readonly MeteredLoad[]> {
  let before = await cpuMs();
  const child = spawn(process.execPath, [program], {
    env: { PATH: process.env['PATH'], ORDERS: JSON.stringify({ ...target, orders }) },
    stdio: ['ignore', 'pipe', 'inherit'],
    signal,
  });
  const ended = once(child, 'close') as Promise<[number | null]>;
  const results: MeteredLoad[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    const now = await cpuMs();
    results.push({ ...(JSON.parse(line) as LoadResult), cpuMs: now - before });
    before = now;
  }
  const [code] = await ended;
  if (code !== 0) throw new Error(`the load ended with ${code}`);
  const failed = results.find(({ bad }) => bad > 0);
  if (failed) throw new Error(`${failed.bad} of the answers to ${failed.what} were no 2xx`);
  return results;
}
