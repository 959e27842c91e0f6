import { Buffer } from 'node:buffer';
import { applyBatch, type ApplyDeps, type Arrival } from '../../src/apply/apply-batch.ts';
import type { TopicFuse } from '../../src/apply/apply-in-turn.ts';
import { createEdits } from '../../src/apply/create-edits.ts';
import { republishLagging } from '../../src/apply/republish-entity.ts';
import { settleTogether } from '../../src/apply/settle-together.ts';
import { createWriterDirectory } from '../../src/apply/writer-directory.ts';
import { createConsumerNotes } from '../../src/lag/consumer-notes.ts';
import type { Edits } from '../../src/apply/edit.ts';
import { consumeBatch, newPartitionMemory, type ConsumeDeps } from '../../src/consume/consume-batch.ts';
import type { EntityKind } from '../../src/domain/kind.ts';
import type {
  EntityReader,
  EntityView,
  EventCodec,
  HistoryPruner,
  Outbox,
  ProviderApi,
  Store,
  Topology,
  WireBatch,
} from '../../src/ports.ts';
import { pruneBatch } from '../../src/prune/prune-history.ts';
import { askProvider, settleAnswer, type AskDeps } from '../../src/pull/ask-provider.ts';
import { createEtagMemory } from '../../src/pull/etag-memory.ts';
import { toArrival } from '../../src/pull/pulled-event.ts';
import { createShardRelay } from '../../src/relay/create-shard-relay.ts';
import type { RelayDeps } from '../../src/relay/relay-batch.ts';
import { createPermits } from '../../src/runtime/create-permits.ts';
import { NO_TRACING } from '../../src/telemetry/no-tracing.ts';
import type { Network } from './network.ts';
import { count, type Coverage } from './coverage.ts';
import { outcomeMetrics, quietLog } from './quiet.ts';
import type { Actor, Scheduler } from './scheduler.ts';
import { storeWithPoints, withPoints } from './with-points.ts';

export interface HubDeps {
  readonly store: Store;
  readonly reader: EntityReader;
  readonly outbox: Pick<Outbox, 'read' | 'acknowledge' | 'park' | 'holds'>;
  readonly pruner: HistoryPruner;
  /** Every writer id ever allotted, by provider. */
  readonly writerIds: Map<string, readonly string[]>;
  readonly coverage: Coverage;
  readonly topology: Topology;
  readonly kind: EntityKind;
  readonly codec: EventCodec;
  readonly network: Network;
  readonly scheduler: Scheduler;
  readonly clock: () => number;
  readonly newId: () => string;
}

/** What was written less than this ago may still be on its way; every look at the clock is one millisecond. */
export const GRACE_MS = 100;

/** No topic stops here. */
const NO_FUSE: TopicFuse = {
  takeTurn: async () => () => {},
  judge: (signs) => ({ settles: signs.length, blown: null }),
  passed: () => {},
  blew: () => {},
};

/** Where the group of a topic stands; shared by the replicas, as it is kept by the broker. */
export interface GroupPosition {
  committed: number;
}

/** One life of one replica: the bridge's own steps over operations that wait to be scheduled. */
export interface HubReplica {
  readonly actor: Actor;
  /** Reads the next records of a topic and takes them through consume and apply. */
  consume(topic: string, group: GroupPosition, records: number, isStale: () => boolean): Promise<void>;
  relay(shard: string, batchSize: number): Promise<void>;
  /** Asks a provider for one entity, takes the answer through the rules, and republishes what the provider lacks. */
  pull(api: Pick<ProviderApi, 'providerId' | 'fetchOne'>, id: string): Promise<void>;
  /** Lets go of every state that may go. */
  prune(): Promise<number>;
  /** Where this replica reads on. */
  position(topic: string, group: GroupPosition): number;
  readonly edits: Edits;
  /** What a form of this entity is filled with. */
  find(id: string): Promise<EntityView | null>;
}

export function createReplica(name: string, deps: HubDeps): HubReplica {
  const actor: Actor = { name, alive: true };
  const { scheduler, network, topology, codec, clock, newId } = deps;
  const { coverage } = deps;
  const store = storeWithPoints(deps.store, actor, scheduler, () => count(coverage, 'moved: judged again'));
  const outbox = withPoints({ ...deps.outbox } as Outbox, 'outbox.', actor, scheduler);
  const metrics = outcomeMetrics(coverage);
  const writers = createWriterDirectory({ topology, table: { list: async () => deps.writerIds } });
  const reader = withPoints(deps.reader, 'reader.', actor, scheduler);
  const applying: ApplyDeps = {
    store,
    topology,
    codec,
    allottedWriterIds: writers.allotted,
    metrics,
    log: quietLog,
    clock,
    newId,
    wakeRelay: () => {},
  };
  const apply = async (arrivals: readonly Arrival[]) => {
    await writers.learn(arrivals);
    return applyBatch(arrivals, null, applying);
  };
  const settle = settleTogether({
    ...applying,
    fuseOf: () => NO_FUSE,
    before: (arrivals) => writers.learn(arrivals),
    lanes: 1,
    maxBytes: Infinity,
  });
  const asking: AskDeps = {
    topology,
    codec,
    metrics,
    etags: createEtagMemory(100),
    applyPulled: (events) => apply(events.map(toArrival)),
    republish: (providerId, shown) =>
      republishLagging(providerId, shown, {
        ...{ store, topology, codec, clock, wakeRelay: () => {}, graceMs: GRACE_MS },
        isWaiting: (entityId) => outbox.holds(entityId),
      }),
  };
  const inspector = {
    topicIds: async (topics: readonly string[]) => new Map(topics.map((topic) => [topic, topic])),
    earliestOffset: async () => 0n,
  };
  const consuming: ConsumeDeps = {
    ...applying,
    inspector,
    settle,
    tracing: NO_TRACING,
    fuses: { hold: async () => false },
    notes: createConsumerNotes(clock),
  };
  const memory = newPartitionMemory();
  /** Where this life of the replica reads on. */
  const next = new Map<string, number>();
  const never = new AbortController().signal;

  return {
    actor,
    async consume(topic, group, records, isStale) {
      const log = network.log(topic);
      const from = next.get(topic) ?? group.committed;
      const fetched = log.slice(from, from + records);
      if (fetched.length === 0) return;
      const batch: WireBatch = {
        topic,
        partition: 0,
        fetchedFrom: BigInt(from),
        highWatermark: BigInt(log.length),
        records: fetched.map(({ key, value, headers }, i) => {
          return {
            topic,
            partition: 0,
            offset: BigInt(from + i),
            timestampMs: 0,
            key: Buffer.from(key),
            value,
            headers,
          };
        }),
        heartbeat: async () => {},
        isStale,
        async commit(offset) {
          next.set(topic, Number(offset));
          try {
            await scheduler.point(actor, 'kafka.commit');
          } catch {
            return; // It died, and nobody hears of this commit.
          }
          if (!isStale()) group.committed = Math.max(group.committed, Number(offset));
        },
        seek: (offset) => void next.set(topic, Number(offset)),
      };
      // A batch that another consumer was faster with is dropped; what comes next starts from the group's position.
      next.delete(topic);
      await consumeBatch(batch, topic.split('-')[0]!, memory, consuming, never);
    },
    async relay(shard, batchSize) {
      let offset = 0n;
      const relaying: RelayDeps = {
        outbox,
        sinkOf: () => ({
          async send(records) {
            await scheduler.point(actor, 'kafka.send');
            for (const { topic, key, value, headers } of records)
              network.send({ topic, key, value, headers });
            await scheduler.point(actor, 'kafka.sent');
            return records.map(() => ({ status: 'acknowledged', partition: 0, offset: offset++ }) as const);
          },
        }),
        signingKey: Buffer.from('key'),
        metrics,
        tracing: NO_TRACING,
        log: quietLog,
        clock,
        batchSize,
        batchBytes: Infinity,
      };
      const relay = createShardRelay(shard, relaying, createPermits(1));
      try {
        // Two, so that what overlaps does; whoever relays next goes on.
        if ((await relay.step(never)) > 0) await relay.step(never);
      } finally {
        await relay.finish();
      }
    },
    async pull(api, id) {
      await scheduler.point(actor, 'api.fetch');
      const answer = await askProvider(api as ProviderApi, deps.kind, id, asking, never);
      await scheduler.point(actor, 'api.answered');
      await settleAnswer(api.providerId, answer, asking);
    },
    async prune() {
      const pruner = withPoints(deps.pruner, 'pruner.', actor, scheduler);
      const step = await pruneBatch(deps.kind, null, {
        pruner,
        clock,
        keepMs: 0,
        keepStates: 1,
        batchSize: 10,
      });
      return step.emptied;
    },
    position: (topic, group) => next.get(topic) ?? group.committed,
    edits: createEdits({ store, reader, topology, codec, log: quietLog, clock, newId, wakeRelay: () => {} }),
    find: (id) => reader.find(deps.kind, id),
  };
}
