import { randomBytes } from 'node:crypto';
import { userInfo } from 'node:os';
import Table from 'cli-table3';
import { Command, Option } from 'commander';
import { hashSecret } from '../api/authenticate.ts';
import { parseSettings } from '../config/env.ts';
import { UsageError } from '../domain/errors.ts';
import type { ApiKey, ApiKeyTable, Scope } from '../ports.ts';
import { createApiKeyTable } from '../postgres/create-api-key-table.ts';
import { createPool } from '../postgres/create-pool.ts';
import { createPrisma } from '../postgres/create-prisma.ts';
import { newId } from '../runtime/new-id.ts';

const SCOPES: readonly Scope[] = ['staff', 'operator', 'provider'];
const PROVIDER_ID = /^[a-z][a-z0-9]{1,30}$/;

interface CreateOptions {
  readonly owner: string;
  readonly scope: Scope;
  readonly provider?: string;
}

/** `bridge keys create|revoke|list`: the API keys of people and systems. */
export function keysCommand(): Command {
  const command = new Command('keys').description(
    'create, revoke and list the API keys of people and systems',
  );
  command
    .command('create')
    .description('create a key; its secret is printed once and stored nowhere')
    .requiredOption('--owner <name>', 'the person or system that appears as the author of its edits')
    .addOption(
      new Option('--scope <scope>', 'staff edits, operator runs the bridge, provider reads its own')
        .choices([...SCOPES])
        .makeOptionMandatory(),
    )
    .option('--provider <id>', 'for the scope provider: the one it sees')
    .action((options: CreateOptions) => withKeys((keys) => createKey(keys, options)));
  command
    .command('revoke')
    .description('revoke a key; it is refused from the next request on')
    .argument('<id>', 'as `bridge keys list` shows it')
    .action((id: string) => withKeys((keys) => revokeKey(keys, id)));
  command
    .command('list')
    .description('list all keys, revoked ones too; secrets are not known')
    .action(() => withKeys(listKeys));
  return command;
}

/** A new secret: 256 random bits, recognisable by its beginning when it turns up where it should not. */
export function newSecret(): string {
  return `eak_${randomBytes(32).toString('base64url')}`;
}

async function createKey(keys: ApiKeyTable, options: CreateOptions): Promise<void> {
  const { scope, provider = null } = options;
  const owner = options.owner.trim();
  if (owner === '' || owner.length > 200)
    throw new UsageError('--owner must have 1 to 200 characters: name the person or system');
  if ((scope === 'provider') !== (provider !== null)) {
    throw new UsageError(
      scope === 'provider'
        ? 'a key of scope provider needs --provider: say which one it sees, such as --provider saa'
        : `a key of scope ${scope} sees every provider: leave --provider out`,
    );
  }
  if (provider !== null && !PROVIDER_ID.test(provider)) {
    throw new UsageError(`--provider ${provider} is no provider id: take one from topics.yaml, such as saa`);
  }
  const secret = newSecret();
  const key = await keys.create({
    owner,
    scope,
    provider,
    secretHash: hashSecret(secret),
    by: userInfo().username,
  });
  console.log(secret);
  console.error(`key ${key.id} for ${owner}: this is the only time that its secret is shown`);
}

async function revokeKey(keys: ApiKeyTable, id: string): Promise<void> {
  const revoked = await keys.revoke(id, userInfo().username);
  if (!revoked) throw new UsageError(`there is no live key ${id}: see \`bridge keys list\``);
  console.log(`revoked ${id}`);
}

async function listKeys(keys: ApiKeyTable): Promise<void> {
  const table = new Table({
    head: ['id', 'owner', 'scope', 'provider', 'created', 'last used', 'revoked'],
    style: { head: [] },
  });
  for (const key of await keys.list()) table.push(rowOf(key));
  console.log(table.toString());
}

function rowOf(key: ApiKey): string[] {
  const when = (ms: number | null) =>
    ms === null ? '' : new Date(ms).toISOString().slice(0, 16).replace('T', ' ');
  return [
    key.id,
    key.owner,
    key.scope,
    key.provider ?? '',
    when(key.createdAtMs),
    when(key.lastUsedAtMs),
    when(key.revokedAtMs),
  ];
}

async function withKeys(work: (keys: ApiKeyTable) => Promise<void>): Promise<void> {
  const { databaseUrl } = parseSettings(process.env, ['database']);
  const pool = createPool({ databaseUrl, max: 1, onError: () => {} });
  try {
    await work(createApiKeyTable({ pool, prisma: createPrisma(pool), newId }));
  } finally {
    await pool.end();
  }
}
