import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { CleanupStack } from '../../src/runtime/cleanup-stack.ts';
import { cpuMsOf } from '../launch-bridge.ts';

const program = path.resolve(import.meta.dirname, 'bare.ts');

/** Starts what bare.ts says; the stack stops it. */
export async function openBare(
  cleanup: CleanupStack,
): Promise<{ readonly url: string; readonly cpuMs: () => Promise<number> }> {
  const child = spawn(process.execPath, [program], {
    env: { PATH: process.env['PATH'], NODE_ENV: 'production' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  cleanup.defer('bare Express', async () => {
    const ended = once(child, 'close');
    child.kill();
    await ended;
  });
  const [url] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  return { url, cpuMs: () => cpuMsOf(child.pid!) };
}
