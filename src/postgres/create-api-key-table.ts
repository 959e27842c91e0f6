import type pg from 'pg';
import type { ApiKey, ApiKeyTable, NewId, Scope } from '../ports.ts';
import { auditEntry } from './create-audit-table.ts';
import type { PrismaClient } from './create-prisma.ts';
import { createApiKeyFinder } from './find-api-key.ts';
import type { ApiKey as Row } from './generated/client.ts';
import { translated } from './translate-error.ts';

/** API keys. Creating and revoking one is audited in the same transaction. */
export function createApiKeyTable(deps: {
  readonly pool: pg.Pool;
  readonly prisma: PrismaClient;
  readonly newId: NewId;
}): ApiKeyTable {
  const { pool, prisma, newId } = deps;
  return {
    create: ({ by, ...key }) =>
      translated(async () => {
        const id = newId();
        const detail = { owner: key.owner, scope: key.scope, provider: key.provider };
        const [row] = await prisma.$transaction([
          prisma.apiKey.create({ data: { ...key, id, createdBy: by } }),
          prisma.audit.create(auditEntry({ actor: by, action: 'key.create', subject: `key/${id}`, detail })),
        ]);
        return toApiKey(row);
      }),
    findBySecretHash: createApiKeyFinder(pool),
    revoke: (id, by) => translated(() => revoke(prisma, id, by)),
    list: () =>
      translated(async () => (await prisma.apiKey.findMany({ orderBy: { createdAt: 'asc' } })).map(toApiKey)),
  };
}

/** Of two people who revoke a key at once, one is told true. */
async function revoke(prisma: PrismaClient, id: string, by: string): Promise<boolean> {
  return prisma.$transaction(async (tx) => {
    const { count } = await tx.apiKey.updateMany({
      where: { id, revokedAt: null },
      data: { revokedAt: new Date(), revokedBy: by },
    });
    if (count === 1) {
      await tx.audit.create(auditEntry({ actor: by, action: 'key.revoke', subject: `key/${id}` }));
    }
    return count === 1;
  });
}

function toApiKey(row: Row): ApiKey {
  return {
    id: row.id,
    owner: row.owner,
    scope: row.scope as Scope,
    provider: row.provider,
    createdAtMs: row.createdAt.getTime(),
    revokedAtMs: row.revokedAt?.getTime() ?? null,
    lastUsedAtMs: row.lastUsedAt?.getTime() ?? null,
  };
}
