import { EventEmitter, once } from 'node:events';
import type { Server } from 'node:http';
import type { Logger } from 'pino';
import { backUp, restoreBackup } from './back-up.ts';
import type { Backup } from './back-up.ts';
import { createEventCodec } from './event-codec.ts';
import { findPosition, readEventLog } from './event-log-table.ts';
import { createFaultKnobs } from './faults.ts';
import type { FaultKnobs } from './faults.ts';
import type { JsonObject } from './json.ts';
import { createKafkaClient } from './kafka-client.ts';
import type { KafkaSettings } from './kafka-client.ts';
import { findKind, topicsOf } from './kinds.ts';
import type { PlatformKind } from './kinds.ts';
import { loadContracts } from './load-contracts.ts';
import { openDatabase } from './open-database.ts';
import type { PlatformDeps } from './platform-deps.ts';
import { PlatformError } from './platform-error.ts';
import { receiveEvents } from './receive-events.ts';
import { findRecord, listRecords } from './record-table.ts';
import type { EventPosition, LoggedEvent, PlatformRecord } from './record.ts';
import { relayOutbox } from './relay-outbox.ts';
import { createSchemaRegistry } from './schema-registry.ts';
import { serveHttp } from './serve-http.ts';
import { signPatch, validatePatch } from './constat-workflow.ts';
import { waitForRecord } from './wait-for-record.ts';
import { createRecord, editRecord } from './write-record.ts';
import type { EditOptions } from './write-record.ts';

export interface PlatformSettings extends KafkaSettings {
  readonly providerId: string;
  /** Its entry of a revision; `<id>.2` after it was restored from a backup. The provider id when left out. */
  readonly writerId?: string;
  readonly databaseUrl: string;
  readonly registryUrl: string;
  /** The folder with the contract's .avsc files. */
  readonly schemasDir: string;
  /** One or two live keys of the GET API; E-assurance holds them. */
  readonly apiKeys: readonly string[];
  /** Key of the staff's API under /agent. */
  readonly agentKey: string;
  readonly host?: string;
  /** 0 takes any free port. */
  readonly port: number;
  readonly log: Logger;
  /** What it subscribes to; all of its own topics when left out. */
  readonly topics?: readonly string[];
  /** `<provider>-platform` when left out. */
  readonly groupId?: string;
  /** Requests per key of the GET API. */
  readonly rateLimit?: { readonly requests: number; readonly windowMs: number };
  /** Its clock, milliseconds; it may be wrong. The system's when left out. */
  readonly now?: () => number;
}

/** One insurer's platform: its store, its part in the topics, its GET API. */
export interface Platform {
  readonly providerId: string;
  /** Address of both APIs, without path. */
  readonly url: string;
  readonly faults: FaultKnobs;
  /** Opens a record and publishes it. */
  create(kind: string, state: JsonObject): Promise<PlatformRecord>;
  /** Opens a record that never travels as an event: only the GET API shows it. */
  createSilently(kind: string, state: JsonObject): Promise<PlatformRecord>;
  /** A JSON merge patch (RFC 7396) by an agent; refused with the newer state when `baseRevision` is no longer current. */
  edit(kind: string, id: string, patch: JsonObject, options?: EditOptions): Promise<PlatformRecord>;
  /** Both parties of the constat sign. */
  sign(constatId: string, options?: EditOptions): Promise<PlatformRecord>;
  /** The insurer accepts the constat. */
  validate(constatId: string, options?: EditOptions): Promise<PlatformRecord>;
  find(kind: string, id: string): Promise<PlatformRecord | null>;
  list(kind: string): Promise<PlatformRecord[]>;
  /** Where the event of the record's present revision stands; null for a record that never travelled. */
  position(record: PlatformRecord): Promise<EventPosition | null>;
  /** The record as soon as the predicate holds; rejects with the last state seen when `timeoutMs` pass before. */
  waitFor(
    kind: string,
    id: string,
    predicate: (record: PlatformRecord) => boolean,
    timeoutMs: number,
  ): Promise<PlatformRecord>;
  /** Events sent and received after the one numbered `after`, oldest first. */
  events(after?: string, limit?: number): Promise<LoggedEvent[]>;
  /** A backup of the store as it is now. */
  snapshot(): Promise<Backup>;
  /** Loses everything since the backup, as a restored database does; the topics are read on from where the group stands.
   *  Without the writer id that E-assurance allots after a restore, old counters are used again. */
  restore(backup: Backup, options?: { readonly writerId?: string }): Promise<void>;
  /** Publishes and receives until `signal` aborts; resolves then, and rejects when one of the two can't go on. */
  run(signal: AbortSignal): Promise<void>;
  /** Resolves once `run` has joined its group and can publish. */
  readonly ready: Promise<void>;
  /** Closes the APIs and the database; to be called after `run` has resolved. */
  stop(): Promise<void>;
}

/** Opens the platform's database and its HTTP server. It publishes and receives only while `run` runs; edits made
 *  before wait in its outbox. */
export async function createPlatform(settings: PlatformSettings): Promise<Platform> {
  const { providerId, log } = settings;
  const changes = new EventEmitter().setMaxListeners(0);
  const contracts = await loadContracts(settings.schemasDir);
  const pool = await openDatabase(settings.databaseUrl, (error) =>
    log.warn({ err: error }, 'a database connection broke'),
  );
  let writerId = settings.writerId ?? providerId;
  const deps: PlatformDeps = {
    providerId,
    get writerId() {
      return writerId;
    },
    pool,
    contracts,
    codec: createEventCodec(contracts, createSchemaRegistry(settings.registryUrl)),
    faults: createFaultKnobs(() => changes.emit('outbox')),
    changes,
    log,
    now: settings.now ?? Date.now,
  };
  const kafka = createKafkaClient(settings, `${providerId}-platform`, log);
  const subscription = {
    groupId: settings.groupId ?? `${providerId}-platform`,
    topics: settings.topics ?? topicsOf(providerId),
  };
  const started = countdown(2);
  const constat = kindNamed('constat');

  const edits = {
    create: (kind: string, state: JsonObject) =>
      createRecord(kindNamed(kind), state, deps, { silently: false }),
    createSilently: (kind: string, state: JsonObject) =>
      createRecord(kindNamed(kind), state, deps, { silently: true }),
    edit: (kind: string, id: string, patch: JsonObject, options?: EditOptions) =>
      editRecord(kindNamed(kind), id, () => patch, deps, options),
    sign: (id: string, options?: EditOptions) =>
      editRecord(
        constat,
        id,
        (state) => signPatch(state, constat, contracts, new Date(deps.now()).toISOString()),
        deps,
        options,
      ),
    validate: (id: string, options?: EditOptions) => editRecord(constat, id, validatePatch, deps, options),
    find: (kind: string, id: string) => findRecord(pool, kindNamed(kind).name, id),
    list: (kind: string) => listRecords(pool, kindNamed(kind).name),
    position: async (record: PlatformRecord) =>
      record.eventId === null ? null : findPosition(pool, record.eventId),
    waitFor: (kind: string, id: string, predicate: (record: PlatformRecord) => boolean, timeoutMs: number) =>
      waitForRecord(kindNamed(kind).name, id, predicate, timeoutMs, deps),
    events: (after = '0', limit = 500) => readEventLog(pool, after, limit),
  };

  let server: Server;
  try {
    server = await serveHttp(settings, edits, deps);
  } catch (error) {
    await pool.end();
    throw error;
  }
  const { port } = server.address() as { port: number };

  return {
    ...edits,
    providerId,
    url: `http://${settings.host ?? '127.0.0.1'}:${port}`,
    faults: deps.faults,
    ready: started.done,
    snapshot: () => backUp(pool, new Date(deps.now())),
    async restore(backup, options = {}) {
      await restoreBackup(pool, backup);
      writerId = options.writerId ?? writerId;
      changes.emit('outbox');
    },
    async run(signal) {
      // Whichever of the two fails takes the other down with it.
      const failed = new AbortController();
      const either = AbortSignal.any([signal, failed.signal]);
      const onFailure = (error: unknown) => {
        failed.abort(error);
        throw error;
      };
      await Promise.allSettled([
        receiveEvents(kafka, subscription, deps, either, started.tick()).catch(onFailure),
        relayOutbox(kafka, deps, either, started.tick()).catch(onFailure),
      ]);
      if (failed.signal.aborted) throw failed.signal.reason;
    },
    async stop() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
      await pool.end();
    },
  };
}

export type Edits = Omit<
  Platform,
  'providerId' | 'url' | 'faults' | 'snapshot' | 'restore' | 'run' | 'ready' | 'stop'
>;

function kindNamed(name: string): PlatformKind {
  const kind = findKind(name);
  if (!kind) throw new PlatformError(404, 'UNKNOWN_KIND', `There are no records of kind ${name}.`);
  return kind;
}

/** `done` resolves when each of the `parts` ticks has been called once. */
function countdown(parts: number): { readonly done: Promise<void>; tick(): () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  let waiting = parts;
  return {
    done: promise,
    tick() {
      let called = false;
      return () => {
        if (called) return;
        called = true;
        if (--waiting === 0) resolve();
      };
    },
  };
}
