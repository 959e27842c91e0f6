import { createEdits } from '../apply/create-edits.ts';
import type { Edits } from '../apply/edit.ts';
import { createCodec } from '../avro/create-codec.ts';
import { createRegistryClient } from '../avro/create-registry-client.ts';
import { loadContracts } from '../avro/load-contracts.ts';
import { registerSchemas } from '../avro/register-schemas.ts';
import { parseSettings, type SettingsOf } from '../config/env.ts';
import { loadTopology } from '../config/load-topology.ts';
import type { ConflictReader, EntityReader, Topology } from '../ports.ts';
import { createConflictReader } from '../postgres/create-conflict-reader.ts';
import { createEntityReader } from '../postgres/create-entity-reader.ts';
import { createOutbox } from '../postgres/create-outbox.ts';
import { createPool } from '../postgres/create-pool.ts';
import { createSchemaTable } from '../postgres/create-schema-table.ts';
import { createStore } from '../postgres/create-store.ts';
import { requireMigrated } from '../postgres/require-migrated.ts';
import { systemClock as clock } from '../runtime/clock.ts';
import { newId } from '../runtime/new-id.ts';
import { createLog } from '../telemetry/create-log.ts';

export type Pool = ReturnType<typeof createPool>;

export interface Reading {
  readonly conflicts: ConflictReader;
  readonly reader: EntityReader;
  readonly topology: Topology;
}

export interface Settling extends Reading {
  readonly edits: Pick<Edits, 'settle'>;
}

/** What reading conflicts needs: the database, topics.yaml and the contracts, but no registry. */
export async function openConflicts<T>(work: (reading: Reading) => Promise<T>): Promise<T> {
  const settings = parseSettings(process.env, ['database']);
  const topology = await loadTopology({ ...settings, shapeOf: loadContracts(settings.schemasDirs).shapeOf });
  return withPool(settings, (pool) => work(readersOf(pool, topology)));
}

/** What an edit needs besides, in a process that relays nothing: a relay that runs elsewhere is woken through the
 *  database before this resolves, and finds the row by its poll if that fails. */
export async function openSettling(work: (settling: Settling) => Promise<void>): Promise<void> {
  const settings = parseSettings(process.env, ['database', 'registry']);
  const contracts = loadContracts(settings.schemasDirs);
  const topology = await loadTopology({ ...settings, shapeOf: contracts.shapeOf });
  const registry = createRegistryClient({
    url: settings.schemaRegistryUrl,
    username: settings.schemaRegistryUsername,
    password: settings.schemaRegistryPassword,
  });
  await withPool(settings, async (pool) => {
    const topicSchemaIds = await registerSchemas({ contracts, routes: topology.routes.values(), registry });
    const schemaTable = createSchemaTable({ pool });
    const codec = createCodec({ contracts, topology, registry, topicSchemaIds, schemaTable, clock });
    const reading = readersOf(pool, topology);
    const outbox = createOutbox({ pool, databaseUrl: settings.databaseUrl });
    const woken: Promise<void>[] = [];
    const edits = createEdits({
      ...reading,
      store: createStore({ pool }),
      codec,
      // The command says itself what it did; only what is wrong stands beside it.
      log: createLog({ level: 'warn' }),
      clock,
      newId,
      wakeRelay: (shards) => void woken.push(outbox.notify(shards).catch(() => {})),
    });
    await work({ ...reading, edits });
    await Promise.all(woken);
  });
}

function readersOf(pool: Pool, topology: Topology): Reading {
  return { conflicts: createConflictReader({ pool }), reader: createEntityReader({ pool }), topology };
}

/** A pool for one command, on a database that is up to this build. */
export async function withPool<T>(
  settings: SettingsOf<'database'>,
  work: (pool: Pool) => Promise<T>,
): Promise<T> {
  const pool = createPool({ databaseUrl: settings.databaseUrl, max: 2, onError: () => {} });
  try {
    await requireMigrated(pool, settings.migrationsDirs);
    return await work(pool);
  } finally {
    await pool.end();
  }
}
