import { writeSync } from 'node:fs';
import type { CrashSettings } from '../config/env.ts';
import { UsageError } from '../domain/errors.ts';
import type { Log } from '../ports.ts';
import { armCrashPoint, CRASH_POINTS, type CrashPoint } from '../runtime/crash-points.ts';

const STDERR = 2;

/** Has this process send itself `signal` when it reaches the point, as CRASH_AT says; it tells so first. After SIGKILL no
 *  further line of the program runs. Nothing is armed without the setting. */
export function armFromSettings(crashAt: CrashSettings | undefined, log: Log): void {
  if (crashAt === undefined) return;
  const { signal, point, passage } = crashAt;
  if (!isCrashPoint(point)) {
    throw new UsageError(
      `CRASH_AT names ${point}, which is no crash point: leave it out, or take one of ${CRASH_POINTS.join(', ')}`,
    );
  }
  log.warn({ point, passage, signal }, 'CRASH_AT is set: this process will end itself; for tests only');
  armCrashPoint(point, passage, () => {
    writeSync(STDERR, `reached ${point}: ${signal}\n`);
    process.kill(process.pid, signal);
    // The signal is on its way to a process of several threads: this one waits for it here.
    if (signal === 'SIGKILL') Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  });
}

function isCrashPoint(name: string): name is CrashPoint {
  return (CRASH_POINTS as readonly string[]).includes(name);
}
