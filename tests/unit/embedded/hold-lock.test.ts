import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { tryLock, waitForLock } from '../../../src/embedded/hold-lock.ts';
import { identifyProcess } from '../../../src/embedded/process-identity.ts';

const folders: string[] = [];
afterEach(() => folders.splice(0).forEach((folder) => rmSync(folder, { recursive: true })));

function setup() {
  const folder = mkdtempSync(path.join(tmpdir(), 'lock-'));
  folders.push(folder);
  return path.join(folder, 'state', 'lock');
}

describe('tryLock', () => {
  it('names the process that holds the lock', () => {
    const file = setup();
    expect(tryLock(file)).toMatchObject({ held: true });
    expect(tryLock(file)).toEqual({
      held: false,
      holder: expect.objectContaining({ pid: process.pid }) as unknown,
    });
  });

  it('gives a released lock to the next and leaves no other file', () => {
    const file = setup();
    const first = tryLock(file);
    if (first.held) first.release();
    expect(existsSync(file)).toBe(false);
    expect(tryLock(file)).toMatchObject({ held: true });
    expect(readdirSync(path.dirname(file))).toEqual(['lock']);
  });

  it('takes the lock of a process that was killed', async () => {
    const file = setup();
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
    await once(child, 'spawn');
    tryLock(file);
    writeFileSync(file, JSON.stringify(identifyProcess(child.pid!)));
    expect(tryLock(file)).toMatchObject({ held: false, holder: { pid: child.pid } });
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(tryLock(file)).toMatchObject({ held: true });
  });

  it('is not fooled by a later process with the same id', () => {
    const file = setup();
    tryLock(file);
    writeFileSync(file, JSON.stringify({ pid: process.pid, startedAt: 'another time' }));
    expect(tryLock(file)).toMatchObject({ held: true });
  });

  it('does not release a lock that has become another’s', () => {
    const file = setup();
    const first = tryLock(file);
    writeFileSync(file, 'another');
    if (first.held) first.release();
    expect(existsSync(file)).toBe(true);
  });
});

describe('waitForLock', () => {
  it('waits for the holder and tells once whom it waits for', async () => {
    const file = setup();
    const first = tryLock(file);
    const told: number[] = [];
    const second = waitForLock(file, ({ pid }) => {
      told.push(pid);
      if (first.held) first.release();
    });
    (await second).release();
    expect(told).toEqual([process.pid]);
    expect(existsSync(file)).toBe(false);
  });
});
