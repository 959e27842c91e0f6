import { setTimeout as delay } from 'node:timers/promises';
import { isAtRest } from '../support/at-rest.ts';
import type { PreparedWorld } from './prepare-world.ts';

/** Throws when it does not become quiet in time: both sides would go on telling each other something. */
export async function untilQuiet(
  world: Pick<PreparedWorld, 'admin' | 'db' | 'insurers'>,
  withinMs: number,
  signal: AbortSignal,
): Promise<void> {
  const deadline = Date.now() + withinMs;
  const { admin, db: hub, insurers } = world;
  const quiet = async () => {
    for (const { platform, db: insurer, topics } of insurers) {
      const groupId = `${platform.providerId}-platform`;
      if (!(await isAtRest({ admin, topics, groupId, hub, insurer }))) return false;
    }
    return true;
  };
  while (!(await quiet())) {
    if (Date.now() > deadline) throw new Error(`not quiet ${withinMs / 1000} s after the last edit`);
    await delay(200, undefined, { signal });
  }
}
