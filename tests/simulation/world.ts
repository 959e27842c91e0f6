import { fileURLToPath } from 'node:url';
import { loadContracts } from '../../src/avro/load-contracts.ts';
import constat from '../../src/domain/constat/kind.ts';
import type { EntityKind } from '../../src/domain/kind.ts';
import type { Provider, Topology, TopicRoute } from '../../src/ports.ts';
import { createMemoryOutbox } from '../fakes/memory-outbox.ts';
import { createMemoryReader } from '../fakes/memory-reader.ts';
import { createMemoryStore } from '../fakes/memory-store.ts';
import { createMemoryPruner } from '../fakes/memory-pruner.ts';
import type { Coverage } from './coverage.ts';
import { createGhost } from './ghost.ts';
import { createReplica, type GroupPosition, type HubDeps, type HubReplica } from './hub.ts';
import { createJsonCodec } from './json-codec.ts';
import { createNetwork } from './network.ts';
import { createProviderModel, type Counters, type ProviderModel } from './provider-model.ts';
import { createScheduler, type Actor } from './scheduler.ts';
import { createTrace } from './trace.ts';

const contracts = loadContracts([fileURLToPath(new URL('../../schemas', import.meta.url))]);
export const KIND: EntityKind = { ...constat, shape: contracts.shapeOf('ConstatUpdated', 'constat') };

const ACTIONS = ['created', 'updated'] as const;
export const topicsOf = (providerId: string): readonly string[] =>
  ACTIONS.map((action) => `${providerId}-constat.${action}`);

/** A provider's platform: its database, and the life of its process that is running. */
export interface Platform {
  readonly model: ProviderModel;
  actor: Actor;
  /** Where it reads on, per topic. */
  readonly positions: Map<string, number>;
  /** Revisions at which forms were opened, by token. */
  readonly formOf: Map<string, Counters>;
  /** It uses counters again that it had used before its database was set back. */
  reused: boolean;
  restored: boolean;
}

export interface World {
  readonly hub: HubDeps & { readonly store: ReturnType<typeof createMemoryStore> };
  readonly replicas: HubReplica[];
  readonly platforms: readonly Platform[];
  readonly groups: ReadonlyMap<string, GroupPosition>;
  /** Which replica a topic is assigned to. */
  readonly owners: Map<string, number>;
  readonly ghost: ReturnType<typeof createGhost>;
  readonly trace: ReturnType<typeof createTrace>;
  restartReplica(index: number): void;
  /** Time passes. */
  advance(ms: number): void;
}

/** Two replicas of the hub, one or two insurers, and nothing that any of them has written yet. */
export function createWorld(options: {
  readonly providers: number;
  readonly hubOwns: boolean;
  readonly coverage: Coverage;
}): World {
  const providerIds = ['saa', 'trust'].slice(0, options.providers);
  const { now: clock, advance } = createClock();
  const scheduler = createScheduler();
  const network = createNetwork();
  const newId = createIds();
  const store = createMemoryStore({ clock });
  const hub = {
    store,
    reader: createMemoryReader(store),
    outbox: createMemoryOutbox(store),
    pruner: createMemoryPruner(store),
    writerIds: new Map(providerIds.map((id): [string, readonly string[]] => [id, [id]])),
    coverage: options.coverage,
    topology: createTopology(providerIds, options.hubOwns),
    kind: KIND,
    codec: createJsonCodec(KIND),
    network,
    scheduler,
    clock,
    newId,
  };
  const replicas = ['hub-1', 'hub-2'].map((name) => createReplica(name, hub));
  const topics = providerIds.flatMap(topicsOf);
  return {
    hub,
    replicas,
    platforms: providerIds.map((id) => ({
      model: createProviderModel({ id, newId, now: clock }),
      actor: { name: id, alive: true },
      positions: new Map(topicsOf(id).map((topic) => [topic, 0])),
      formOf: new Map(),
      reused: false,
      restored: false,
    })),
    groups: new Map(topics.map((topic) => [topic, { committed: 0 }])),
    owners: new Map(topics.map((topic, i) => [topic, i % 2])),
    ghost: createGhost(),
    trace: createTrace(),
    advance,
    restartReplica: (index) => void (replicas[index] = createReplica(`hub-${index + 1}`, hub)),
  };
}

/** Every look at the clock is a millisecond later. */
function createClock(): { readonly now: () => number; readonly advance: (ms: number) => void } {
  let now = Date.parse('2026-05-10T08:00:00.000Z');
  return { now: () => (now += 1), advance: (ms) => void (now += ms) };
}

/** Ids that look like UUIDs, in order. */
function createIds(): () => string {
  let issued = 0;
  return () => `0197f3a0-0000-7000-8000-${(++issued).toString(16).padStart(12, '0')}`;
}

/** The atoms that E-assurance owns where it owns any. */
const OWNED = ['providerReference', 'claimId', 'accident', 'parties', 'witnesses'];

function createTopology(providerIds: readonly string[], hubOwns: boolean): Topology {
  const providers = new Map(
    providerIds.map((id): [string, Provider] => [
      id,
      {
        id,
        name: id,
        user: id,
        writerIds: [id],
        shareVerifications: false,
        pull: { intervalMs: 1, collections: ['constats'] },
        ...(hubOwns ? { hubOwns: { constat: OWNED } } : {}),
      },
    ]),
  );
  const routes = providerIds.flatMap((providerId) =>
    ACTIONS.map((action): [string, TopicRoute] => {
      const topic = `${providerId}-constat.${action}`;
      const route = {
        topic,
        providerId,
        kind: 'constat',
        action,
        record: KIND.events[action]!,
        writers: ['eassurance', providerId],
        partitions: 1,
        replicationFactor: 1,
        minInsyncReplicas: 1,
        retentionMs: 1,
        maxMessageBytes: 1_000_000,
      };
      return [topic, route];
    }),
  );
  return { providers, routes: new Map(routes), kinds: new Map([['constat', KIND]]) };
}
