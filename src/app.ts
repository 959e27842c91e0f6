/** The map of the program: everything that runs is made here, and handed what it needs.
 *
 *      staff ─▶ api ─▶ apply ─▶ PostgreSQL ─▶ relay ─▶ topics ─▶ providers
 *                        ▲
 *      topics ─▶ consume ┤
 *      GET APIs ─▶ pull ─┘
 */
import { createSecretKey } from 'node:crypto';
import { createApi } from './api/create-api.ts';
import { DEFAULT_LIMITS } from './api/api-deps.ts';
import { serveApi } from './api/serve-api.ts';
import { adoptEvents } from './apply/adopt-events.ts';
import { applyBatch, type Alongside, type ApplyDeps, type Arrival } from './apply/apply-batch.ts';
import { createTopicControl } from './apply/control-topics.ts';
import { createEdits } from './apply/create-edits.ts';
import { republishLagging, type RepublishDeps } from './apply/republish-entity.ts';
import { settleTogether } from './apply/settle-together.ts';
import { SHARED } from './apply/share-verification.ts';
import { createQuarantineWork } from './apply/work-quarantine.ts';
import { createWriterDirectory, refreshWriterDirectory } from './apply/writer-directory.ts';
import { watchCapacity } from './capacity/watch-capacity.ts';
import { createCodec } from './avro/create-codec.ts';
import { createRegistryClient } from './avro/create-registry-client.ts';
import { loadContracts } from './avro/load-contracts.ts';
import { registerSchemas } from './avro/register-schemas.ts';
import { takeHeartbeats } from './canary/heartbeat.ts';
import { sendHeartbeats } from './canary/send-heartbeats.ts';
import type { SettingsOf } from './config/env.ts';
import { loadTopology } from './config/load-topology.ts';
import { consumeProvider, consumerGroup } from './consume/consume-provider.ts';
import { createTopicFuses, watchTopicFuses } from './consume/create-topic-fuses.ts';
import { explainSubject } from './explain/explain-subject.ts';
import { sayTimeInUtc } from './explain/say-time.ts';
import { watchProgress } from './consume/watch-progress.ts';
import { checkKafkaHealth } from './kafka/check-health.ts';
import { createGroupOffsets } from './kafka/create-group-offsets.ts';
import { createKafka } from './kafka/create-kafka.ts';
import { createKafkaAdmin } from './kafka/create-kafka-admin.ts';
import { createLogReader } from './kafka/create-log-reader.ts';
import { createTopicConsumer } from './kafka/create-topic-consumer.ts';
import { createTopicInspector } from './kafka/create-topic-inspector.ts';
import { createTopicSink, type KafkaTopicSink } from './kafka/create-topic-sink.ts';
import { requireKafka } from './kafka/require-kafka.ts';
import { thresholdsFor } from './domain/lag/thresholds.ts';
import { createConsumerNotes } from './lag/consumer-notes.ts';
import { measureLag } from './lag/measure-lag.ts';
import type { Log, Provider, ProviderApi, TopicRoute, Tracing, WireBatch } from './ports.ts';
import { createPostgresHealthCheck } from './postgres/check-health.ts';
import { createApiKeyTable } from './postgres/create-api-key-table.ts';
import { createConflictReader } from './postgres/create-conflict-reader.ts';
import { createEntityReader } from './postgres/create-entity-reader.ts';
import { createHistoryPruner } from './postgres/create-history-pruner.ts';
import { createHubEditReader } from './postgres/create-hub-edit-reader.ts';
import { createLedgerReader } from './postgres/create-ledger-reader.ts';
import { createLagLedger } from './postgres/create-lag-ledger.ts';
import { createOutbox } from './postgres/create-outbox.ts';
import { createPool } from './postgres/create-pool.ts';
import { createPrisma } from './postgres/create-prisma.ts';
import { createPullCursorTable } from './postgres/create-pull-cursor-table.ts';
import { createQuarantineTable } from './postgres/create-quarantine-table.ts';
import { createSchemaTable } from './postgres/create-schema-table.ts';
import { createStore } from './postgres/create-store.ts';
import { createTopicFuseTable } from './postgres/create-topic-fuse-table.ts';
import { createWriterIdTable } from './postgres/create-writer-id-table.ts';
import { createDatabaseSize } from './postgres/measure-database.ts';
import { createRecoveryTable } from './postgres/create-recovery-table.ts';
import { recordProviders } from './postgres/record-providers.ts';
import { requireMigrated } from './postgres/require-migrated.ts';
import { expireQuarantine } from './prune/expire-quarantine.ts';
import { pruneHistory } from './prune/prune-history.ts';
import { checkProviderApi } from './pull/check-health.ts';
import type { AskDeps } from './pull/ask-provider.ts';
import { createEtagMemory } from './pull/etag-memory.ts';
import { pullChanges } from './pull/pull-changes.ts';
import { toArrival, type PulledEvent } from './pull/pulled-event.ts';
import { refreshEntity } from './pull/refresh-entity.ts';
import { recoverDatabase } from './recover/recover-database.ts';
import { relayOutbox } from './relay/relay-outbox.ts';
import { createProviderApi } from './rest/create-provider-api.ts';
import { isWorthTelling } from './runtime/backoff.ts';
import { createCleanupStack } from './runtime/cleanup-stack.ts';
import { systemClock as clock } from './runtime/clock.ts';
import { reach } from './runtime/crash-points.ts';
import { newId } from './runtime/new-id.ts';
import { runServices } from './runtime/run-services.ts';
import { supervise } from './runtime/supervise.ts';
import { maskAtom, maskPersonal } from './telemetry/mask.ts';
import { createMetrics } from './telemetry/metrics.ts';
import { NO_TRACING } from './telemetry/no-tracing.ts';

export type AppSettings = SettingsOf<'database' | 'kafka' | 'registry' | 'http' | 'signing' | 'providers'>;

export interface App {
  /** Runs until `signal` aborts, then stops in an orderly way and closes every connection. */
  run(signal: AbortSignal): Promise<void>;
}

/** Nothing but an idle fetch waits so long: records that arrive end it. A hundred members that ask five times a second each
 *  take a quarter of a core; as few as most bridges have are noticed by nobody, and go on sooner after a pause. */
function idleFetchMs(members: number): number {
  return Math.min(1_000, Math.max(200, 10 * members));
}

/** How much one fetch may bring of a partition: every partition may have a batch that waits for its turn, and all of them
 *  together have to fit into the memory of the process, with a hundred providers as with one. */
function fetchBytes(routes: readonly TopicRoute[]): number {
  const partitions = routes.reduce((sum, route) => sum + route.partitions, 0);
  return Math.min(1_048_576, Math.max(32_768, Math.floor((32 * 1_048_576) / partitions)));
}

/** How many bytes of events one batch of the relay may hold: every shard may have one in memory, and a batch must still have
 *  room for the edits of other partitions behind those of one that can't be written to. */
function relayBytes(shards: number): number {
  return Math.min(4 * 1_048_576, Math.max(786_432, Math.floor((32 * 1_048_576) / shards)));
}

/** Makes the bridge: reads the contracts and topics.yaml, checks the database's migrations, registers the schemas and asks
 *  Kafka. Throws UsageError or PermanentError when it can't run like this; nothing is then left open. */
export async function buildApp(
  settings: AppSettings,
  {
    log,
    version,
    tracing = NO_TRACING,
    recover = false,
    onListening,
  }: {
    readonly log: Log;
    readonly version: string;
    readonly tracing?: Tracing;
    /** The database was restored from a backup: before anything else runs, what we have published since is adopted. */
    readonly recover?: boolean;
    readonly onListening?: (url: string) => void;
  },
): Promise<App> {
  const closing = createCleanupStack();
  try {
    // What exists
    const contracts = loadContracts(settings.schemasDirs);
    const topology = await loadTopology({ ...settings, shapeOf: contracts.shapeOf });
    const providers = [...topology.providers.values()];
    const metrics = createMetrics();

    // PostgreSQL
    const pool = createPool({
      databaseUrl: settings.databaseUrl,
      max: 20,
      onError: (err) => log.warn({ err }, 'an idle database connection was lost'),
    });
    closing.defer('the database pool', () => pool.end());
    await requireMigrated(pool, settings.migrationsDirs);
    reach('start:migrations-checked');
    const prisma = createPrisma(pool);
    await recordProviders(prisma, providers);
    reach('start:providers-recorded');
    const store = createStore({ pool });
    const reader = createEntityReader({ pool });
    const outbox = createOutbox({ pool, databaseUrl: settings.databaseUrl });

    // Contracts and the registry
    const registry = createRegistryClient({
      url: settings.schemaRegistryUrl,
      username: settings.schemaRegistryUsername,
      password: settings.schemaRegistryPassword,
    });
    const topicSchemaIds = await registerSchemas({ contracts, routes: topology.routes.values(), registry });
    reach('start:schemas-registered');
    const codec = createCodec({
      contracts,
      topology,
      registry,
      topicSchemaIds,
      schemaTable: createSchemaTable({ pool }),
      clock,
    });

    // Kafka
    const { kafkaBrokers: brokers, kafkaSasl: sasl, kafkaSsl: ssl } = settings;
    const connection = { brokers, sasl, ssl, clientId: 'eassurance-bridge' };
    const kafka = createKafka(connection, log.child({ part: 'kafka' }));
    const admin = createKafkaAdmin(connection);
    closing.defer('the Kafka admin', () => admin.close());
    await requireKafka(admin, brokers);
    const inspector = createTopicInspector(admin);
    const logs = createLogReader(admin);
    const sinks = new Map<string, KafkaTopicSink>();
    closing.defer('the producers', async () => {
      await Promise.all([...sinks.values()].map((sink) => sink.close()));
    });
    const sinkOf = (shard: string): KafkaTopicSink => {
      const sink = sinks.get(shard) ?? createTopicSink({ kafka, log: log.child({ part: 'relay', shard }) });
      sinks.set(shard, sink);
      return sink;
    };

    // The way out
    const signingKey = createSecretKey(settings.eventSigningKey);
    const relay = relayOutbox({
      outbox,
      sinkOf,
      signingKey,
      metrics,
      tracing,
      log: log.child({ part: 'relay' }),
      clock,
      batchSize: 2_000,
      batchBytes: relayBytes(topology.providers.size + 1),
      shards: [...topology.providers.keys(), SHARED],
      pollIntervalMs: 5_000,
    });

    const capacity = watchCapacity({
      outbox,
      databaseSize: createDatabaseSize({ pool }),
      shards: [...topology.providers.keys(), SHARED],
      limits: {
        maxWaiting: settings.outboxMaxWaiting,
        maxAgeMs: settings.outboxMaxAgeHours * 3_600_000,
        maxDatabaseBytes: settings.databaseMaxMb === undefined ? null : settings.databaseMaxMb * 1_048_576,
      },
      metrics,
      log: log.child({ part: 'capacity' }),
      everyMs: 2_000,
    });

    // The one way in
    const wakeRelay = (shards: readonly string[]) => relay.wake(shards);
    const writers = createWriterDirectory({ topology, table: createWriterIdTable({ prisma }) });
    const notes = createConsumerNotes(clock);
    const applying: ApplyDeps = {
      ...{ store, topology, codec, metrics, log: log.child({ part: 'apply' }), clock, newId, wakeRelay },
      allottedWriterIds: (providerId) => writers.allotted(providerId),
      clockAheadMs: (providerId) => Math.max(0, notes.clockSkewMs(providerId) ?? 0),
    };
    const applyUnplaced = async (arrivals: readonly Arrival[], alongside?: Alongside) => {
      await writers.learn(arrivals);
      return applyBatch(arrivals, null, applying, null, alongside);
    };
    const applyWithRoom: typeof applyUnplaced = async (arrivals, alongside) => {
      capacity.requireSpace();
      return applyUnplaced(arrivals, alongside);
    };
    const applyPulled = (events: readonly PulledEvent[]) => applyWithRoom(events.map(toArrival));
    const graceMs = settings.republishGraceSeconds * 1000;
    const republishing: RepublishDeps = {
      ...{ store, topology, codec, clock, wakeRelay, graceMs },
      isWaiting: (entityId) => outbox.holds(entityId),
    };
    const quarantineTable = createQuarantineTable({ pool });
    const quarantine = createQuarantineWork({
      ...{ ...applying, reader, table: quarantineTable, log: log.child({ part: 'quarantine' }) },
      store: capacity.limit(store),
      apply: applyWithRoom,
    });
    const ofEdits = log.child({ part: 'edits' });
    const edits = createEdits({
      store: capacity.limit(store),
      reader,
      topology,
      codec,
      log: ofEdits,
      clock,
      newId,
      wakeRelay,
    });

    // From the topics
    const fuseTable = createTopicFuseTable({ prisma });
    const fuses = createTopicFuses({
      table: fuseTable,
      topics: [...topology.routes.keys()],
      rule: { window: settings.topicFuseWindow, bad: settings.topicFuseBad },
      metrics,
      log: log.child({ part: 'consume' }),
    });
    // A topic that stood still before the start reads nothing after it.
    await fuses.reload();
    const settle = settleTogether({
      ...applying,
      fuseOf: (topic) => fuses.of(topic),
      lanes: 3,
      maxBytes: 1_048_576,
      before: async (arrivals) => {
        capacity.requireSpace();
        await writers.learn(arrivals);
      },
    });
    const consuming = { ...applying, inspector, settle, fuses, notes, tracing };
    const maxBytesPerPartition = fetchBytes([...topology.routes.values()]);
    const consumerOf = ({ id, canary }: Provider) => {
      const topics = [...topology.routes.values()]
        .filter((route) => route.providerId === id)
        .map((route) => route.topic);
      const ofProvider = log.child({ part: 'consume', provider: id });
      const sessionTimeoutMs = settings.kafkaSessionTimeoutSeconds * 1000;
      const subscribed = canary ? [...topics, canary.topic] : topics;
      const consumer = createTopicConsumer({
        ...{ kafka, groupId: consumerGroup(id), topics: subscribed, log: ofProvider, sessionTimeoutMs },
        maxBytesPerPartition,
        maxWaitMs: idleFetchMs(providers.length),
        positionsOf: async (held) => {
          const known = await store.readPositions(topics);
          return held.map((at) => {
            if (at.topic === canary?.topic) return 'group';
            const found = known.find(
              ({ topic, partition }) => topic === at.topic && partition === at.partition,
            );
            return found?.next ?? 'oldest';
          });
        },
      });
      const take = (batch: WireBatch) => takeHeartbeats(id, batch, { metrics, clock });
      const heartbeats = canary && { canary: { topic: canary.topic, take } };
      const service = consumeProvider(id, consumer, { ...consuming, ...heartbeats, log: ofProvider });
      const stallAfterMs = settings.stallAfterSeconds * 1000;
      const watching = { consumer, service, topics, store, inspector, log: ofProvider, clock, stallAfterMs };
      return { service, watch: watchProgress(id, watching) };
    };
    const consumers = providers.map(consumerOf);

    // After a restore
    const recovering = {
      ...{ topology, store, logs, codec, signingKey },
      table: createRecoveryTable({ pool }),
      adopt: (entity: Parameters<typeof adoptEvents>[0]) => adoptEvents(entity, applying),
      apply: (arrivals: readonly Arrival[]) => applyUnplaced(arrivals),
      consumerOf: (providerId: string, topics: readonly string[]) =>
        createTopicConsumer({ kafka, groupId: `${consumerGroup(providerId)}-recovery`, topics, log }),
      log: log.child({ part: 'recover' }),
    };

    // From the providers' GET APIs
    const apis = new Map<string, ProviderApi>(
      [...settings.providerApis]
        .filter(([providerId]) => topology.providers.has(providerId))
        .map(([providerId, api]) => [providerId, createProviderApi({ providerId, clock, tracing, ...api })]),
    );
    const pulling: AskDeps = {
      ...{ topology, codec, applyPulled, metrics },
      etags: createEtagMemory(10_000),
      republish: (providerId, shown) => republishLagging(providerId, shown, republishing),
    };
    const pullOf = (provider: Provider, api: ProviderApi) =>
      pullChanges(provider, api, {
        ...pulling,
        cursors: createPullCursorTable({ prisma }),
        hubEdits: createHubEditReader({ pool }),
        log: log.child({ part: 'pull', provider: provider.id }),
        clock,
        graceMs,
        pageSize: 200,
        overlapMs: 5 * 60_000,
        editsPerRound: 100,
      });
    const refresh = (kind: string, id: string) =>
      refreshEntity(kind, id, {
        ...pulling,
        apis,
        withinMs: 12_000,
        ownerOf: async (ofKind, entityId) => (await reader.find(ofKind, entityId))?.provider ?? null,
      });

    // How far behind everything is
    const lag = measureLag({
      ...{ topology, metrics, notes, clock },
      logs,
      ledger: createLagLedger({ pool }),
      groupOf: consumerGroup,
      apiOf: (providerId) => apis.get(providerId)?.status() ?? null,
      thresholds: thresholdsFor(settings.lagPatienceSeconds * 1000),
      ledgerWithinMs: 5_000,
      everyMs: settings.lagSampleSeconds * 1000,
      log: log.child({ part: 'lag' }),
    });

    // For people
    const conflicts = createConflictReader({ pool });
    const explaining = {
      ...{ topology, conflicts, codec, show: maskAtom, kafkaWithinMs: 2_000 },
      ledger: createLedgerReader({ pool }),
      offsets: createGroupOffsets(admin),
    };
    const api = serveApi({
      app: createApi({
        topology,
        edits,
        reader,
        conflicts,
        topics: createTopicControl({
          ...{ topology, inspector, table: fuseTable, positions: store, offsets: inspector },
        }),
        quarantine,
        quarantineTable,
        mask: maskPersonal,
        codec,
        keys: createApiKeyTable({ pool, prisma, newId }),
        refresh,
        explain: (subject, allowed, limit) =>
          explainSubject({ subject, providers: allowed, say: sayTimeInUtc, limit }, explaining),
        pullStatus: (providerId) => apis.get(providerId)?.status() ?? null,
        lag: () => lag.report(),
        checks: {
          live: consumers.map(({ watch }) => watch.check),
          ready: [
            createPostgresHealthCheck({ pool }),
            checkKafkaHealth(admin),
            capacity.check,
            ...consumers.map(({ service }) => service.check),
            fuses.check,
            ...[...apis.values()].map((providerApi) => checkProviderApi(providerApi, clock)),
          ],
        },
        metrics,
        tracing,
        log: log.child({ part: 'api' }),
        clock,
        newId,
        version,
        limits: { ...DEFAULT_LIMITS, requestsPerMinute: settings.httpRequestsPerMinute },
      }),
      host: settings.httpHost,
      port: settings.httpPort,
      log: log.child({ part: 'api' }),
      ...(onListening && { onListening }),
    });

    // Receivers before senders: what is stopped first hands its last work to what still runs.
    const restarting = (service: Parameters<typeof supervise>[0]) =>
      supervise(service, {
        clock,
        onRestart: (err, waitMs, attempt) => {
          if (isWorthTelling(attempt))
            log.warn({ err, waitMs, attempt, service: service.name }, 'service starts again');
        },
      });
    const services = [
      restarting(relay),
      restarting(capacity),
      restarting(refreshWriterDirectory(writers, { everyMs: 10_000 })),
      restarting(watchTopicFuses(fuses, { everyMs: 2_000 })),
      consumers.map(({ service }) => restarting(service)),
      consumers.map(({ watch }) => restarting(watch)),
      providers.flatMap(({ id, canary }) =>
        canary ? [restarting(sendHeartbeats(id, canary, { sink: sinkOf(`canary ${id}`), log, clock }))] : [],
      ),
      providers.flatMap((provider) => {
        const providerApi = apis.get(provider.id);
        return providerApi ? [restarting(pullOf(provider, providerApi))] : [];
      }),
      restarting(
        pruneHistory({
          pruner: createHistoryPruner({ pool }),
          kinds: [...topology.kinds.values()],
          clock,
          log: log.child({ part: 'prune' }),
          keepMs: settings.pruneAfterDays * 86_400_000,
          keepStates: 10,
          batchSize: 200,
          pauseMs: 1_000,
          restMs: 6 * 3_600_000,
        }),
      ),
      restarting(
        expireQuarantine({
          table: quarantineTable,
          clock,
          log: log.child({ part: 'prune' }),
          keepMs: 30 * 86_400_000,
          batchSize: 500,
          pauseMs: 1_000,
          restMs: 3_600_000,
        }),
      ),
      restarting(lag),
      api,
    ];
    return {
      async run(signal) {
        try {
          if (recover) await writers.reload();
          if (recover) log.info(await recoverDatabase(recovering, signal), 'the database is recovered');
          await runServices(services, signal, {
            onFailure: (service, err) => log.error({ err, service }, 'a service failed; the bridge stops'),
          });
        } finally {
          await closing.unwind();
        }
      },
    };
  } catch (error) {
    await closing.unwind();
    throw error;
  }
}
