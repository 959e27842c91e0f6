import { readFile } from 'node:fs/promises';

/** The program that `startChild` runs: of its supervisor's children the one that is neither its watch nor the watch's
 *  `cat`. Rejects once the program is gone. */
export async function programOf(supervisor: number): Promise<number> {
  const children = await readFile(`/proc/${supervisor}/task/${supervisor}/children`, 'utf8');
  for (const pid of children.split(' ').filter(Boolean)) {
    if (!/^(sh|cat)\n$/.test(await readFile(`/proc/${pid}/comm`, 'utf8'))) return Number(pid);
  }
  throw new Error(`the program of process ${supervisor} has ended`);
}

/** Resident memory of one process. */
export async function residentBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1_024;
}
