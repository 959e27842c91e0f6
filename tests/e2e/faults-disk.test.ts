import { execFile } from 'node:child_process';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { startPostgres } from '../../src/embedded/start-postgres.ts';
import { waitFor } from '../support/wait-for.ts';
import { postConstat, recordConstat } from './actions.ts';
import { setup, type Bed, type Insurer } from './setup.ts';

const run = promisify(execFile);
const edit = (bed: Bed, insurer: Insurer) =>
  postConstat(bed, { ...insurer.sample.constat(), providerId: insurer.id });

/** A disk of its own of this size, in memory; undefined where this user may not mount one. */
async function mountDisk(megabytes: number): Promise<string | undefined> {
  const folder = await mkdtemp(path.join(tmpdir(), 'bridge-disk-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  try {
    await run('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m,mode=755`, 'tmpfs', folder]);
  } catch {
    return undefined;
  }
  onTestFinished(async () => void (await run('umount', ['--lazy', folder])));
  return folder;
}

/** Takes up all that is free; returns what gives it back. */
async function fill(disk: string): Promise<() => Promise<void>> {
  const file = path.join(disk, 'ballast');
  const ballast = await open(file, 'w');
  try {
    for (;;) await ballast.write(Buffer.alloc(4_096));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  } finally {
    await ballast.close();
  }
  return () => rm(file, { force: true });
}

describe('a disk that is full', () => {
  it('has edits refused and events wait, and both go on when there is room', async ({ skip }) => {
    const disk = await mountDisk(256);
    if (disk === undefined) skip('mounting a small disk takes root');
    const server = await startPostgres({ dataDir: path.join(disk!, 'postgres'), password: 'secret' });
    onTestFinished(() => server.stop());
    const bed = await setup({ databaseServer: server.url });
    onTestFinished(() => bed.close());
    const insurer = bed.insurers[0]!;
    await recordConstat(bed, insurer);

    const makeRoom = await fill(disk!);
    // A server without room can't stop either.
    onTestFinished(makeRoom);
    const answer = await waitFor(
      'an edit that finds no room',
      () => edit(bed, insurer),
      ({ status }) => status !== 201,
    );
    expect(answer.status).toBe(503);
    expect(answer.data).toMatchObject({ code: 'DATABASE_FULL', detail: expect.stringContaining('no room') });
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
    const theirs = await Promise.all(
      Array.from({ length: 20 }, () => insurer.platform.create('constat', insurer.sample.constat())),
    );

    await makeRoom();
    await waitFor('their events are applied', async () => {
      const { rowCount } = await bed.db.query('select from constat where id = any($1::uuid[])', [
        theirs.map(({ id }) => id),
      ]);
      return rowCount === theirs.length;
    });
    expect((await edit(bed, insurer)).status).toBe(201);
    expect((await bed.db.query('select from quarantine')).rowCount).toBe(0);
  });
});

describe('a database that has grown to its limit', () => {
  it('has edits refused before its disk is full, and shows it', async () => {
    const bed = await setup({ bridgeEnv: async () => ({ DATABASE_MAX_MB: '1' }) });
    onTestFinished(() => bed.close());
    const insurer = bed.insurers[0]!;
    const { status, data, headers } = await waitFor(
      'a refused edit',
      () => edit(bed, insurer),
      (answer) => answer.status !== 201,
    );
    expect([status, data.code, headers['retry-after']]).toEqual([503, 'DATABASE_FULL', '30']);
    const { data: health } = await bed.staff.get('/health/ready');
    expect(health.checks).toContainEqual(
      expect.objectContaining({
        name: 'capacity',
        status: 'degraded',
        detail: expect.stringContaining('MB'),
      }),
    );
  });
});
