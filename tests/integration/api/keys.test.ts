import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { setup } from './setup.ts';

let bundle: Awaited<ReturnType<typeof setup>>;
let databaseUrl: string;
beforeAll(async () => {
  bundle = await setup({ databaseUrl: inject('databaseUrl'), registryUrl: inject('registryUrl') });
  const { rows } = await bundle.pool.query<{ name: string }>('select current_database() as name');
  databaseUrl = Object.assign(new URL(inject('databaseUrl')), { pathname: `/${rows[0]!.name}` }).href;
});
afterAll(() => bundle.close());

const main = fileURLToPath(new URL('../../../src/main.ts', import.meta.url));
const bridge = (...args: string[]) =>
  promisify(execFile)(process.execPath, [main, 'keys', ...args], {
    env: { ...process.env, DATABASE_URL: databaseUrl },
  });

describe('bridge keys', () => {
  it('creates a key that the API accepts, lists it without its secret, and revokes it', async () => {
    const created = await bridge(
      'create',
      '--owner',
      'Trust platform',
      '--scope',
      'provider',
      '--provider',
      'trust',
    );
    const secret = created.stdout.trim();
    expect(secret).toMatch(/^eak_[A-Za-z0-9_-]{43}$/);
    expect((await bundle.get('/v1/constats', secret)).status).toBe(200);
    const stored = await bundle.pool.query(`select to_jsonb(k)::text as row from api_key k`);
    for (const { row } of stored.rows) expect(row).not.toContain(secret);

    const id = (await bundle.keys.list()).find((key) => key.owner === 'Trust platform')!.id;
    const listed = (await bridge('list')).stdout;
    expect(listed).toContain(id);
    expect(listed).toContain('Trust platform');
    expect(listed).not.toContain(secret);

    await bridge('revoke', id);
    expect((await bundle.get('/v1/constats', secret)).status).toBe(401);
    await expect(bridge('revoke', id)).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining(`no live key ${id}`) as string,
    });
  });

  it.each([
    [['--owner', 'x', '--scope', 'provider'], 'needs --provider'],
    [['--owner', 'x', '--scope', 'staff', '--provider', 'saa'], 'leave --provider out'],
    [['--owner', ' ', '--scope', 'staff'], '--owner must have'],
    [['--owner', 'x', '--scope', 'provider', '--provider', 'No One'], 'is no provider id'],
  ])('refuses %j in a sentence', async (args, words) => {
    const before = (await bundle.keys.list()).length;
    await expect(bridge('create', ...args)).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining(words) as string,
    });
    expect(await bundle.keys.list()).toHaveLength(before);
  });
});
