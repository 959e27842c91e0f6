import { applyBatch, type Alongside, type ApplyDeps, type Arrival } from '../apply/apply-batch.ts';
import { createQuarantineWork, type QuarantineWork } from '../apply/work-quarantine.ts';
import { createWriterDirectory } from '../apply/writer-directory.ts';
import { createCodec } from '../avro/create-codec.ts';
import { createRegistryClient } from '../avro/create-registry-client.ts';
import { loadContracts } from '../avro/load-contracts.ts';
import { registerSchemas } from '../avro/register-schemas.ts';
import { parseSettings, type SettingsOf } from '../config/env.ts';
import { loadTopology } from '../config/load-topology.ts';
import type { Log, QuarantineTable, Topology } from '../ports.ts';
import { createEntityReader } from '../postgres/create-entity-reader.ts';
import { createOutbox } from '../postgres/create-outbox.ts';
import { createPrisma } from '../postgres/create-prisma.ts';
import { createQuarantineTable } from '../postgres/create-quarantine-table.ts';
import { createSchemaTable } from '../postgres/create-schema-table.ts';
import { createStore } from '../postgres/create-store.ts';
import { createWriterIdTable } from '../postgres/create-writer-id-table.ts';
import { systemClock as clock } from '../runtime/clock.ts';
import { newId } from '../runtime/new-id.ts';
import { createLog } from '../telemetry/create-log.ts';
import { createMetrics } from '../telemetry/metrics.ts';
import { withPool, type Pool } from './open-settling.ts';

export interface QuarantineTools {
  readonly topology: Topology;
  readonly table: QuarantineTable;
  readonly work: QuarantineWork;
}

/** What looking into quarantine needs: the database alone. */
export function openQuarantineTable(work: (table: QuarantineTable) => Promise<void>): Promise<void> {
  const settings = parseSettings(process.env, ['database']);
  return withPool(settings, (pool) => work(createQuarantineTable({ pool })));
}

/** Reading records takes a registry, too; while that is away they are shown undecoded. Working on them needs it. */
export function openQuarantine(
  mode: 'read' | 'write',
  use: (tools: QuarantineTools) => Promise<void>,
): Promise<void> {
  const settings = parseSettings(process.env, ['database', 'registry']);
  return withPool(settings, async (pool) => {
    const woken: Promise<void>[] = [];
    const outbox = createOutbox({ pool, databaseUrl: settings.databaseUrl });
    const notify = (shards: readonly string[]) => void woken.push(outbox.notify(shards).catch(() => {}));
    await use(await makeTools(settings, pool, mode, notify));
    await Promise.all(woken);
  });
}

async function makeTools(
  settings: SettingsOf<'database' | 'registry'>,
  pool: Pool,
  mode: 'read' | 'write',
  wakeRelay: ApplyDeps['wakeRelay'],
): Promise<QuarantineTools> {
  const contracts = loadContracts(settings.schemasDirs);
  const topology = await loadTopology({ ...settings, shapeOf: contracts.shapeOf });
  const registry = createRegistryClient({
    url: settings.schemaRegistryUrl,
    username: settings.schemaRegistryUsername,
    password: settings.schemaRegistryPassword,
  });
  const topicSchemaIds =
    mode === 'read'
      ? new Map<string, number>()
      : await registerSchemas({ contracts, routes: topology.routes.values(), registry });
  const schemaTable = createSchemaTable({ pool });
  const codec = createCodec({ contracts, topology, registry, topicSchemaIds, schemaTable, clock });
  const writers = createWriterDirectory({
    topology,
    table: createWriterIdTable({ prisma: createPrisma(pool) }),
  });
  await writers.reload();
  // What happens is printed; only what a running bridge would warn of too is worth a line here.
  const log: Log = createLog({ level: 'error' });
  const applying: ApplyDeps = {
    ...{ store: createStore({ pool }), topology, codec, clock, newId, log, wakeRelay },
    metrics: createMetrics(),
    allottedWriterIds: (providerId) => writers.allotted(providerId),
  };
  const apply = (arrivals: readonly Arrival[], alongside: Alongside) =>
    applyBatch(arrivals, null, applying, null, alongside);
  const table = createQuarantineTable({ pool });
  const reader = createEntityReader({ pool });
  return { topology, table, work: createQuarantineWork({ ...applying, reader, table, apply }) };
}
