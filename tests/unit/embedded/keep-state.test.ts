import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { emptyStateDir, loadSecrets, openStateDir } from '../../../src/embedded/keep-state.ts';

const folders: string[] = [];
afterEach(() => folders.splice(0).forEach((folder) => rmSync(folder, { recursive: true })));

function setup() {
  const folder = mkdtempSync(path.join(tmpdir(), 'state-'));
  folders.push(folder);
  return folder;
}

describe('openStateDir', () => {
  it('refuses a folder with other files and touches none of them', () => {
    const folder = setup();
    writeFileSync(path.join(folder, 'letter.txt'), 'dear');
    expect(() => openStateDir(folder)).toThrow(/holds other files \(letter\.txt\)/);
    expect(readdirSync(folder)).toEqual(['letter.txt']);
  });

  it('takes an empty folder, an absent one, one with jars alone, and its own again', () => {
    const folder = setup();
    mkdirSync(path.join(folder, 'jars'));
    openStateDir(folder);
    openStateDir(path.join(folder, 'inner'));
    writeFileSync(path.join(folder, 'data'), '');
    openStateDir(folder);
    expect(existsSync(path.join(folder, 'inner'))).toBe(true);
  });
});

describe('emptyStateDir', () => {
  it('removes the state and leaves the jars, the lock and the folder’s own mark', () => {
    const folder = setup();
    openStateDir(folder);
    loadSecrets(folder, []);
    for (const name of ['jars', 'kafka']) mkdirSync(path.join(folder, name));
    writeFileSync(path.join(folder, 'lock'), '');
    emptyStateDir(folder);
    expect(readdirSync(folder).sort()).toEqual(['jars', 'lock', 'state-of-eassurance-bridge']);
    openStateDir(folder);
  });
});

describe('loadSecrets', () => {
  it('makes each secret once, also for a provider that comes later', () => {
    const folder = setup();
    const first = loadSecrets(folder, ['saa']);
    const second = loadSecrets(folder, ['saa', 'trust']);
    expect(second).toMatchObject({
      ...first,
      providerKafkaPasswords: {
        ...first.providerKafkaPasswords,
        trust: expect.stringMatching(/^[0-9a-f]{32}$/) as unknown,
      },
    });
    expect(statSync(path.join(folder, 'secrets.json')).mode & 0o777).toBe(0o600);
  });

  it('makes every secret different', () => {
    const secrets = loadSecrets(setup(), ['saa', 'trust']);
    const { providerKafkaPasswords, ...others } = secrets;
    const all = [...Object.values(others), ...Object.values(providerKafkaPasswords)];
    expect(new Set(all).size).toBe(6);
  });
});
