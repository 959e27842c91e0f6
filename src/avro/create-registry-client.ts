import { SchemaRegistry, SchemaType } from '@kafkajs/confluent-schema-registry';
import type { SchemaRegistryAPIClientArgs } from '@kafkajs/confluent-schema-registry/dist/api/index.js';
import axios from 'axios';
import type { AxiosInstance } from 'axios';
import type avsc from 'avsc';
import { BridgeError, PermanentError } from '../domain/errors.ts';
import { reach } from '../runtime/crash-points.ts';
import { sleep } from '../runtime/sleep.ts';
import { AVSC_OPTIONS, definitionOf } from './avro-types.ts';
import { reasonOf, statusOf, translateRegistryError } from './translate-error.ts';

export interface RegistrySettings {
  readonly url: string;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  readonly timeoutMs?: number;
}

export type FoundSchema =
  | { readonly status: 'found'; readonly definition: string }
  | { readonly status: 'unknown' }
  /** The registry has the id, and it is no Avro schema that can be used. */
  | { readonly status: 'unusable'; readonly cause: string };

/** A Confluent-compatible schema registry. Every method throws TransientError while it can't be asked. */
export interface RegistryClient {
  /** The schema of a wire id; `unknown` only when the registry itself says that it has none. */
  fetchSchema(id: number): Promise<FoundSchema>;
  /** The id of the schema under the subject, registered if it was not, with FULL_TRANSITIVE compatibility. Throws
   *  PermanentError `SCHEMA_REFUSED` with the subject and the registry's reason. */
  register(subject: string, definition: string): Promise<number>;
  /** Why the registry would refuse the schema under the subject; empty when it would take it. Registers nothing. */
  findRefusals(subject: string, definition: string): Promise<readonly string[]>;
}

const LEVEL = 'FULL_TRANSITIVE';
const TIMEOUT_MS = 5000;
/** How often, and after which pause, a subject is registered that another process seems to be making. */
const REGISTER_ATTEMPTS = 5;
const REGISTER_PAUSE_MS = 250;

export function createRegistryClient(settings: RegistrySettings): RegistryClient {
  const { url, username, password, timeoutMs = TIMEOUT_MS } = settings;
  const auth = username === undefined ? undefined : { username, password: password ?? '' };
  const registry = new SchemaRegistry(
    {
      host: url,
      ...(auth && { auth }),
      // Only for a kept connection that the registry closed a moment ago: callers wait in their own way, with heartbeats.
      retry: { retries: 1, initialRetryTimeInSecs: 0.05 },
      middlewares: [() => limitTime(timeoutMs), demandSchema],
    },
    { [SchemaType.AVRO]: { ...AVSC_OPTIONS } },
  );
  const http = axios.create({ baseURL: url, timeout: timeoutMs, ...(auth && { auth }) });

  return {
    async fetchSchema(id) {
      try {
        return { status: 'found', definition: definitionOf((await registry.getSchema(id)) as avsc.Type) };
      } catch (error) {
        const status = statusOf(error);
        if (status === 404) return { status: 'unknown' };
        // Without a status the registry has answered, and the library could make nothing of the schema.
        if (status === undefined) return { status: 'unusable', cause: 'its schema is no Avro schema' };
        throw translateRegistryError(error, `asking for schema ${id}`);
      }
    },

    async register(subject, definition) {
      // Not by the library, which parses the schema anew and asks for the level again: of a hundred providers five
      // hundred times.
      const registerOnce = async () => {
        const name = encodeURIComponent(subject);
        await demandLevel(http, subject, definition);
        const { data } = await http.post<{ readonly id: number }>(`/subjects/${name}/versions`, {
          schema: definition,
        });
        // Known from now on, should the registry be away when the first event comes.
        await registry.getSchema(data.id);
        return data.id;
      };
      for (let attempt = 1; ; attempt++) {
        try {
          return await registerOnce();
        } catch (error) {
          if (attempt < REGISTER_ATTEMPTS && isBeingMade(error)) {
            await sleep(REGISTER_PAUSE_MS);
            continue;
          }
          if (error instanceof BridgeError || statusOf(error) !== undefined)
            throw translateRegistryError(error, `registering ${subject}`);
          throw new PermanentError('SCHEMA_REFUSED', `${subject} can't be registered: ${reasonOf(error)}`, {
            cause: error,
          });
        }
      }
    },

    async findRefusals(subject, definition) {
      const name = encodeURIComponent(subject);
      try {
        const level = await http
          .get<{ compatibilityLevel: string }>(`/config/${name}`)
          .then(({ data }) => data.compatibilityLevel, otherwise(404, LEVEL));
        const verdict = await http
          .post<Verdict>(`/compatibility/subjects/${name}/versions?verbose=true`, { schema: definition })
          // A subject that doesn't exist yet takes any schema.
          .then(({ data }) => data, otherwise<Verdict>(404, { is_compatible: true }));
        return [
          ...(level === LEVEL ? [] : [`its compatibility is ${level}: set it to ${LEVEL}`]),
          ...(verdict.is_compatible ? [] : reasonsOf(verdict)),
        ];
      } catch (error) {
        throw translateRegistryError(error, `checking ${subject}`);
      }
    },
  };
}

/** Gives a new subject its compatibility before its first schema, so that a process that dies in between leaves none that
 *  takes anything. A subject that holds nothing but this very schema is ours, and gets the compatibility that it lacks;
 *  any other stays as it is, and is refused. */
async function demandLevel(http: AxiosInstance, subject: string, definition: string): Promise<void> {
  const name = encodeURIComponent(subject);
  const level = await http
    .get<{ compatibilityLevel: string }>(`/config/${name}`)
    .then(({ data }) => data.compatibilityLevel, otherwise(404, null));
  if (level === LEVEL) return;
  if (level !== null && !(await holdsOnly(http, name, definition))) {
    throw new PermanentError(
      'SCHEMA_REFUSED',
      `${subject} can't be registered: its compatibility is ${level}: set it to ${LEVEL}`,
    );
  }
  await http.put(`/config/${name}`, { compatibility: LEVEL });
  reach('start:compatibility-set');
}

/** Whether the subject has no version, or this alone. */
async function holdsOnly(http: AxiosInstance, name: string, definition: string): Promise<boolean> {
  const versions = await http
    .get<readonly number[]>(`/subjects/${name}/versions`)
    .then(({ data }) => data, otherwise<readonly number[]>(404, []));
  if (versions.length !== 1) return versions.length === 0;
  return http.post(`/subjects/${name}`, { schema: definition }).then(() => true, otherwise(404, false));
}

/** Another process may be making the same subject: it is there first, and has its compatibility a moment later. */
function isBeingMade(error: unknown): boolean {
  return error instanceof PermanentError || /already exists/.test(reasonOf(error));
}

interface Verdict {
  readonly is_compatible: boolean;
  readonly messages?: readonly string[];
}

function reasonsOf({ messages = [] }: Verdict): readonly string[] {
  return messages.length > 0 ? messages : ['it is not compatible, and the registry gives no reason'];
}

/** For a rejection with this status: the value instead. */
function otherwise<T>(status: number, value: T): (error: unknown) => T {
  return (error) => {
    if (statusOf(error) === status) return value;
    throw error;
  };
}

type Middleware = NonNullable<SchemaRegistryAPIClientArgs['middlewares']>[number];

function limitTime(timeoutMs: number): ReturnType<Middleware> {
  return { prepareRequest: async (next) => (await next()).enhance({ timeout: timeoutMs }) };
}

/** The library takes whatever a proxy answers with status 200 for a schema; only the registry's own answer counts. */
const demandSchema: Middleware = () => ({
  response: async (next) => {
    const response = await next();
    if (response.request().path().includes('/schemas/ids/') && !holdsSchema(response.rawData()))
      throw Object.assign(new Error('the answer holds no schema'), { status: 503 });
    return response;
  },
});

function holdsSchema(body: unknown): boolean {
  try {
    return typeof (JSON.parse(String(body)) as { schema?: unknown } | null)?.schema === 'string';
  } catch {
    return false;
  }
}
