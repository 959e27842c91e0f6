import { TransientError } from '../domain/errors.ts';
import type { ApiKey, ApiKeyTable, NewId, Scope } from '../ports.ts';
import { auditEntry } from './create-audit-table.ts';
import type { PrismaClient } from './create-prisma.ts';
import type { ApiKey as Row } from './generated/client.ts';
import { translated } from './translate-error.ts';

/** How exact `lastUsedAtMs` is: a key that is used all the time costs one write in this while. */
const LAST_USE_EVERY_MS = 60_000;

/** API keys. Creating and revoking one is audited in the same transaction. */
export function createApiKeyTable(deps: {
  readonly prisma: PrismaClient;
  readonly newId: NewId;
}): ApiKeyTable {
  const { prisma, newId } = deps;
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
    findBySecretHash: (secretHash) => translated(() => findLive(prisma, secretHash)),
    revoke: (id, by) => translated(() => revoke(prisma, id, by)),
    list: () =>
      translated(async () => (await prisma.apiKey.findMany({ orderBy: { createdAt: 'asc' } })).map(toApiKey)),
  };
}

/** A revoked key is not found. */
async function findLive(prisma: PrismaClient, secretHash: string): Promise<ApiKey | null> {
  const row = await prisma.apiKey.findUnique({ where: { secretHash, revokedAt: null } });
  if (row === null) return null;
  const stale = new Date(Date.now() - LAST_USE_EVERY_MS);
  if (row.lastUsedAt === null || row.lastUsedAt < stale) {
    // A database that takes no writes still admits whoever only reads.
    await translated(() =>
      prisma.apiKey.update({ where: { id: row.id }, data: { lastUsedAt: new Date() } }),
    ).catch((error: unknown) => {
      if (!(error instanceof TransientError)) throw error;
    });
  }
  return toApiKey(row);
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
