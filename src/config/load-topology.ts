import { readFile } from 'node:fs/promises';
import type { CanonicalShape } from '../domain/canonical.ts';
import { BridgeError, UsageError } from '../domain/errors.ts';
import { HUB } from '../domain/event.ts';
import type { EntityKind, KindDefinition } from '../domain/kind.ts';
import type { CanaryTopic, Provider, Topology, TopicRoute } from '../ports.ts';
import { loadKinds } from './load-kinds.ts';
import { parseTopicsFile } from './topics-file.ts';
import type { Fault, TopicsFile } from './topics-file.ts';
import { topologyFaults } from './topology-faults.ts';

/** Namespace of every record of the contracts. */
const NAMESPACE = 'dz.eassurance.events.v1';
const DAY_MS = 24 * 60 * 60 * 1000;

export interface LoadTopologyDeps {
  readonly topicsFile: string;
  readonly kindsDirs: readonly string[];
  /** The canonical shape of the state that the Avro record holds in `stateField`. */
  readonly shapeOf: (record: string, stateField: string) => CanonicalShape;
}

/** What topics.yaml says, joined with the kinds of `kindsDirs`: the only source of topic names. Throws one UsageError
 *  that names every fault with file, line, path and remedy. */
export async function loadTopology(deps: LoadTopologyDeps): Promise<Topology> {
  const content = await readFile(deps.topicsFile, 'utf8').catch((cause: unknown) => {
    throw new UsageError(`the topics file ${deps.topicsFile} can't be read: correct TOPICS_FILE`, { cause });
  });
  const { value, refuse } = parseTopicsFile(content, deps.topicsFile);
  const definitions = await loadKinds(deps.kindsDirs);
  refuse(topologyFaults(value, definitions));

  const { kinds, faults } = attachShapes(value, definitions, deps.shapeOf);
  refuse(faults);
  return { providers: toProviders(value), routes: toRoutes(value, definitions), kinds };
}

/** The topic that carries events of `eventType` (`constat.created`) for a provider, or for `shared`. */
export function topicName(providerId: string, eventType: string): string {
  return `${providerId}-${eventType}`;
}

function attachShapes(
  value: TopicsFile,
  definitions: ReadonlyMap<string, KindDefinition>,
  shapeOf: LoadTopologyDeps['shapeOf'],
) {
  const kinds = new Map<string, EntityKind>();
  const faults: Fault[] = [];
  for (const name of Object.keys(value.entities)) {
    const definition = definitions.get(name)!;
    // Every record of a kind holds the same state, so the last event's record, which every kind has, speaks for all.
    const record = `${NAMESPACE}.${Object.values(definition.events).at(-1)}`;
    try {
      kinds.set(name, { ...definition, shape: shapeOf(record, definition.name) });
    } catch (error) {
      if (!(error instanceof BridgeError)) throw error;
      faults.push({ path: ['entities', name], message: `has no usable contract: ${error.message}` });
    }
  }
  return { kinds, faults };
}

function toProviders(value: TopicsFile): ReadonlyMap<string, Provider> {
  return new Map(
    Object.entries(value.providers).map(([id, provider]) => [
      id,
      {
        id,
        name: provider.name,
        user: provider.user,
        writerIds: provider.writerIds,
        shareVerifications: provider.shareVerifications,
        hubOwns: provider.ownedByEassurance,
        pull: { intervalMs: provider.pull.intervalSeconds * 1000, collections: provider.pull.collections },
        ...(provider.canary && { canary: toCanary(id, provider.canary, value.defaults) }),
      },
    ]),
  );
}

/** Nobody looks at an old heartbeat, and each carries its own time: one partition and an hour are enough. */
function toCanary(
  providerId: string,
  { intervalSeconds }: { readonly intervalSeconds: number },
  { replicationFactor, minInsyncReplicas }: TopicsFile['defaults'],
): CanaryTopic {
  return {
    topic: topicName(providerId, 'canary.heartbeat'),
    intervalMs: intervalSeconds * 1000,
    ...{ partitions: 1, replicationFactor, minInsyncReplicas },
    ...{ retentionMs: 60 * 60 * 1000, maxMessageBytes: 1_024 },
  };
}

function toRoutes(
  value: TopicsFile,
  definitions: ReadonlyMap<string, KindDefinition>,
): ReadonlyMap<string, TopicRoute> {
  const routes: TopicRoute[] = [];
  for (const [providerId, provider] of Object.entries(value.providers)) {
    const upkeep = toUpkeep({ ...value.defaults, ...provider.defaults });
    for (const [kind, actions] of Object.entries(value.entities)) {
      for (const [action, { writers }] of Object.entries(actions)) {
        routes.push({
          topic: topicName(providerId, `${kind}.${action}`),
          providerId,
          kind,
          action,
          record: `${NAMESPACE}.${definitions.get(kind)!.events[action]}`,
          writers: writers.map((writer) => (writer === 'provider' ? providerId : HUB)),
          ...upkeep,
        });
      }
    }
  }
  for (const [kind, actions] of Object.entries(value.shared)) {
    for (const [action, overrides] of Object.entries(actions)) {
      routes.push({
        topic: topicName('shared', `${kind}.${action}`),
        providerId: 'shared',
        kind,
        action,
        record: `${NAMESPACE}.Shared${definitions.get(kind)!.events[action]}`,
        writers: [HUB],
        ...toUpkeep({ ...value.defaults, ...overrides }),
      });
    }
  }
  return new Map(routes.map((route) => [route.topic, route]));
}

function toUpkeep(upkeep: TopicsFile['defaults']) {
  const { retentionDays, ...rest } = upkeep;
  return { ...rest, retentionMs: Math.round(retentionDays * DAY_MS) };
}
