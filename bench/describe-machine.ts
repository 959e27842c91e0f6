import { execFileSync } from 'node:child_process';
import { cpus, loadavg, release, totalmem, type } from 'node:os';

/** What a number can't be read without: machine, versions and the state of the code. */
export function describeMachine() {
  const { node, v8 } = process.versions;
  return {
    machine: {
      cores: cpus().length,
      processor: cpus()[0]?.model.trim() ?? 'unknown',
      memoryGiB: Math.round(totalmem() / 2 ** 30),
      system: `${type()} ${release()}`,
      loadAverage: Number(loadavg()[0]!.toFixed(1)),
    },
    versions: { node, v8 },
    commit: describeCommit(),
  };
}

export function toHeading({ machine, versions, commit }: ReturnType<typeof describeMachine>): string {
  const { cores, processor, memoryGiB, system, loadAverage } = machine;
  return [
    `machine  ${cores} × ${processor}, ${memoryGiB} GiB, ${system}, load average ${loadAverage}`,
    `versions Node ${versions.node}, V8 ${versions.v8}`,
    `commit   ${commit}`,
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
