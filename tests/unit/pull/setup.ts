import { Buffer } from 'node:buffer';
import { pino } from 'pino';
import type { Settled } from '../../../src/apply/apply-batch.ts';
import type { ShownRevision, Standing } from '../../../src/apply/republish-entity.ts';
import { PermanentError } from '../../../src/domain/errors.ts';
import type { EntityKind } from '../../../src/domain/kind.ts';
import type { JsonObject } from '../../../src/domain/json.ts';
import type {
  ApiRecord,
  EditPosition,
  FetchOne,
  HubEditReader,
  Provider,
  ProviderApi,
  Topology,
  TopicRoute,
} from '../../../src/ports.ts';
import { createEtagMemory } from '../../../src/pull/etag-memory.ts';
import type { PulledEvent } from '../../../src/pull/pulled-event.ts';

const scalar = { type: 'scalar' } as const;

/** A kind with a digest over `status` alone, as `updatedAt` is no content. */
export const constat = {
  name: 'constat',
  collection: 'constats',
  idField: 'constatId',
  events: { created: 'ConstatCreated', updated: 'ConstatUpdated' },
  shape: {
    type: 'record',
    fields: { constatId: { shape: scalar }, providerId: { shape: scalar }, status: { shape: scalar } },
  },
} as unknown as EntityKind;

export const saa: Provider = {
  id: 'saa',
  name: 'SAA',
  user: 'saa',
  writerIds: ['saa'],
  shareVerifications: false,
  pull: { intervalMs: 60_000, collections: ['constats'] },
};
const trust: Provider = { ...saa, id: 'trust', name: 'Trust', user: 'trust', writerIds: ['trust'] };

const topology: Topology = {
  providers: new Map([saa, trust].map((provider) => [provider.id, provider])),
  kinds: new Map([['constat', constat]]),
  routes: new Map(
    ['saa-constat.updated', 'trust-constat.updated'].map((topic) => [topic, { topic } as TopicRoute]),
  ),
};

export function apiRecord(
  constatId: string,
  change: JsonObject = {},
  revision: ApiRecord['revision'] = { saa: 1 },
): ApiRecord {
  return {
    state: {
      constatId,
      providerId: 'saa',
      status: 'DRAFT',
      updatedAt: '2026-03-01T09:00:00.000Z',
      ...change,
    },
    revision,
  };
}

type Page = Awaited<ReturnType<ProviderApi['fetchPage']>>;
export function page(records: readonly ApiRecord[], change: Partial<Page> = {}): Page {
  return { records, unreadable: [], nextCursor: null, asOf: '2026-03-01T10:00:00.000Z', ...change };
}

/** A provider's API that gives its pages in turn, and everything that pulling needs, in memory. */
export function setup(pages: readonly (Page | Error)[] = []) {
  const left = [...pages];
  const asked: { since: string | null; cursor: string | null }[] = [];
  const applied: PulledEvent[][] = [];
  const counted: string[] = [];
  const lines: Record<string, unknown>[] = [];
  const cursors = new Map<string, string>();
  const known = new Set<string>();
  const answers = new Map<string, FetchOne | Error>();
  const etagsAsked: (string | null)[] = [];
  const fetched: string[] = [];
  const shown: ShownRevision[] = [];
  const standings = new Map<string, Standing>();
  const hubEdits: EditPosition[] = [];
  const listed: Parameters<HubEditReader['list']>[1][] = [];
  const now = { ms: Date.parse('2026-03-01T12:00:00.000Z') };

  const api = (providerId: string): ProviderApi => ({
    providerId,
    fetchPage: async (_kind, { since, cursor }) => {
      asked.push({ since, cursor });
      const next = left.shift() ?? page([]);
      if (next instanceof Error) throw next;
      return next;
    },
    fetchOne: async (_kind, id, etag) => {
      etagsAsked.push(etag);
      fetched.push(id);
      const answer = answers.get(`${providerId}/${id}`) ?? { status: 'missing' };
      if (answer instanceof Error) throw answer;
      return answer;
    },
    status: () => ({ circuit: 'closed', lastError: null, lastSuccessMs: null }),
  });

  const deps = {
    topology,
    codec: {
      normalise(_kind: EntityKind, state: JsonObject) {
        if (state['status'] === 42) throw new PermanentError('UNENCODABLE', 'status is not a string');
        return state;
      },
      encode: async (_topic: string, event: object) => ({
        bytes: Buffer.from(JSON.stringify(event)),
        schemaRef: 1,
      }),
    },
    cursors: {
      read: async (providerId: string, collection: string) =>
        cursors.get(`${providerId}/${collection}`) ?? null,
      write: async (providerId: string, collection: string, since: string) =>
        void cursors.set(`${providerId}/${collection}`, since),
    },
    /** Applies what is new, and knows what it has seen. */
    applyPulled: async (events: readonly PulledEvent[]): Promise<readonly Settled[]> => {
      applied.push([...events]);
      return events.map(({ event: { meta } }) => {
        const outcome = known.has(meta.eventId) ? ('duplicate' as const) : ('applied' as const);
        known.add(meta.eventId);
        return { outcome, code: null, eventId: meta.eventId, entityId: meta.entityId };
      });
    },
    metrics: {
      pulled: (provider: string, collection: string, outcome: string, count: number) =>
        void counted.push(`${provider} ${collection} ${outcome} ${count}`),
    },
    log: pino(
      { level: 'info', base: null },
      { write: (line) => void lines.push(JSON.parse(line) as Record<string, unknown>) },
    ),
    etags: createEtagMemory(10),
    /** What `standings` says of the entity; level otherwise. */
    republish: async (_providerId: string, asked: readonly ShownRevision[]): Promise<readonly Standing[]> => {
      shown.push(...asked);
      return asked.map(({ entityId }) => standings.get(entityId) ?? 'level');
    },
    hubEdits: {
      list: async (_kind: EntityKind, query: Parameters<HubEditReader['list']>[1]) => {
        listed.push(query);
        return hubEdits
          .filter(({ updatedAtMs }) => updatedAtMs > query.after.updatedAtMs && updatedAtMs < query.untilMs)
          .slice(0, query.limit);
      },
    },
    clock: () => now.ms,
    graceMs: 60_000,
    editsPerRound: 2,
    pageSize: 200,
    overlapMs: 300_000,
  };
  return {
    deps,
    api,
    asked,
    applied,
    counted,
    lines,
    cursors,
    answers,
    etagsAsked,
    fetched,
    shown,
    standings,
    hubEdits,
    listed,
    now,
    signal: new AbortController().signal,
  };
}
