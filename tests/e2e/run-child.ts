import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';

const main = path.resolve(import.meta.dirname, '../../src/main.ts');

export interface ChildRun {
  readonly process: ChildProcess;
  /** All that it has written so far. */
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** Its exit code; null when a signal ended it. */
  readonly exited: Promise<number | null>;
}

/** `bridge <args>` as a process of its own, under the flags of its first line, with this environment and nothing else of
 *  ours. */
export function runBridge(args: readonly string[], env: Readonly<Record<string, string>>): ChildRun {
  const child = spawn(main, args, {
    env: {
      // This Node, whatever else is installed.
      PATH: [path.dirname(process.execPath), process.env['PATH']].join(path.delimiter),
      HOME: process.env['HOME'],
      KAFKAJS_NO_PARTITIONER_WARNING: '1',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const written = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (written.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (written.stderr += text));
  return {
    process: child,
    stdout: () => written.stdout,
    stderr: () => written.stderr,
    exited: once(child, 'close').then(([code]) => code as number | null),
  };
}
