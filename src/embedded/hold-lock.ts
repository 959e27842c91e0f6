import { randomUUID } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { identifyProcess, isAlive, parseIdentity } from './process-identity.ts';
import type { ProcessIdentity } from './process-identity.ts';

export type LockAttempt =
  { readonly held: true; release(): void } | { readonly held: false; readonly holder: ProcessIdentity };

/** Takes the lock file `file` for this process, unless a living process has it. A lock whose process is gone (even by
 *  SIGKILL) counts as free. The file appears with its content in one step, so that nobody reads half a lock. */
export function tryLock(file: string): LockAttempt {
  mkdirSync(path.dirname(file), { recursive: true });
  const mine = JSON.stringify({ ...identifyProcess(process.pid), token: randomUUID() });
  const draft = `${file}.${randomUUID()}`;
  writeFileSync(draft, mine);
  try {
    for (;;) {
      if (tryLink(draft, file)) return { held: true, release: () => releaseIfMine(file, mine) };
      const found = readIfThere(file);
      if (found === null) continue;
      const holder = parseIdentity(found);
      if (holder !== null && isAlive(holder)) return { held: false, holder };
      removeStale(file, found);
    }
  } finally {
    rmSync(draft, { force: true });
  }
}

/** Like `tryLock`, but waits for the holder; `onWait` is called once when there is one. */
export async function waitForLock(
  file: string,
  onWait: (holder: ProcessIdentity) => void,
): Promise<{ release(): void }> {
  let waited = false;
  for (;;) {
    const attempt = tryLock(file);
    if (attempt.held) return attempt;
    if (!waited) onWait(attempt.holder);
    waited = true;
    await delay(200);
  }
}

/** Two processes may find the same stale lock; the slower must not remove the quicker one's new lock. So it is moved
 *  away first, looked at, and put back when it is not the stale one. */
function removeStale(file: string, stale: string): void {
  const aside = `${file}.${randomUUID()}`;
  try {
    renameSync(file, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  if (readIfThere(aside) !== stale) tryLink(aside, file);
  rmSync(aside, { force: true });
}

function releaseIfMine(file: string, mine: string): void {
  if (readIfThere(file) === mine) rmSync(file, { force: true });
}

function tryLink(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function readIfThere(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
