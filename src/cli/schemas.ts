import { Command } from 'commander';
import { checkCompatibility, checkRegistry } from '../avro/check-compatibility.ts';
import { createRegistryClient } from '../avro/create-registry-client.ts';
import { loadContracts } from '../avro/load-contracts.ts';
import { registerSchemas } from '../avro/register-schemas.ts';
import { releaseContracts } from '../avro/release-contracts.ts';
import { parseSettings } from '../config/env.ts';
import type { SettingsOf } from '../config/env.ts';
import { loadTopology } from '../config/load-topology.ts';
import { BridgeError, UsageError } from '../domain/errors.ts';

/** `bridge schemas check|release|register`: the event contracts, against what was released and against the registry. */
export function schemasCommand(): Command {
  const schemas = new Command('schemas').description(
    'prove that the event contracts break nobody, release them, or register them',
  );

  schemas
    .command('check')
    .description('compare the contracts with every released version, both ways; changes nothing')
    .option(
      '--registry <url>',
      'ask this schema registry too (with SCHEMA_REGISTRY_USERNAME and _PASSWORD, if set)',
    )
    .action(async ({ registry }: { readonly registry?: string }) => {
      const { schemasDirs } = parseSettings(process.env, []);
      const report = checkCompatibility(schemasDirs);
      const breaks = [...report.breaks, ...(registry === undefined ? [] : await askRegistry(registry))];
      if (breaks.length > 0)
        throw new UsageError(`the contracts are not FULL_TRANSITIVE compatible:\n  ${breaks.join('\n  ')}`);
      console.log(
        `${report.records} records are FULL_TRANSITIVE compatible with ${counted(report.versions, 'released version')}${registry === undefined ? '' : ' and with the registry'}.`,
      );
      if (report.unreleased.length > 0)
        console.log(
          `Not yet released: ${report.unreleased.join(', ')}. Before they go into production: bridge schemas release`,
        );
    });

  schemas
    .command('release')
    .description('write the contracts into the baseline as the next version, which never changes again')
    .action(() => {
      const written = releaseContracts(parseSettings(process.env, []).schemasDirs);
      for (const dir of written) console.log(`✓ ${dir}: commit it`);
      if (written.length === 0) console.log('Nothing to do: the newest released version is the same.');
    });

  schemas
    .command('register')
    .description('register the schema of every topic, as `bridge run` does when it starts')
    .action(async () => {
      const settings = parseSettings(process.env, ['registry']);
      const ids = await withRegistry(settings, registerSchemas);
      console.log(
        `${counted(ids.size, 'subject')} registered with FULL_TRANSITIVE compatibility; ${counted(new Set(ids.values()).size, 'schema')}.`,
      );
    });

  return schemas;
}

function askRegistry(url: string): Promise<readonly string[]> {
  return withRegistry(
    parseSettings({ ...process.env, SCHEMA_REGISTRY_URL: url }, ['registry']),
    checkRegistry,
  );
}

type RegistryWork<T> = (
  deps: Parameters<typeof registerSchemas>[0] & Parameters<typeof checkRegistry>[0],
) => Promise<T>;

async function withRegistry<T>(settings: SettingsOf<'registry'>, work: RegistryWork<T>): Promise<T> {
  const contracts = loadContracts(settings.schemasDirs);
  const { routes } = await loadTopology({
    topicsFile: settings.topicsFile,
    kindsDirs: settings.kindsDirs,
    shapeOf: contracts.shapeOf,
  });
  const registry = createRegistryClient({
    url: settings.schemaRegistryUrl,
    username: settings.schemaRegistryUsername,
    password: settings.schemaRegistryPassword,
  });
  try {
    return await work({ contracts, routes: routes.values(), registry });
  } catch (error) {
    // At a command line every answer of the registry is for the person to act on.
    if (!(error instanceof BridgeError)) throw error;
    const hint = error.code === 'REGISTRY_UNAVAILABLE' ? ': check its address, SCHEMA_REGISTRY_URL' : '';
    throw new UsageError(`${error.message}${hint}`, { cause: error });
  }
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}
