import { readFile, stat } from 'node:fs/promises';
import { UsageError } from '../domain/errors.ts';

/** Who the server runs as; empty for "as we do". */
export interface ServerUser {
  readonly uid?: number;
  readonly gid?: number;
}

/** PostgreSQL refuses to run as root. For root, this is the owner of an existing data directory, else the machine's
 *  `postgres`, else `nobody`: no account is ever made. */
export async function chooseServerUser(dataDir: string): Promise<ServerUser> {
  if (process.getuid?.() !== 0) return {};
  const owner = await stat(dataDir).catch(() => undefined);
  if (owner !== undefined && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid };
  const accounts = await readFile('/etc/passwd', 'utf8').catch(() => '');
  for (const name of ['postgres', 'nobody']) {
    const account = accounts.split('\n').find((line) => line.startsWith(`${name}:`));
    const [, , uid, gid] = account?.split(':') ?? [];
    if (uid !== undefined && gid !== undefined) return { uid: Number(uid), gid: Number(gid) };
  }
  throw new UsageError(
    'PostgreSQL refuses to run as root and this machine has neither a user postgres nor nobody: start as another user, or set DATABASE_URL',
  );
}
