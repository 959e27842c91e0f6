import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { loadTopology, topicName } from '../../../src/config/load-topology.ts';
import { PermanentError, UsageError } from '../../../src/domain/errors.ts';

const committedFile = path.join(import.meta.dirname, '../../../topics.yaml');
const scalar = { type: 'scalar' } as const;
const folders: string[] = [];
afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true });
});

const kindSources = {
  constat: kindSource('constat', 'constats', { created: 'ConstatCreated', updated: 'ConstatUpdated' }),
  vehicle: kindSource('vehicle', 'vehicles', { verified: 'VehicleVerified' }),
  claim: kindSource('claim', 'claims', { created: 'ClaimCreated', processed: 'ClaimProcessed' }),
  policy: kindSource('policy', 'policies', { updated: 'PolicyUpdated' }),
};

function kindSource(name: string, collection: string, events: Record<string, string>): string {
  const data = { name, collection, idField: `${name}Id`, events, columns: [], filters: {} };
  return `export default { ...${JSON.stringify(data)}, atoms: () => new Map() };`;
}

async function writeKinds(sources: Record<string, string>): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'kinds-'));
  folders.push(folder);
  for (const [name, source] of Object.entries(sources)) {
    await mkdir(path.join(folder, name));
    await writeFile(path.join(folder, name, 'kind.ts'), source);
  }
  return folder;
}

/** A loader over kinds of its own and the committed topics.yaml, changed by `change`. */
async function setup(
  change: (content: string) => string = (content) => content,
  sources: Record<string, string> = kindSources,
) {
  const kindsDir = await writeKinds(sources);
  const topicsFile = path.join(kindsDir, 'topics.yaml');
  await writeFile(topicsFile, change(await readFile(committedFile, 'utf8')));
  const asked: string[] = [];
  const shapeOf = (record: string, stateField: string) => {
    asked.push(`${record}#${stateField}`);
    return scalar;
  };
  return { deps: { topicsFile, kindsDirs: [kindsDir], shapeOf }, asked };
}

async function refusal(deps: Parameters<typeof loadTopology>[0]): Promise<string> {
  const error: unknown = await loadTopology(deps).then(
    () => new Error('the file was accepted'),
    (reason: unknown) => reason,
  );
  if (error instanceof UsageError) return error.message;
  throw error;
}

describe('loadTopology', () => {
  it('names every topic of every provider and the shared ones', async () => {
    const { routes } = await loadTopology((await setup()).deps);
    const actions = [
      'claim.created',
      'claim.processed',
      'constat.created',
      'constat.updated',
      'policy.updated',
      'vehicle.verified',
    ];
    const expected = ['saa', 'trust'].flatMap((provider) =>
      actions.map((action) => topicName(provider, action)),
    );
    expect([...routes.keys()].sort()).toEqual([...expected, 'shared-vehicle.verified'].sort());
  });

  it('says what a topic carries, who writes it and how it is kept', async () => {
    const { routes } = await loadTopology((await setup()).deps);
    expect(routes.get('saa-constat.updated')).toEqual({
      topic: 'saa-constat.updated',
      providerId: 'saa',
      kind: 'constat',
      action: 'updated',
      record: 'dz.eassurance.events.v1.ConstatUpdated',
      writers: ['eassurance', 'saa'],
      partitions: 3,
      replicationFactor: 1,
      minInsyncReplicas: 1,
      retentionMs: 14 * 86_400_000,
      maxMessageBytes: 1_048_576,
    });
    expect(routes.get('trust-policy.updated')?.writers).toEqual(['trust']);
    expect(routes.get('shared-vehicle.verified')).toMatchObject({
      providerId: 'shared',
      record: 'dz.eassurance.events.v1.SharedVehicleVerified',
      writers: ['eassurance'],
    });
  });

  it('reads the providers in milliseconds', async () => {
    const { providers } = await loadTopology((await setup()).deps);
    expect(providers.get('saa')).toMatchObject({
      user: 'saa',
      writerIds: ['saa'],
      pull: { intervalMs: 60_000, collections: ['constats'] },
    });
  });

  it("lets a provider's topics be kept otherwise than the rest", async () => {
    const { deps } = await setup((content) =>
      content.replace(
        '    name: Trust',
        '    defaults: { partitions: 6, retentionDays: 1 }\n    name: Trust',
      ),
    );
    const { routes } = await loadTopology(deps);
    expect(routes.get('trust-constat.created')).toMatchObject({
      partitions: 6,
      retentionMs: 86_400_000,
      maxMessageBytes: 1_048_576,
    });
    expect(routes.get('saa-constat.created')).toMatchObject({ partitions: 3 });
  });

  it('gives each kind the shape of its contract', async () => {
    const { deps, asked } = await setup();
    const { kinds } = await loadTopology(deps);
    expect(kinds.get('constat')?.shape).toEqual(scalar);
    expect(asked).toContain('dz.eassurance.events.v1.ConstatUpdated#constat');
  });

  it('takes a fifth kind from another directory with one entry in the file', async () => {
    const { deps } = await setup((content) =>
      content.replace('entities:', 'entities:\n  toy:\n    made: { writers: [provider] }'),
    );
    const toys = await writeKinds({ toy: kindSource('toy', 'toys', { made: 'ToyMade' }) });
    const { routes, kinds } = await loadTopology({ ...deps, kindsDirs: [...deps.kindsDirs, toys] });
    expect(kinds.has('toy')).toBe(true);
    expect(routes.get('saa-toy.made')?.record).toBe('dz.eassurance.events.v1.ToyMade');
  });
});

describe('a faulty topics file', () => {
  /** Story, change to the committed file, the text whose line is at fault, and what is said of it. */
  const faults: readonly [string, [string, string], string, string][] = [
    [
      'an unknown key',
      ['partitions: 3', 'partition: 3'],
      'partition: 3',
      'defaults.partition is not a known key',
    ],
    [
      'no partition at all',
      ['partitions: 3', 'partitions: 0'],
      'partitions: 0',
      'defaults.partitions must be at least 1',
    ],
    [
      'an illegal provider id',
      ['  trust:\n', '  Trust-Co:\n'],
      'Trust-Co:',
      'providers.Trust-Co must be 2 to 31 small letters',
    ],
    [
      'a reserved provider id',
      ['  trust:\n', '  shared:\n'],
      '  shared:\n    name',
      'providers.shared is reserved',
    ],
    [
      "a provider id that begins with another's",
      ['  trust:\n', '  saab:\n'],
      'saab:',
      'providers.saab begins with the id saa',
    ],
    ['an entity without a kind', ['  policy:\n', '  boat:\n'], 'boat:', 'entities.boat has no kind'],
    [
      'an action that the kind does not know',
      ['processed:', 'settled:'],
      'settled:',
      'entities.claim.settled is no action',
    ],
    [
      'an action left out',
      ['    processed: { writers: [eassurance, provider] }\n', ''],
      '  claim:',
      'entities.claim lacks the action processed',
    ],
    [
      'a writer that is nobody',
      ['[provider]', '[insurer]'],
      '[insurer]',
      'entities.policy.updated.writers.0 must be eassurance or provider',
    ],
    [
      "a writer id that isn't the provider's",
      ['writerIds: [trust]', 'writerIds: [saa]'],
      'writerIds: [saa]\n    shareVerifications: false',
      'providers.trust.writerIds.0 is "saa"',
    ],
    [
      'a Kafka user of two providers',
      ['user: trust', 'user: saa'],
      'user: saa\n    writerIds: [trust]',
      'providers.trust.user is the Kafka user of another provider',
    ],
    [
      'a collection that no kind serves',
      ['collections: [constats]', 'collections: [boats]'],
      'collections: [boats]',
      'providers.saa.pull.collections.0 is "boats"',
    ],
    [
      'more in-sync replicas than replicas',
      ['minInsyncReplicas: 1', 'minInsyncReplicas: 2'],
      'defaults:',
      'defaults asks for more in-sync replicas',
    ],
    [
      'a missing name',
      ['    name: Trust Algeria Assurances\n', ''],
      '  trust:',
      'providers.trust.name must be the name',
    ],
    [
      'a provider that is there twice',
      ['  trust:\n', '  saa:\n'],
      '  saa:\n    name: Trust',
      'Map keys must be unique',
    ],
    [
      'a shared event of no kind',
      ['  vehicle:\n    verified: {}', '  vehicle:\n    stolen: {}'],
      'stolen: {}',
      'shared.vehicle.stolen is no event',
    ],
  ];
  it.each(faults)('is refused with file, line and path: %s', async (_story, [from, to], at, said) => {
    const { deps } = await setup((content) => content.replace(from, to));
    const content = await readFile(deps.topicsFile, 'utf8');
    const line = content.slice(0, content.indexOf(at)).split('\n').length;
    expect(await refusal(deps)).toContain(`${deps.topicsFile}:${line}: ${said}`);
  });

  it('is refused with all of its faults at once', async () => {
    const { deps } = await setup((content) =>
      content.replace('user: trust', 'user: saa').replace('  policy:\n', '  boat:\n'),
    );
    const message = await refusal(deps);
    expect(message).toContain('entities.boat');
    expect(message).toContain('providers.trust.user');
  });

  it('is refused when the contract of a kind is missing', async () => {
    const { deps } = await setup();
    const shapeOf = (record: string) => {
      throw new PermanentError('UNKNOWN_RECORD', `${record} is in no schema`);
    };
    expect(await refusal({ ...deps, shapeOf })).toContain(
      'entities.constat has no usable contract: dz.eassurance',
    );
  });

  it('is named when it is absent', async () => {
    const { deps } = await setup();
    expect(await refusal({ ...deps, topicsFile: '/nowhere/topics.yaml' })).toContain('/nowhere/topics.yaml');
  });
});

describe('the kinds', () => {
  it.each([
    ['has another name than its folder', { boat: kindSources.policy }, 'name it like its folder, "boat"'],
    [
      'has the collection of another kind',
      { ...kindSources, boat: kindSource('boat', 'claims', {}) },
      'which the kind boat already has',
    ],
    ['exports nothing', { ...kindSources, boat: 'export {};' }, 'must export a KindDefinition'],
  ])('are refused when one %s', async (_story, sources, said) => {
    const { deps } = await setup(undefined, sources);
    expect(await refusal(deps)).toContain(said);
  });
});
