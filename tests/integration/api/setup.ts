import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import { hashSecret } from '../../../src/api/authenticate.ts';
import { newConstatExample } from '../../../src/api/constat-examples.ts';
import { createApi, DEFAULT_LIMITS } from '../../../src/api/create-api.ts';
import { createEdits } from '../../../src/apply/create-edits.ts';
import { createCodec } from '../../../src/avro/create-codec.ts';
import { createRegistryClient } from '../../../src/avro/create-registry-client.ts';
import { loadContracts } from '../../../src/avro/load-contracts.ts';
import { registerSchemas } from '../../../src/avro/register-schemas.ts';
import { loadTopology } from '../../../src/config/load-topology.ts';
import type { Scope } from '../../../src/ports.ts';
import { createPostgresHealthCheck } from '../../../src/postgres/check-health.ts';
import { createApiKeyTable } from '../../../src/postgres/create-api-key-table.ts';
import { createEntityReader } from '../../../src/postgres/create-entity-reader.ts';
import { createPool } from '../../../src/postgres/create-pool.ts';
import { createPrisma } from '../../../src/postgres/create-prisma.ts';
import { createSchemaTable } from '../../../src/postgres/create-schema-table.ts';
import { createStore } from '../../../src/postgres/create-store.ts';
import { recordProviders } from '../../../src/postgres/record-providers.ts';
import { newId } from '../../../src/runtime/new-id.ts';
import { createMetrics } from '../../../src/telemetry/metrics.ts';
import { typedRequest } from '../../unit/api/typed-request.ts';
import { createTestDatabase } from '../../support/test-database.ts';

const home = (name: string) => fileURLToPath(new URL(`../../../${name}`, import.meta.url));

/** The API with everything behind it real: PostgreSQL, the contracts, topics.yaml and the registry. Nothing relays or
 *  consumes. */
export async function setup(services: { readonly databaseUrl: string; readonly registryUrl: string }) {
  const database = await createTestDatabase(services.databaseUrl);
  const pool = createPool({ databaseUrl: database.url, max: 8, onError: () => {} });
  const prisma = createPrisma(pool);
  const contracts = loadContracts([home('schemas')]);
  const topology = await loadTopology({
    topicsFile: home('topics.yaml'),
    kindsDirs: [home('src/domain')],
    shapeOf: contracts.shapeOf,
  });
  await recordProviders(prisma, [...topology.providers.values()]);
  const registry = createRegistryClient({
    url: services.registryUrl,
    username: undefined,
    password: undefined,
  });
  const topicSchemaIds = await registerSchemas({ contracts, routes: topology.routes.values(), registry });
  const codec = createCodec({
    contracts,
    topology,
    registry,
    topicSchemaIds,
    schemaTable: createSchemaTable({ pool }),
  });
  const reader = createEntityReader({ pool });
  const keys = createApiKeyTable({ prisma, newId });
  const clock = Date.now;
  const woken: string[] = [];
  const edits = createEdits({
    store: createStore({ pool }),
    reader,
    topology,
    codec,
    clock,
    newId,
    wakeRelay: (shards) => void woken.push(...shards),
  });
  const app = createApi({
    topology,
    edits,
    reader,
    codec,
    keys,
    refresh: async () => ({ status: 'unavailable', code: 'PROVIDER_WITHOUT_API' }),
    pullStatus: () => null,
    checks: { live: [], ready: [createPostgresHealthCheck({ pool })] },
    metrics: createMetrics(),
    log: pino({ level: 'silent' }),
    clock,
    newId,
    version: '0.0.0',
    limits: { ...DEFAULT_LIMITS, requestsPerMinute: 100_000 },
  });
  const api = typedRequest(app);

  const keyFor = async (owner: string, scope: Scope, provider: string | null = null) => {
    const secret = `eak_${newId()}`;
    const { id } = await keys.create({ owner, scope, provider, secretHash: hashSecret(secret), by: 'test' });
    return { id, secret };
  };
  const staff = await keyFor('Amel Haddad', 'staff');
  const saa = await keyFor('SAA platform', 'provider', 'saa');

  return {
    pool,
    keys,
    staff,
    saa,
    woken,
    keyFor,
    get: (path: string, secret = staff.secret) => api.get(path).set('X-API-Key', secret),
    post: (body: unknown = constat(), idempotencyKey: string = newId(), secret = staff.secret) =>
      api
        .post('/v1/constats')
        .set({ 'X-API-Key': secret, 'Idempotency-Key': idempotencyKey, 'Content-Type': 'application/json' })
        .send(typeof body === 'string' ? body : JSON.stringify(body)),
    patch: (id: string, body: unknown, headers: Record<string, string>) =>
      api
        .patch(`/v1/constats/${id}`)
        .set({ 'X-API-Key': staff.secret, 'Content-Type': 'application/merge-patch+json', ...headers })
        .send(JSON.stringify(body)),
    count: async (table: 'constat' | 'event' | 'outbox' | 'idempotency') =>
      Number((await pool.query<{ n: string }>(`select count(*) as n from ${table}`)).rows[0]?.n),
    close: async () => {
      await pool.end();
      await database.drop();
    },
  };
}

/** A constat that breaks no rule on any day. */
export function constat(change: Record<string, unknown> = {}) {
  const accident = { ...newConstatExample.accident, accidentDate: dayFromToday(-1) };
  return { ...newConstatExample, accident, ...change };
}

export function dayFromToday(days: number): string {
  return new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10);
}
