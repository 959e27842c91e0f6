import { describe, expect, it } from 'vitest';
import { createApiKeyTable } from '../../../src/postgres/create-api-key-table.ts';
import { createPrisma } from '../../../src/postgres/create-prisma.ts';
import { createPullCursorTable } from '../../../src/postgres/create-pull-cursor-table.ts';
import { createSchemaTable } from '../../../src/postgres/create-schema-table.ts';
import { recordProviders } from '../../../src/postgres/record-providers.ts';
import { digestOf, emptyPlan, eventAt, newId } from '../../contract/toy-kind.ts';
import { setupPostgres } from './setup-postgres.ts';

const fixture = setupPostgres();

function setup() {
  const prisma = createPrisma(fixture.pool);
  return {
    prisma,
    keys: createApiKeyTable({ pool: fixture.pool, prisma, newId }),
    cursors: createPullCursorTable({ prisma }),
    schemas: createSchemaTable({ pool: fixture.pool }),
  };
}

describe('API keys', () => {
  it('are found by the hash of their secret until they are revoked, once', async () => {
    const { keys } = setup();
    const secretHash = digestOf(newId());
    const key = await keys.create({
      owner: 'Amina',
      scope: 'provider',
      provider: 'saa',
      secretHash,
      by: 'admin',
    });
    expect(key).toMatchObject({ owner: 'Amina', scope: 'provider', provider: 'saa', revokedAtMs: null });
    expect(await keys.findBySecretHash(secretHash)).toMatchObject({ id: key.id });
    expect(await keys.revoke(key.id, 'admin')).toBe(true);
    expect(await keys.revoke(key.id, 'admin')).toBe(false);
    expect(await keys.findBySecretHash(secretHash)).toBeNull();
    const listed = (await keys.list()).find(({ id }) => id === key.id);
    expect(listed!.revokedAtMs).toBeGreaterThanOrEqual(key.createdAtMs);
    expect(listed!.lastUsedAtMs).not.toBeNull();
  });

  it('are found by nobody once they are revoked, however many look for them meanwhile', async () => {
    const { keys } = setup();
    const made = { owner: 'Amina', scope: 'staff', provider: null, by: 'admin' } as const;
    for (let round = 0; round < 5; round++) {
      const secretHashes = [1, 2, 3].map(() => digestOf(newId()));
      const [revoked] = await Promise.all(
        secretHashes.map((secretHash) => keys.create({ ...made, secretHash })),
      );
      const lookUp = () => Promise.all(secretHashes.map((secretHash) => keys.findBySecretHash(secretHash)));
      const meanwhile = [lookUp(), lookUp()];
      await keys.revoke(revoked!.id, 'admin');
      const after = await Promise.all([lookUp(), lookUp(), lookUp()]);
      for (const [first, ...others] of after) {
        expect(first).toBeNull();
        expect(others).not.toContain(null);
      }
      await Promise.all(meanwhile);
    }
  });

  it('leave a trail of who made and revoked them', async () => {
    const { keys, prisma } = setup();
    const key = await keys.create({
      owner: 'Amina',
      scope: 'staff',
      provider: null,
      secretHash: digestOf(newId()),
      by: 'admin',
    });
    await keys.revoke(key.id, 'second admin');
    const trail = await prisma.audit.findMany({
      where: { subject: `key/${key.id}` },
      orderBy: { id: 'asc' },
    });
    expect(trail.map(({ actor, action }) => [actor, action])).toEqual([
      ['admin', 'key.create'],
      ['second admin', 'key.revoke'],
    ]);
  });

  it('of a provider name it, and no other keys do', async () => {
    const { keys } = setup();
    const key = { owner: 'x', secretHash: digestOf(newId()), by: 'admin' };
    await expect(keys.create({ ...key, scope: 'provider', provider: null })).rejects.toThrow();
    await expect(keys.create({ ...key, scope: 'staff', provider: 'saa' })).rejects.toThrow();
  });
});

describe('other tables', () => {
  it('give one schema one id, also when two replicas meet it at once', async () => {
    const { schemas } = setup();
    const definition = JSON.stringify({ type: 'record', name: newId() });
    const ids = await Promise.all([1, 2, 3, 4].map(() => schemas.intern(definition)));
    expect(new Set(ids).size).toBe(1);
    expect(await schemas.load(ids[0]!)).toBe(definition);
    expect(await schemas.intern(`${definition} `)).not.toBe(ids[0]);
  });

  it('return a pull cursor exactly as it was written', async () => {
    const { cursors } = setup();
    const provider = newId();
    expect(await cursors.read(provider, 'constats')).toBeNull();
    await cursors.write(provider, 'constats', '2025-01-01T00:00:00Z');
    await cursors.write(provider, 'constats', '2025-01-02T03:04:05.123456Z');
    expect(await cursors.read(provider, 'constats')).toBe('2025-01-02T03:04:05.123456Z');
  });

  it('hold the providers as they were last recorded', async () => {
    const { prisma } = setup();
    const saa = {
      ...{ id: newId(), name: 'SAA', user: 'saa', shareVerifications: false },
      pull: { intervalMs: 1, collections: [] },
    };
    await recordProviders(prisma, [{ ...saa, writerIds: ['saa'] }]);
    await recordProviders(prisma, [{ ...saa, writerIds: ['saa', 'saa.2'] }]);
    expect((await prisma.provider.findUnique({ where: { id: saa.id } }))!.writerIds).toEqual([
      'saa',
      'saa.2',
    ]);
  });

  it('refuse to forget: events lose nothing but their bytes, audit entries nothing at all', async () => {
    const { prisma } = setup();
    const { pool, store } = fixture;
    const event = eventAt(newId(), { saa: 1 });
    await store.transaction((tx) => tx.write({ ...emptyPlan, events: [event] }));
    const where = `where event_id = '${event.eventId}'`;
    for (const statement of [
      `delete from event ${where}`,
      'truncate event',
      `update event set outcome = 'stale' ${where}`,
      `update event set outcome = 'stale', bytes = null ${where}`,
      `update event set bytes = 'other' ${where}`,
      'delete from audit',
      `update audit set actor = 'nobody'`,
    ]) {
      await expect(pool.query(statement), statement).rejects.toThrow('is append-only');
    }
    await pool.query(`update event set bytes = null ${where}`);
    expect(await prisma.event.findUnique({ where: { eventId: event.eventId } })).toMatchObject({
      bytes: null,
    });
  });
});
