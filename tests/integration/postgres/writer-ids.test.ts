import { describe, expect, it } from 'vitest';
import { allotWriterId } from '../../../src/cli/provider.ts';
import { UsageError } from '../../../src/domain/errors.ts';
import { createPrisma } from '../../../src/postgres/create-prisma.ts';
import { createPullCursorTable } from '../../../src/postgres/create-pull-cursor-table.ts';
import { createWriterIdTable } from '../../../src/postgres/create-writer-id-table.ts';
import { recordProviders } from '../../../src/postgres/record-providers.ts';
import type { Provider, Topology } from '../../../src/ports.ts';
import { freshProviderId } from '../../support/fresh-provider.ts';
import { setupPostgres } from './setup-postgres.ts';

const fixture = setupPostgres();

async function setup() {
  const prisma = createPrisma(fixture.pool);
  const id = freshProviderId();
  const provider = {
    id,
    name: 'SAA',
    writerIds: [id],
    pull: { collections: ['constats'] },
  } as unknown as Provider;
  await recordProviders(prisma, [provider]);
  const writerIds = createWriterIdTable({ prisma });
  const cursors = createPullCursorTable({ prisma });
  const topology = { providers: new Map([[id, provider]]) } as unknown as Topology;
  const allot = (by = 'amina') =>
    allotWriterId(id, { topology, writerIds, cursors }, { by, now: new Date('2026-03-01T10:00:00.000Z') });
  return {
    prisma,
    id,
    provider,
    writerIds,
    cursors,
    allot,
    ids: async () => (await writerIds.list()).get(id),
  };
}

describe('the writer ids of a provider', () => {
  it('grow with each restored backup, leave a trail, and have everything checked for what was lost', async () => {
    const { prisma, id, cursors, allot, ids } = await setup();
    expect(await allot()).toEqual({ writerId: `${id}.2`, replaces: id });
    expect(await allot('karim')).toEqual({ writerId: `${id}.3`, replaces: `${id}.2` });
    expect(await ids()).toEqual([id, `${id}.2`, `${id}.3`]);
    const trail = await prisma.audit.findMany({
      where: { subject: `provider/${id}` },
      orderBy: { id: 'asc' },
    });
    expect(trail).toMatchObject([
      { actor: 'amina', action: 'provider.restored', detail: { writerId: `${id}.2`, replaces: id } },
      { actor: 'karim', action: 'provider.restored', detail: { writerId: `${id}.3`, replaces: `${id}.2` } },
    ]);
    expect(await cursors.read(id, 'constats/recheck')).toBe('2026-03-01T10:00:00.000Z');
  });

  it('are two when two people allot at once', async () => {
    const { id, allot, ids } = await setup();
    const both = await Promise.all([allot(), allot()]);
    expect(both.map(({ writerId }) => writerId).sort()).toEqual([`${id}.2`, `${id}.3`]);
    expect(await ids()).toEqual([id, `${id}.2`, `${id}.3`]);
  });

  it('never shrink when a bridge starts with a topics.yaml that does not name them', async () => {
    const { prisma, id, provider, allot, ids } = await setup();
    await allot();
    await recordProviders(prisma, [{ ...provider, name: 'SAA, renamed' }]);
    expect(await ids()).toEqual([id, `${id}.2`]);
    await recordProviders(prisma, [{ ...provider, writerIds: [id, `${id}.4`, `${id}.2`, `${id}.5`] }]);
    expect(await ids()).toEqual([id, `${id}.2`, `${id}.4`, `${id}.5`]);
    expect(await prisma.provider.findUnique({ where: { id } })).toMatchObject({ name: 'SAA' });
  });

  it('are not allotted to a provider that topics.yaml does not have', async () => {
    const { writerIds, cursors } = await setup();
    const topology = { providers: new Map() } as unknown as Topology;
    const allotting = allotWriterId(
      'nobody',
      { topology, writerIds, cursors },
      { by: 'amina', now: new Date() },
    );
    await expect(allotting).rejects.toThrow(UsageError);
  });
});
