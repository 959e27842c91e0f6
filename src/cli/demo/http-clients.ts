import { randomUUID } from 'node:crypto';
import axios, { type AxiosInstance } from 'axios';
import type { JsonObject } from '../../domain/json.ts';
import type { Revision } from '../../domain/revision.ts';

/** An entity as the bridge's API shows it. */
export interface BridgeEntity {
  readonly id: string;
  readonly kind: string;
  readonly provider: string;
  /** `eassurance:3,saa:2` */
  readonly revision: string;
  readonly status: string | null;
  readonly state: JsonObject;
}

/** A record as an insurer's own platform shows it. */
export interface InsurerRecord {
  readonly kind: string;
  readonly id: string;
  readonly revision: Revision;
  readonly state: JsonObject;
  /** SHA-256 of the canonical form, computed by the insurer's own code. */
  readonly digest: string;
  /** Where the event of this revision stands; null for a record that never travelled. */
  readonly event: {
    readonly topic: string;
    readonly partition: number | null;
    readonly offset: string | null;
  } | null;
}

export interface StaffClient {
  create(collection: string, body: JsonObject): Promise<BridgeEntity>;
  edit(collection: string, id: string, baseRevision: string, patch: JsonObject): Promise<BridgeEntity>;
  /** Null while the bridge does not know it. */
  find(collection: string, id: string): Promise<BridgeEntity | null>;
  list(collection: string): Promise<readonly BridgeEntity[]>;
  refresh(collection: string, id: string): Promise<{ readonly status: string }>;
  /** The bridge's resident memory, bytes. */
  memoryBytes(): Promise<number>;
}

export interface AgentClient {
  create(kind: string, state: JsonObject, silently?: boolean): Promise<InsurerRecord>;
  act(path: string, body?: JsonObject): Promise<InsurerRecord>;
  find(kind: string, id: string): Promise<InsurerRecord>;
  /** Resolves as soon as the record has seen all of `revision`. */
  waitFor(kind: string, id: string, revision: string): Promise<InsurerRecord>;
  list(kind: string): Promise<readonly InsurerRecord[]>;
}

export function createStaffClient(baseUrl: string, apiKey: string): StaffClient {
  const http = client(baseUrl, apiKey);
  return {
    create: async (collection, body) =>
      (
        await http.post<BridgeEntity>(`/v1/${collection}`, body, {
          headers: { 'Idempotency-Key': randomUUID() },
        })
      ).data,
    edit: async (collection, id, baseRevision, patch) =>
      (
        await http.patch<BridgeEntity>(`/v1/${collection}/${id}`, patch, {
          headers: { 'Base-Revision': `"${baseRevision}"`, 'Content-Type': 'application/merge-patch+json' },
        })
      ).data,
    async find(collection, id) {
      const { status, data } = await http.get<BridgeEntity>(`/v1/${collection}/${id}`, {
        validateStatus: (code) => code === 200 || code === 404,
      });
      return status === 200 ? data : null;
    },
    async list(collection) {
      const all: BridgeEntity[] = [];
      let cursor: string | null = null;
      do {
        const params: Record<string, string | number> = {
          limit: 200,
          ...(cursor === null ? {} : { cursor }),
        };
        const { data }: { data: { data: BridgeEntity[]; page: { nextCursor: string | null } } } =
          await http.get(`/v1/${collection}`, { params });
        all.push(...data.data);
        cursor = data.page.nextCursor;
      } while (cursor !== null);
      return all;
    },
    refresh: async (collection, id) =>
      (await http.post<{ status: string }>(`/v1/${collection}/${id}/refresh`)).data,
    async memoryBytes() {
      const { data } = await http.get<string>('/metrics', { responseType: 'text' });
      return Number(/^process_resident_memory_bytes (\S+)/m.exec(data)?.[1]);
    },
  };
}

export function createAgentClient(baseUrl: string, agentKey: string): AgentClient {
  const http = client(`${baseUrl}/agent`, agentKey);
  return {
    create: async (kind, state, silently = false) =>
      (await http.post<InsurerRecord>(`/records/${kind}`, { state, silently })).data,
    act: async (path, body = {}) => (await http.post<InsurerRecord>(path, body)).data,
    find: async (kind, id) => (await http.get<InsurerRecord>(`/records/${kind}/${id}`)).data,
    waitFor: async (kind, id, revision) =>
      (
        await http.get<InsurerRecord>(`/records/${kind}/${id}`, {
          params: { waitRevision: revision, timeoutMs: 30_000 },
        })
      ).data,
    list: async (kind) => (await http.get<{ data: InsurerRecord[] }>(`/records/${kind}`)).data.data,
  };
}

function client(baseURL: string, apiKey: string): AxiosInstance {
  const http = axios.create({ baseURL, headers: { 'X-API-Key': apiKey }, timeout: 35_000 });
  // The problem document says what was wrong; axios' own error would only give the status and spread the key.
  http.interceptors.response.use(undefined, (error: unknown) => {
    if (!axios.isAxiosError(error) || !error.response) throw error;
    const { config, response } = error;
    throw new Error(
      `${config?.method} ${config?.url} answered ${response.status}: ${JSON.stringify(response.data)}`,
    );
  });
  return http;
}
