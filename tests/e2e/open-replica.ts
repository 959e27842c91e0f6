import { pino } from 'pino';
import { applyBatch, type Arrival, type Settled } from '../../src/apply/apply-batch.ts';
import { createEdits } from '../../src/apply/create-edits.ts';
import { createCodec } from '../../src/avro/create-codec.ts';
import { createRegistryClient } from '../../src/avro/create-registry-client.ts';
import { loadContracts } from '../../src/avro/load-contracts.ts';
import { registerSchemas } from '../../src/avro/register-schemas.ts';
import { parseSettings } from '../../src/config/env.ts';
import type { EntityEvent } from '../../src/domain/event.ts';
import type { EventCodec, Store } from '../../src/ports.ts';
import { createEntityReader } from '../../src/postgres/create-entity-reader.ts';
import { createPool } from '../../src/postgres/create-pool.ts';
import { createSchemaTable } from '../../src/postgres/create-schema-table.ts';
import { createStore } from '../../src/postgres/create-store.ts';
import { newId } from '../../src/runtime/new-id.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import type { Bed } from './setup.ts';

/** The part of a bridge between decoding and PostgreSQL, with connections of its own: for tests that say themselves in
 *  which order events arrive. Nothing is consumed, nothing is relayed. */
export interface Replica {
  readonly codec: EventCodec;
  readonly edits: ReturnType<typeof createEdits>;
  /** What arrives when this event stands in the topic, at a position of its own. */
  arrival(topic: string, event: EntityEvent): Promise<Arrival>;
  /** `through` may stand between the rules and the database. */
  apply(arrivals: readonly Arrival[], through?: (store: Store) => Store): Promise<readonly Settled[]>;
  close(): Promise<void>;
}

export async function openReplica(bed: Bed): Promise<Replica> {
  const settings = parseSettings(bed.env, ['database', 'registry']);
  const { topology } = bed;
  const contracts = loadContracts(settings.schemasDirs);
  const pool = createPool({ databaseUrl: settings.databaseUrl, max: 2, onError: () => {} });
  const registry = createRegistryClient({ url: settings.schemaRegistryUrl });
  const topicSchemaIds = await registerSchemas({ contracts, routes: topology.routes.values(), registry });
  const schemaTable = createSchemaTable({ pool });
  const clock = Date.now;
  const codec = createCodec({ contracts, topology, registry, topicSchemaIds, schemaTable, clock });
  const store = createStore({ pool });
  const log = pino({ level: 'silent' });
  const common = { topology, codec, log, clock, newId, wakeRelay: () => {} };
  let offset = 0n;
  return {
    codec,
    edits: createEdits({ ...common, store, reader: createEntityReader({ pool }) }),
    async arrival(topic, event) {
      const { bytes } = await codec.encode(topic, event);
      const [decoded] = await codec.decodeBatch(topic, [bytes]);
      if (!decoded?.readable) throw new Error(decoded?.cause);
      const { kind, schemaRef } = decoded;
      return {
        ...{ readable: true, kind, event: decoded.event, schemaRef, source: 'topic', topic, partition: 0 },
        ...{ offset: offset++, key: Buffer.from(event.meta.entityId), value: bytes, headers: {} },
      };
    },
    apply: (arrivals, through = (plain) => plain) =>
      applyBatch(arrivals, null, {
        ...common,
        store: through(store),
        allottedWriterIds: (providerId) => topology.providers.get(providerId)?.writerIds ?? [],
        metrics: createMetrics(),
      }),
    close: () => pool.end(),
  };
}
