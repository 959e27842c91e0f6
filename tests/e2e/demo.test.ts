import { chmod, mkdtemp, readdir, readlink, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { defaultJarsDir } from '../../src/embedded/fetch-jars.ts';
import { runBridge } from './run-child.ts';

/** The kinds that the story brings to both sides, one row each and one more constat pulled. */
const ROWS = ['constat', 'constat', 'constat', 'vehicle', 'claim', 'policy'];

describe('`bridge demo --once`', () => {
  let stateDir: string;
  beforeAll(async () => {
    stateDir = await mkdtemp(path.join(tmpdir(), 'bridge-e2e-demo-'));
    // For root, PostgreSQL runs as another user, who has to get through to its data.
    await chmod(stateDir, 0o755);
  });
  afterAll(() => rm(stateDir, { recursive: true, force: true }));

  const play = async () => {
    const java = process.env['JAVA_HOME'];
    const { exited, stdout, stderr } = runBridge(['demo', '--once', '--state-dir', stateDir], {
      BRIDGE_JARS_DIR: defaultJarsDir(process.env),
      ...(java === undefined ? {} : { JAVA_HOME: java }),
    });
    const code = await exited;
    const rows = stdout()
      .split('\n')
      .filter((line) => /│ (=|≠) │/.test(line));
    return { code, rows, stdout: stdout(), stderr: stderr() };
  };

  it('plays its story from nothing until both sides are the same, and leaves no process behind', async () => {
    const { code, rows, stdout, stderr } = await play();
    expect([code, stderr]).toEqual([0, expect.not.stringMatching(/^\s+at /m)]);
    expect(rows.map((row) => row.split('│')[1]!.trim())).toEqual(ROWS);
    for (const row of rows) expect(row).toContain('│ = │');
    expect(Number(/uses (\d+) MB of memory/.exec(stdout)?.[1])).toBeLessThanOrEqual(250);
    expect(await processesUsing(stateDir)).toEqual([]);
  });

  it('plays it again on what the first run left', async () => {
    const { code, rows, stderr } = await play();
    expect([code, stderr]).toEqual([0, expect.any(String)]);
    expect(rows).toHaveLength(2 * ROWS.length);
    for (const row of rows) expect(row).toContain('│ = │');
    expect(await processesUsing(stateDir)).toEqual([]);
  });
});

/** Running processes with a file of the folder open; each that the demo starts logs into one. Linux alone tells. */
async function processesUsing(folder: string): Promise<readonly string[]> {
  const users: string[] = [];
  for (const pid of await readdir('/proc').catch(() => [])) {
    if (!/^\d+$/.test(pid)) continue;
    const files = await readdir(`/proc/${pid}/fd`).catch(() => []);
    const targets = await Promise.all(
      files.map((file) => readlink(`/proc/${pid}/fd/${file}`).catch(() => '')),
    );
    if (targets.some((target) => target.startsWith(folder))) users.push(pid);
  }
  return users;
}
