import { pino } from 'pino';
import type { ControlResult, TopicState } from '../../../src/apply/control-topics.ts';
import type {
  CreateEdit,
  EditedEntity,
  EditResult,
  PatchEdit,
  SettleEdit,
  SettleResult,
} from '../../../src/apply/edit.ts';
import { createApi, DEFAULT_LIMITS, type ApiDeps, type RefreshResult } from '../../../src/api/create-api.ts';
import { hashSecret } from '../../../src/api/authenticate.ts';
import { newConstatExample } from '../../../src/api/constat-examples.ts';
import type { EntityEvent, Outcome } from '../../../src/domain/event.ts';
import type { ExplainResult } from '../../../src/domain/explanation.ts';
import type { Json, JsonObject } from '../../../src/domain/json.ts';
import type { EntityKind } from '../../../src/domain/kind.ts';
import { formatRevision, type Revision } from '../../../src/domain/revision.ts';
import type {
  ApiKey,
  Conflict,
  EntityReader,
  EntityView,
  HistoryView,
  ListQuery,
  Provider,
  TopicRoute,
} from '../../../src/ports.ts';
import { createMemoryConflictReader } from '../../fakes/memory-conflicts.ts';
import { typedRequest } from './typed-request.ts';
import { NO_TRACING } from '../../../src/telemetry/no-tracing.ts';

export const STAFF = 'eak_staff-secret';
export const OPERATOR = 'eak_operator-secret';
export const SAA = 'eak_saa-secret';
export const REVOKED = 'eak_revoked-secret';

export const ID = '0195f3a0-7c1e-7b52-9d7e-3f2a8c4b1e60';
export const OTHER_ID = '0195f3a0-7c1e-7b52-9d7e-3f2a8c4b1e61';
export const NOW = Date.parse('2026-03-15T10:00:00.000Z');

/** The API over memory: what it is given, and what it did with it. */
export function setup(change: Partial<ApiDeps> = {}) {
  const memory = createMemory();
  const answers: {
    create: EditResult | Error;
    patch: EditResult | Error;
    settle: SettleResult | Error;
    refresh: RefreshResult | Error;
    explain: ExplainResult;
    topics: readonly TopicState[];
    control: ControlResult;
  } = {
    create: { status: 'created', entity: edited() },
    patch: { status: 'updated', entity: edited({ revision: { eassurance: 2 } }) },
    settle: { status: 'updated', entity: edited({ revision: { eassurance: 2 } }) },
    refresh: { status: 'applied' },
    explain: { status: 'unknown', sentence: 'Nothing is known of it.' },
    topics: [],
    control: { status: 'done', skips: [] },
  };
  const seen = {
    creates: [] as CreateEdit[],
    patches: [] as PatchEdit[],
    settles: [] as SettleEdit[],
    lists: [] as ListQuery[],
    refreshed: [] as string[],
    explained: [] as { subject: string; providers: readonly string[] | null }[],
    controls: [] as (readonly unknown[])[],
    measured: [] as { method: string; route: string; status: number }[],
    lines: [] as Record<string, unknown>[],
  };
  const log = pino(
    { level: 'debug' },
    { write: (line: string) => void seen.lines.push(JSON.parse(line) as Record<string, unknown>) },
  );
  const deps: ApiDeps = {
    topology: { providers: PROVIDERS, routes: ROUTES, kinds: KINDS },
    edits: {
      create: async (edit) => (seen.creates.push(edit), orThrow(answers.create)),
      patch: async (edit) => (seen.patches.push(edit), orThrow(answers.patch)),
      settle: async (edit) => (seen.settles.push(edit), orThrow(answers.settle)),
    },
    reader: {
      ...memory.reader,
      list: (kind, query) => (seen.lists.push(query), memory.reader.list(kind, query)),
    },
    conflicts: createMemoryConflictReader(() => memory.conflicts),
    topics: {
      list: async () => answers.topics,
      pause: async (...asked) => (seen.controls.push(asked), answers.control),
      resume: async (...asked) => (seen.controls.push(asked), answers.control),
    },
    quarantine: {
      find: async () => null,
      retry: async () => [],
      select: async () => ({ ids: [], next: null }),
      discard: async () => [],
      propose: async () => ({ status: 'missing' }),
      approve: async () => ({ status: 'missing' }),
      reject: async () => 'missing',
      showEdit: async () => null,
    },
    quarantineTable: { groups: async () => [], list: async () => [], edits: async () => [] },
    mask: (value) => value,
    keys: { findBySecretHash: async (hash) => KEYS.get(hash) ?? null },
    codec: { decodeStored: async (bytes) => JSON.parse(bytes.toString()) as EntityEvent },
    explain: async (subject, providers) => (seen.explained.push({ subject, providers }), answers.explain),
    refresh: async (_kind, id) => (seen.refreshed.push(id), orThrow(answers.refresh)),
    lag: () => null,
    pullStatus: (id) =>
      id === 'saa' ? { circuit: 'open', lastError: 'PROVIDER_UNAVAILABLE', lastSuccessMs: NOW } : null,
    checks: { live: [], ready: [async () => ({ name: 'postgres', status: 'up', detail: 'answers' })] },
    tracing: NO_TRACING,
    metrics: {
      http: (method, route, status) => void seen.measured.push({ method, route, status }),
      text: async () => '# HELP bridge_up\nbridge_up 1\n',
    },
    log,
    clock: () => NOW,
    newId: () => 'made-here',
    version: '1.2.3',
    limits: DEFAULT_LIMITS,
    ...change,
  };
  const app = createApi(deps);
  const api = typedRequest(app);
  return {
    app,
    api,
    answers,
    seen,
    memory,
    get: (path: string, key = STAFF) => api.get(path).set('X-API-Key', key),
    post: (body: unknown = newConstatExample, key = STAFF) =>
      api
        .post('/v1/constats')
        .set({ 'X-API-Key': key, 'Idempotency-Key': 'k-1', 'Content-Type': 'application/json' })
        .send(typeof body === 'string' ? body : JSON.stringify(body)),
    patch: (
      body: unknown,
      headers: Record<string, string> = { 'Base-Revision': 'eassurance:1' },
      key = STAFF,
    ) =>
      api
        .patch(`/v1/constats/${ID}`)
        .set({ 'X-API-Key': key, 'Content-Type': 'application/merge-patch+json', ...headers })
        .send(JSON.stringify(body)),
  };
}

function orThrow<T>(answer: T | Error): T {
  if (answer instanceof Error) throw answer;
  return answer;
}

export function edited(change: Partial<EditedEntity> = {}): EditedEntity {
  const state: JsonObject = { status: 'SUBMITTED', place: 'Alger' };
  return {
    kind: 'constat',
    id: ID,
    provider: 'saa',
    revision: { eassurance: 1 },
    state,
    violations: [],
    updatedAtMs: NOW,
    ...change,
  };
}

/** Entities and their events, as the reader of the database would give them. */
function createMemory() {
  const entities = new Map<string, EntityView>();
  const events: HistoryView[] = [];
  const keyOf = (kind: string, id: string) => `${kind}/${id}`;

  const add = (
    kind: string,
    id: string,
    more: {
      provider?: string;
      revision?: Revision;
      state?: JsonObject;
      updatedAtMs?: number;
      erased?: boolean;
      outcome?: Outcome;
      origin?: string;
    } = {},
  ) => {
    const {
      provider = 'saa',
      revision = { eassurance: 1 },
      state = { status: 'SUBMITTED' },
      updatedAtMs = NOW,
      erased = false,
      outcome = 'applied',
      origin = 'eassurance',
    } = more;
    const meta = {
      eventId: `event-${events.length + 1}`,
      eventType: `${kind}.updated`,
      providerId: provider,
      origin,
      entityType: kind,
      entityId: id,
      revision,
      occurredAt: new Date(updatedAtMs).toISOString(),
      correlationId: 'c-1',
      causationId: null,
      actor: 'USER',
      replay: false,
    };
    const bytes = Buffer.from(
      JSON.stringify({ meta, state, changedFields: ['place'], changeReason: null } satisfies EntityEvent),
    );
    events.push({
      eventId: meta.eventId,
      kind,
      entityId: id,
      provider,
      eventType: meta.eventType,
      origin,
      source: 'topic',
      topic: `${provider}-${kind}.updated`,
      partition: 0,
      offset: BigInt(events.length),
      revision,
      digest: formatRevision(revision),
      outcome,
      author: 'Amel',
      occurredAtMs: updatedAtMs,
      schemaRef: 1,
      bytes,
      sequence: BigInt(events.length + 1),
      recordedAtMs: updatedAtMs,
      published: origin === 'eassurance' ? { partition: 0, offset: 7n, atMs: updatedAtMs } : null,
    });
    if (outcome !== 'applied') return;
    entities.set(keyOf(kind, id), {
      kind,
      id,
      provider,
      revision,
      digest: formatRevision(revision),
      status: null,
      seal: null,
      createdBy: origin,
      erased,
      eventId: meta.eventId,
      updatedAtMs,
      violations: [],
      openConflicts: 0,
      flags: [],
      bytes,
      schemaRef: 1,
    });
  };

  const reader: EntityReader = {
    find: async (kind, id) => entities.get(keyOf(kind.name, id)) ?? null,
    list: async (kind, { providers, filters, updatedSinceMs, after, limit }) =>
      [...entities.values()]
        .filter((row) => row.kind === kind.name && (providers === null || providers.includes(row.provider)))
        .filter((row) => Object.entries(filters).every(([name, value]) => stateOf(row)[name] === value))
        .filter((row) => updatedSinceMs === null || row.updatedAtMs >= updatedSinceMs)
        .sort((a, b) => a.updatedAtMs - b.updatedAtMs || (a.id < b.id ? -1 : 1))
        .filter(
          (row) =>
            after === null ||
            row.updatedAtMs > after.updatedAtMs ||
            (row.updatedAtMs === after.updatedAtMs && row.id > after.id),
        )
        .slice(0, limit),
    history: async (kind, id, before, limit) =>
      events
        .filter(
          (event) =>
            event.kind === kind.name && event.entityId === id && (before === null || event.sequence < before),
        )
        .reverse()
        .slice(0, limit),
    findRevision: async () => null,
  };
  const prune = (index: number) => (events[index] = { ...events[index]!, bytes: null });
  return { reader, add, prune, conflicts: [] as Conflict[] };
}

function stateOf(row: EntityView): Record<string, Json | undefined> {
  return (JSON.parse(row.bytes.toString()) as EntityEvent).state;
}

function kind(name: string, collection: string): EntityKind {
  return {
    name,
    collection,
    idField: `${name}Id`,
    events: { created: 'Created', updated: 'Updated' },
    columns: [],
    filters: {
      plate: { columns: ['plate'], normalize: (value) => value.replaceAll('-', '') },
    },
    status: (state) => (typeof state['status'] === 'string' ? state['status'] : null),
    createdBy: () => null,
    sealedFront: () => null,
    violations: () => [],
    refusedChanges: () => [],
    atoms: (state) => new Map(Object.entries(state).map(([field, value]) => [field, value ?? null])),
    shape: { type: 'scalar' },
  };
}

/** The four kinds of today, and one of tomorrow. */
export const KINDS = new Map(
  [
    kind('constat', 'constats'),
    kind('vehicle', 'vehicles'),
    kind('policy', 'policies'),
    kind('claim', 'claims'),
    kind('expertise', 'expertises'),
  ].map((one) => [one.name, one]),
);

function provider(id: string, name: string): [string, Provider] {
  return [
    id,
    {
      id,
      name,
      user: id,
      writerIds: [id],
      shareVerifications: false,
      pull: { intervalMs: 60_000, collections: ['constats'] },
    },
  ];
}
const PROVIDERS = new Map([
  provider('saa', 'Société Nationale d’Assurance'),
  provider('trust', 'Trust Algeria Assurances'),
]);

const ROUTES = new Map<string, TopicRoute>(
  ['saa', 'trust'].map((providerId) => {
    const topic = `${providerId}-constat.created`;
    return [
      topic,
      {
        topic,
        providerId,
        kind: 'constat',
        action: 'created',
        record: 'ConstatCreated',
        writers: ['eassurance', providerId],
        partitions: 1,
        replicationFactor: 1,
        minInsyncReplicas: 1,
        retentionMs: 1,
        maxMessageBytes: 1_048_576,
      },
    ];
  }),
);

function key(secret: string, fields: Partial<ApiKey>): [string, ApiKey] {
  const plain = {
    id: `key-of-${fields.owner}`,
    owner: '',
    scope: 'staff',
    provider: null,
    createdAtMs: 0,
    revokedAtMs: null,
    lastUsedAtMs: null,
  } as const;
  return [hashSecret(secret), { ...plain, ...fields }];
}
export const KEYS = new Map([
  key(STAFF, { owner: 'Amel' }),
  key(OPERATOR, { owner: 'On call', scope: 'operator' }),
  key(SAA, { owner: 'SAA platform', scope: 'provider', provider: 'saa' }),
  key(REVOKED, { owner: 'Gone', revokedAtMs: 1 }),
]);
