import { execFileSync } from 'node:child_process';
import { cpus, release, totalmem, type } from 'node:os';

/** What a number can't be read without: machine, versions and the state of the code. */
export function describeMachine(): string {
  const [cpu] = cpus();
  const { node, v8 } = process.versions;
  return [
    `machine  ${cpus().length} × ${cpu?.model.trim() ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GiB, ${type()} ${release()}`,
    `versions Node ${node}, V8 ${v8}`,
    `commit   ${describeCommit()}`,
  ].join('\n');
}

function describeCommit(): string {
  try {
    const git = (...args: string[]) => execFileSync('git', args, { encoding: 'utf8', stdio: 'pipe' }).trim();
    const changed = git('status', '--porcelain', '--', 'src', 'bench') === '' ? '' : ', with changes since';
    return `${git('rev-parse', '--short', 'HEAD')}${changed}`;
  } catch {
    return 'unknown';
  }
}
