import { userInfo } from 'node:os';
import Table from 'cli-table3';
import { Command } from 'commander';
import { loadContracts } from '../avro/load-contracts.ts';
import { parseSettings } from '../config/env.ts';
import { loadTopology } from '../config/load-topology.ts';
import { UsageError } from '../domain/errors.ts';
import { nextWriterId } from '../domain/next-writer-id.ts';
import type { Provider, PullCursorTable, Topology, WriterIdTable } from '../ports.ts';
import { createPool } from '../postgres/create-pool.ts';
import { createPrisma } from '../postgres/create-prisma.ts';
import { createPullCursorTable } from '../postgres/create-pull-cursor-table.ts';
import { createWriterIdTable } from '../postgres/create-writer-id-table.ts';
import { recordProviders } from '../postgres/record-providers.ts';
import { requireMigrated } from '../postgres/require-migrated.ts';
import { recheckCursor } from '../pull/confirm-cursor.ts';

interface ProviderTables {
  readonly topology: Topology;
  readonly writerIds: WriterIdTable;
  readonly cursors: PullCursorTable;
}

/** `bridge provider restored|list`: the insurers and their writer ids. */
export function providerCommand(): Command {
  const command = new Command('provider').description('the insurers and their writer ids');
  command
    .command('restored')
    .description('give a provider that restored a backup its next writer id, and send it again what it lost')
    .argument('<id>', 'the provider, as in topics.yaml')
    .action((id: string) =>
      withTables(async (tables) => {
        const { writerId, replaces } = await allotWriterId(id, tables, {
          by: userInfo().username,
          now: new Date(),
        });
        console.log(instructions(tables.topology.providers.get(id)!, writerId, replaces));
      }),
    );
  command
    .command('list')
    .description('list the providers, each with all writer ids that were ever allotted to it')
    .action(() => withTables(listProviders));
  return command;
}

/** Allots the provider its next writer id and has all its entities checked for what it lost. Running bridges accept
 *  the new id from now on. */
export async function allotWriterId(
  id: string,
  { topology, writerIds, cursors }: ProviderTables,
  { by, now }: { readonly by: string; readonly now: Date },
): Promise<{ readonly writerId: string; readonly replaces: string }> {
  const provider = topology.providers.get(id);
  if (provider === undefined) {
    const known = [...topology.providers.keys()].join(', ');
    throw new UsageError(`there is no provider ${id} in topics.yaml: take one of ${known}`);
  }
  for (;;) {
    const allotted = (await writerIds.list()).get(id) ?? [];
    const writerId = nextWriterId(id, allotted);
    if (!(await writerIds.allot(id, writerId, allotted, by))) continue;
    for (const collection of provider.pull.collections)
      await cursors.write(id, recheckCursor(collection), now.toISOString());
    return { writerId, replaces: allotted.at(-1)! };
  }
}

function instructions({ id, name, pull }: Provider, writerId: string, replaces: string): string {
  return [
    `${name} (${id}) writes as ${writerId} from now on. Its engineer does this before anybody edits there again:`,
    `  1. set the platform's writer id to ${writerId};`,
    `  2. count each edit in the entry "${writerId}" of the revision, from 1 on, and never again in "${replaces}";`,
    `  3. leave the other entries of a revision as they are, "${replaces}" too;`,
    '  4. read the topics on from where the group stands: what dominates is applied, the rest ignored.',
    'Running bridges accept the new id at once.',
    pull.collections.length > 0
      ? `They now ask for all ${pull.collections.join(', ')} of ${id}, and send again what it lost.`
      : `${id} is not pulled (topics.yaml, pull.collections): what it lost is sent again only with the next edit.`,
  ].join('\n');
}

async function listProviders({ topology, writerIds }: ProviderTables): Promise<void> {
  const table = new Table({ head: ['id', 'name', 'writes as', 'wrote as'], style: { head: [] } });
  const recorded = await writerIds.list();
  for (const { id, name, writerIds: ofFile } of topology.providers.values()) {
    const all = recorded.get(id) ?? ofFile;
    table.push([id, name, all.at(-1) ?? '', all.slice(0, -1).join(', ')]);
  }
  console.log(table.toString());
}

async function withTables(work: (tables: ProviderTables) => Promise<void>): Promise<void> {
  const settings = parseSettings(process.env, ['database']);
  const { shapeOf } = loadContracts(settings.schemasDirs);
  const topology = await loadTopology({ ...settings, shapeOf });
  const pool = createPool({ databaseUrl: settings.databaseUrl, max: 1, onError: () => {} });
  try {
    await requireMigrated(pool, settings.migrationsDirs);
    const prisma = createPrisma(pool);
    // What topics.yaml allots counts as allotted, also before a bridge has started with it.
    await recordProviders(prisma, topology.providers.values());
    await work({
      topology,
      writerIds: createWriterIdTable({ prisma }),
      cursors: createPullCursorTable({ prisma }),
    });
  } finally {
    await pool.end();
  }
}
