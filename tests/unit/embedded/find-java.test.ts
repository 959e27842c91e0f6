import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { UsageError } from '../../../src/domain/errors.ts';
import { findJava, requireMaven } from '../../../src/embedded/find-java.ts';

const folders: string[] = [];
afterEach(() => folders.splice(0).forEach((folder) => rmSync(folder, { recursive: true })));

/** A JAVA_HOME whose java prints this banner, as java does, on standard error. */
function setup(banner: string) {
  const home = mkdtempSync(path.join(tmpdir(), 'java-'));
  folders.push(home);
  const java = path.join(home, 'bin', 'java');
  mkdirSync(path.dirname(java));
  writeFileSync(java, `#!/bin/sh\necho '${banner}' >&2\n`);
  chmodSync(java, 0o755);
  return { java, env: { JAVA_HOME: home, PATH: '' } };
}

describe('findJava', () => {
  it.each([
    'openjdk version "17.0.15" 2025-04-15',
    'openjdk version "21" 2023-09-19',
    'java version "25-ea"',
  ])('takes %s', async (banner) => {
    const { java, env } = setup(banner);
    expect(await findJava(env)).toBe(java);
  });

  it.each(['java version "1.8.0_402"', 'openjdk version "11.0.22" 2024-01-16', 'who knows'])(
    'refuses %s and says what to do',
    async (banner) => {
      const failure = findJava(setup(banner).env);
      await expect(failure).rejects.toThrow(UsageError);
      await expect(failure).rejects.toThrow(/install Java 17 or newer .*, or give the addresses/);
    },
  );

  it('says that Java is missing', async () => {
    await expect(findJava({ PATH: '/nowhere' })).rejects.toThrow(/^Java is missing .* install Java 17/);
  });
});

describe('requireMaven', () => {
  it('says that Maven is missing and what it is for', async () => {
    const failure = requireMaven({ PATH: '/nowhere' });
    await expect(failure).rejects.toThrow(UsageError);
    await expect(failure).rejects.toThrow(/^Maven is missing .* install it to fetch Kafka/);
  });
});
