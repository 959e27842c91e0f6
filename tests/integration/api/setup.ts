import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import { hashSecret } from '../../../src/api/authenticate.ts';
import { newConstatExample } from '../../../src/api/constat-examples.ts';
import { createApi, DEFAULT_LIMITS } from '../../../src/api/create-api.ts';
import { applyBatch } from '../../../src/apply/apply-batch.ts';
import { createTopicControl } from '../../../src/apply/control-topics.ts';
import { createEdits } from '../../../src/apply/create-edits.ts';
import { createQuarantineWork } from '../../../src/apply/work-quarantine.ts';
import { createCodec } from '../../../src/avro/create-codec.ts';
import { createRegistryClient } from '../../../src/avro/create-registry-client.ts';
import { loadContracts } from '../../../src/avro/load-contracts.ts';
import { registerSchemas } from '../../../src/avro/register-schemas.ts';
import { loadTopology } from '../../../src/config/load-topology.ts';
import type { JsonObject } from '../../../src/domain/json.ts';
import type { Revision } from '../../../src/domain/revision.ts';
import type { Scope } from '../../../src/ports.ts';
import { createPostgresHealthCheck } from '../../../src/postgres/check-health.ts';
import { createApiKeyTable } from '../../../src/postgres/create-api-key-table.ts';
import { createConflictReader } from '../../../src/postgres/create-conflict-reader.ts';
import { explainSubject } from '../../../src/explain/explain-subject.ts';
import { sayTimeInUtc } from '../../../src/explain/say-time.ts';
import { createEntityReader } from '../../../src/postgres/create-entity-reader.ts';
import { createLedgerReader } from '../../../src/postgres/create-ledger-reader.ts';
import { maskAtom } from '../../../src/telemetry/mask.ts';
import { createPool } from '../../../src/postgres/create-pool.ts';
import { createPrisma } from '../../../src/postgres/create-prisma.ts';
import { createQuarantineTable } from '../../../src/postgres/create-quarantine-table.ts';
import { createSchemaTable } from '../../../src/postgres/create-schema-table.ts';
import { createStore } from '../../../src/postgres/create-store.ts';
import { createTopicFuseTable } from '../../../src/postgres/create-topic-fuse-table.ts';
import { recordProviders } from '../../../src/postgres/record-providers.ts';
import { newId } from '../../../src/runtime/new-id.ts';
import { maskPersonal } from '../../../src/telemetry/mask.ts';
import { createMetrics } from '../../../src/telemetry/metrics.ts';
import { NO_TRACING } from '../../../src/telemetry/no-tracing.ts';
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
  const keys = createApiKeyTable({ pool, prisma, newId });
  const clock = Date.now;
  const woken: string[] = [];
  const store = createStore({ pool });
  const metrics = createMetrics();
  const log = pino({ level: 'silent' });
  const wakeRelay = (shards: readonly string[]) => void woken.push(...shards);
  const edits = createEdits({
    store,
    reader,
    topology,
    codec,
    log,
    clock,
    newId,
    wakeRelay,
  });
  const conflicts = createConflictReader({ pool });
  const explaining = {
    ...{ topology, conflicts, codec, show: maskAtom, offsets: null, kafkaWithinMs: 0 },
    ledger: createLedgerReader({ pool }),
  };
  const quarantineTable = createQuarantineTable({ pool });
  const allottedWriterIds = (provider: string) => topology.providers.get(provider)?.writerIds ?? [];
  const applying = { store, topology, codec, metrics, log, clock, newId, wakeRelay, allottedWriterIds };
  const quarantine = createQuarantineWork({
    ...{ ...applying, reader, table: quarantineTable },
    apply: (arrivals, alongside) => applyBatch(arrivals, null, applying, null, alongside),
  });
  const app = createApi({
    tracing: NO_TRACING,
    topology,
    edits,
    reader,
    conflicts,
    topics: createTopicControl({
      topology,
      table: createTopicFuseTable({ prisma }),
      positions: store,
      inspector: { topicIds: () => Promise.reject(new Error('no position is moved here')) },
      offsets: { offsets: () => Promise.reject(new Error('no position is moved here')) },
    }),
    quarantine,
    quarantineTable,
    mask: maskPersonal,
    codec,
    keys,
    explain: (subject, providers, limit) =>
      explainSubject({ subject, providers, say: sayTimeInUtc, limit }, explaining),
    refresh: async () => ({ status: 'unavailable', code: 'PROVIDER_WITHOUT_API' }),
    lag: () => null,
    pullStatus: () => null,
    checks: { live: [], ready: [createPostgresHealthCheck({ pool })] },
    metrics,
    log,
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
  /** SAA's full state arrives, as if read from its topic; says what it came to. */
  const arrive = async (state: JsonObject, revision: Revision): Promise<string> => {
    const kind = topology.kinds.get('constat')!;
    const topic = 'saa-constat.updated';
    const meta = {
      eventId: newId(),
      eventType: 'constat.updated',
      providerId: 'saa',
      origin: 'saa',
      entityType: 'constat',
      entityId: String(state['constatId']),
      revision,
      occurredAt: new Date(clock()).toISOString(),
      correlationId: null,
      causationId: null,
      actor: 'USER',
      replay: false,
    };
    const event = { meta, state: codec.normalise(kind, state), changedFields: [], changeReason: null };
    const { bytes, schemaRef } = await codec.encode(topic, event);
    const key = Buffer.from(meta.entityId);
    const where = {
      source: 'topic',
      topic,
      partition: 0,
      offset: BigInt(clock()),
      key,
      headers: {},
    } as const;
    const arrival = { ...where, value: bytes, readable: true, kind, event, schemaRef } as const;
    const [settled] = await applyBatch([arrival], null, applying);
    return settled!.outcome;
  };
  const staff = await keyFor('Amel Haddad', 'staff');
  const saa = await keyFor('SAA platform', 'provider', 'saa');

  return {
    pool,
    databaseUrl: database.url,
    arrive,
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
    settle: (id: string, body: unknown, baseRevision: string, secret = staff.secret) =>
      api
        .post(`/v1/conflicts/${id}/settle`)
        .set({ 'X-API-Key': secret, 'Content-Type': 'application/json', 'Base-Revision': baseRevision })
        .send(JSON.stringify(body)),
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
