import { fileURLToPath } from 'node:url';
import { createCodec } from '../../../src/avro/create-codec.ts';
import { createRegistryClient } from '../../../src/avro/create-registry-client.ts';
import { loadContracts } from '../../../src/avro/load-contracts.ts';
import { registerSchemas } from '../../../src/avro/register-schemas.ts';
import type { EntityKind, KindDefinition } from '../../../src/domain/kind.ts';
import type { SchemaTable, Topology, TopicRoute } from '../../../src/ports.ts';
import { startRegistryServer } from './registry-server.ts';
import type { RegistryServer } from './registry-server.ts';

export const SCHEMAS_DIR = fileURLToPath(new URL('../../../schemas', import.meta.url));
export const NAMESPACE = 'dz.eassurance.events.v1';
export const contracts = loadContracts([SCHEMAS_DIR]);

const KINDS: Readonly<Record<string, { idField: string; events: Record<string, string> }>> = {
  constat: { idField: 'constatId', events: { created: 'ConstatCreated', updated: 'ConstatUpdated' } },
  vehicle: { idField: 'verificationId', events: { verified: 'VehicleVerified' } },
  claim: { idField: 'claimId', events: { created: 'ClaimCreated', processed: 'ClaimProcessed' } },
  policy: { idField: 'policyId', events: { updated: 'PolicyUpdated' } },
};

function kindOf(name: string): EntityKind {
  const { idField, events } = KINDS[name]!;
  const definition = { name, collection: `${name}s`, idField, events } as unknown as KindDefinition;
  return { ...definition, shape: contracts.shapeOf(Object.values(events).at(-1)!, name) };
}

export function routeOf(providerId: string, kind: string, action: string, record: string): TopicRoute {
  return {
    topic: `${providerId}-${kind}.${action}`,
    providerId,
    kind,
    action,
    record: `${NAMESPACE}.${record}`,
    writers: ['eassurance', providerId],
    partitions: 1,
    replicationFactor: 1,
    minInsyncReplicas: 1,
    retentionMs: 1,
    maxMessageBytes: 1_048_576,
  };
}

export const topology: Topology = {
  providers: new Map(),
  kinds: new Map(Object.keys(KINDS).map((name) => [name, kindOf(name)])),
  routes: new Map(
    [
      ...Object.entries(KINDS).flatMap(([kind, { events }]) =>
        Object.entries(events).map(([action, record]) => routeOf('saa', kind, action, record)),
      ),
      routeOf('shared', 'vehicle', 'verified', 'SharedVehicleVerified'),
    ].map((route) => [route.topic, route]),
  ),
};

export interface TestTable extends SchemaTable {
  readonly definitions: string[];
}
export function createSchemaTable(): TestTable {
  const definitions: string[] = [];
  return {
    definitions,
    intern: async (definition) => {
      if (!definitions.includes(definition)) definitions.push(definition);
      return definitions.indexOf(definition) + 1;
    },
    load: async (schemaRef) => definitions[schemaRef - 1]!,
  };
}

/** A codec on a registry of its own, with every topic registered. */
export async function setupCodec(server?: RegistryServer) {
  const registryServer = server ?? (await startRegistryServer());
  const connect = () => createRegistryClient({ url: registryServer.url, timeoutMs: 2000 });
  const topicSchemaIds = await registerSchemas({
    contracts,
    routes: topology.routes.values(),
    registry: connect(),
  });
  registryServer.requests.length = 0;
  // Another client than the one that registered, so that it knows no schema yet.
  const registry = connect();
  const schemaTable = createSchemaTable();
  const time = { ms: 0 };
  const build = () =>
    createCodec({ contracts, topology, schemaTable, registry, topicSchemaIds, clock: () => time.ms });
  return { codec: build(), rebuild: build, registry, registryServer, schemaTable, topicSchemaIds, time };
}

/** `definition` with one named type replaced by what `change` makes of it. */
export function changedDefinition(
  record: string,
  name: string,
  change: (node: Record<string, unknown>) => void,
): Record<string, unknown> {
  const schema = structuredClone(contracts.event(record).schema) as unknown as Record<string, unknown>;
  const visit = (node: unknown): void => {
    if (Array.isArray(node)) node.forEach(visit);
    else if (typeof node === 'object' && node !== null) {
      if ((node as { name?: unknown }).name === name && 'type' in node) change(node);
      Object.values(node).forEach(visit);
    }
  };
  visit(schema);
  return schema;
}
