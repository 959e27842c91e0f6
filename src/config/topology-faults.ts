import type { KindDefinition } from '../domain/kind.ts';
import type { Fault, TopicsFile } from './topics-file.ts';

type Kinds = ReadonlyMap<string, KindDefinition>;

/** What a well-formed topics.yaml says that can't be: names without a kind, names that collide. Pure and total. */
export function topologyFaults(value: TopicsFile, kinds: Kinds): readonly Fault[] {
  return [
    ...entityFaults(value, kinds),
    ...sharedFaults(value, kinds),
    ...providerFaults(value, kinds),
    ...collisionFaults(value),
    ...upkeepFaults(value),
  ];
}

function entityFaults(value: TopicsFile, kinds: Kinds): readonly Fault[] {
  return Object.entries(value.entities).flatMap(([name, actions]) => {
    const kind = kinds.get(name);
    if (kind === undefined) {
      return [
        {
          path: ['entities', name],
          message: `has no kind: add the folder ${name}/ with its kind.ts, or remove the entry (known: ${list(kinds.keys())})`,
        },
      ];
    }
    const unknown = Object.keys(actions)
      .filter((action) => kind.events[action] === undefined)
      .map((action) => ({
        path: ['entities', name, action],
        message: `is no action of the kind ${name}: it knows ${list(Object.keys(kind.events))}`,
      }));
    const missing = Object.keys(kind.events)
      .filter((action) => actions[action] === undefined)
      .map((action) => ({
        path: ['entities', name],
        message: `lacks the action ${action}, which its kind publishes: add it with its writers`,
      }));
    return [...unknown, ...missing];
  });
}

function sharedFaults(value: TopicsFile, kinds: Kinds): readonly Fault[] {
  return Object.entries(value.shared).flatMap(([name, actions]) =>
    Object.keys(actions)
      .filter((action) => kinds.get(name)?.events[action] === undefined)
      .map((action) => ({
        path: ['shared', name, action],
        message: `is no event of a known kind: remove it, or add the kind (known: ${list(kinds.keys())})`,
      })),
  );
}

function providerFaults(value: TopicsFile, kinds: Kinds): readonly Fault[] {
  const collections = new Set(Object.keys(value.entities).map((name) => kinds.get(name)?.collection));
  return Object.entries(value.providers).flatMap(([id, provider]) => [
    ...provider.writerIds
      .map((writerId, index) => ({ writerId, index }))
      .filter(({ writerId }) => writerId !== id && !writerId.startsWith(`${id}.`))
      .map(({ writerId, index }) => ({
        path: ['providers', id, 'writerIds', index],
        message: `is "${writerId}": name it ${id}, or ${id}.2 after a restored backup`,
      })),
    ...repeated(provider.writerIds).map((index) => ({
      path: ['providers', id, 'writerIds', index],
      message: 'is there twice: a writer id is never used again',
    })),
    ...provider.pull.collections
      .map((collection, index) => ({ collection, index }))
      .filter(({ collection }) => !collections.has(collection))
      .map(({ collection, index }) => ({
        path: ['providers', id, 'pull', 'collections', index],
        message: `is "${collection}", which no kind serves: choose among ${list(collections)}`,
      })),
  ]);
}

/** Kafka grants topics and groups by prefix, so no id may begin with another's; a Kafka user belongs to one provider. */
function collisionFaults(value: TopicsFile): readonly Fault[] {
  const ids = Object.keys(value.providers);
  const prefixes = ids.flatMap((id) =>
    ids
      .filter((other) => other !== id && other.startsWith(id))
      .map((other) => ({
        path: ['providers', other],
        message: `begins with the id ${id}, and ACLs are granted by prefix: choose another id`,
      })),
  );
  const users = ids.map((id) => value.providers[id]!.user);
  const sameUser = repeated(users).map((index) => ({
    path: ['providers', ids[index]!, 'user'],
    message: `is the Kafka user of another provider too: give each its own`,
  }));
  return [...prefixes, ...sameUser];
}

function upkeepFaults(value: TopicsFile): readonly Fault[] {
  const places = [
    { path: ['defaults'], upkeep: value.defaults },
    ...Object.entries(value.providers)
      .filter(([, provider]) => Object.keys(provider.defaults).length > 0)
      .map(([id, provider]) => ({
        path: ['providers', id, 'defaults'],
        upkeep: { ...value.defaults, ...provider.defaults },
      })),
    ...Object.entries(value.shared).flatMap(([kind, actions]) =>
      Object.entries(actions).map(([action, overrides]) => ({
        path: ['shared', kind, action],
        upkeep: { ...value.defaults, ...overrides },
      })),
    ),
  ];
  return places
    .filter(({ upkeep }) => upkeep.minInsyncReplicas > upkeep.replicationFactor)
    .map(({ path }) => ({
      path,
      message: 'asks for more in-sync replicas than there are replicas: lower minInsyncReplicas',
    }));
}

/** Positions of the values that occurred before. */
function repeated(values: readonly string[]): readonly number[] {
  return values.flatMap((value, index) => (values.indexOf(value) < index ? [index] : []));
}

function list(names: Iterable<string | undefined>): string {
  return [...names].filter((name) => name !== undefined).join(', ') || 'none';
}
