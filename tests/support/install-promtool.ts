import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Beside the jars: kept between runs and ignored by git. */
const FOLDER = path.resolve(import.meta.dirname, '../../.bridge/tools/promtool');

/** The path of a promtool: the machine's own, or that of Debian's package `prometheus`, unpacked and not installed. */
export async function installPromtool(): Promise<string> {
  const own = await run('sh', ['-c', 'command -v promtool']).catch(() => null);
  if (own !== null) return own.stdout.trim();
  const promtool = path.join(FOLDER, 'usr/bin/promtool');
  if (existsSync(promtool)) return promtool;
  // Under another name until it is whole: one that was interrupted is not taken for a good one.
  const making = `${FOLDER}.${process.pid}`;
  try {
    await mkdir(making, { recursive: true });
    await chmod(making, 0o755);
    const download = () => run('apt-get', ['download', 'prometheus'], { cwd: making });
    await download().catch(async () => {
      await run('apt-get', ['update']);
      await download();
    });
    const [deb] = await readdir(making);
    await run('dpkg-deb', ['-x', deb!, '.'], { cwd: making });
    await rm(path.join(making, deb!));
    await rename(making, FOLDER);
  } finally {
    await rm(making, { recursive: true, force: true });
  }
  return promtool;
}
