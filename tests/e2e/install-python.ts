import { execFile, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** What docs/examples/python_provider.py needs. */
const PACKAGES = ['confluent-kafka==2.11.1', 'fastavro==1.12.0', 'requests==2.32.5'];
/** Beside the jars: kept between runs and ignored by git. */
const FOLDER = path.resolve(import.meta.dirname, '../../.bridge/python', PACKAGES.join('_'));

/** Whether this machine has a Python that can make virtual environments. */
export function hasPython(): boolean {
  return spawnSync('python3', ['-c', 'import venv, ensurepip']).status === 0;
}

/** The path of a Python that has the packages; made once for each machine, which takes half a minute. */
export async function installPython(): Promise<string> {
  const python = path.join(FOLDER, 'bin', 'python');
  if (existsSync(python)) return python;
  // Under another name until it is whole: one that was interrupted is not taken for a good one.
  const making = `${FOLDER}.${process.pid}`;
  try {
    await run('python3', ['-m', 'venv', making]);
    const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...PACKAGES];
    await run(path.join(making, 'bin', 'python'), pip);
    await rename(making, FOLDER);
  } finally {
    await rm(making, { recursive: true, force: true });
  }
  return python;
}
