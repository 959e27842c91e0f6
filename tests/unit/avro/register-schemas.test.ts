import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkRegistry } from '../../../src/avro/check-compatibility.ts';
import { createRegistryClient } from '../../../src/avro/create-registry-client.ts';
import { registerSchemas } from '../../../src/avro/register-schemas.ts';
import { startRegistryServer } from './registry-server.ts';
import type { RegistryServer } from './registry-server.ts';
import { contracts, routeOf } from './setup-codec.ts';

let server: RegistryServer;
beforeEach(async () => void (server = await startRegistryServer()));
afterEach(() => server.close());

const routes = [
  routeOf('saa', 'constat', 'created', 'ConstatCreated'),
  routeOf('trust', 'constat', 'created', 'ConstatCreated'),
  routeOf('saa', 'claim', 'created', 'ClaimCreated'),
];
const connect = (settings = {}) => createRegistryClient({ url: server.url, timeoutMs: 2000, ...settings });
const register = (registry = connect()) => registerSchemas({ contracts, routes, registry });

describe('registering', () => {
  it('gives every topic its id, one for the same schema, and asks for FULL_TRANSITIVE', async () => {
    const ids = await register();
    expect([...ids.keys()]).toEqual(routes.map(({ topic }) => topic));
    expect(ids.get('saa-constat.created')).toBe(ids.get('trust-constat.created'));
    expect(ids.get('saa-claim.created')).not.toBe(ids.get('saa-constat.created'));
    expect([...server.levels]).toEqual(
      expect.arrayContaining([['saa-constat.created-value', 'FULL_TRANSITIVE']]),
    );
  });

  it('again changes nothing', async () => {
    const first = await register();
    expect(await register()).toEqual(first);
  });

  it('of hundreds of topics asks for each once', async () => {
    const many = Array.from({ length: 300 }, (_, n) =>
      routeOf(`p${n}`, 'constat', 'created', 'ConstatCreated'),
    );
    await registerSchemas({ contracts, routes: many, registry: connect() });
    expect(server.requests.filter((request) => request.startsWith('POST'))).toHaveLength(300);
  });

  it('that the registry refuses throws SCHEMA_REFUSED with subject and reason, and stops', async () => {
    server.refuse('saa-constat.created-value', 'field place was removed');
    await expect(register()).rejects.toMatchObject({
      name: 'PermanentError',
      code: 'SCHEMA_REFUSED',
      message:
        'the schema registry refused while registering saa-constat.created-value: field place was removed',
    });
  });

  it('gives a new subject its compatibility before its first schema', async () => {
    await register();
    const subject = 'saa-claim.created-value';
    const writes = server.requests.filter(
      (request) => /^(PUT|POST)/.test(request) && request.includes(subject),
    );
    expect(writes).toEqual([`PUT /config/${subject}`, `POST /subjects/${subject}/versions`]);
  });

  it.each(['NONE', 'BACKWARD'])(
    'gives a subject that holds only our schema the compatibility that it lacks (%s)',
    async (level) => {
      const first = await register();
      server.levels.set('saa-claim.created-value', level);
      expect(await register()).toEqual(first);
      expect(server.levels.get('saa-claim.created-value')).toBe('FULL_TRANSITIVE');
    },
  );

  it("leaves alone the compatibility of a subject that holds somebody else's schema, and throws SCHEMA_REFUSED", async () => {
    const definition = JSON.stringify({ type: 'record', name: 'a.Other', fields: [] });
    await connect().register('saa-claim.created-value', definition);
    server.levels.set('saa-claim.created-value', 'NONE');
    await expect(register()).rejects.toMatchObject({
      code: 'SCHEMA_REFUSED',
      message: expect.stringMatching(
        /saa-claim.created-value.*compatibility is NONE: set it to FULL_TRANSITIVE/,
      ) as unknown,
    });
    expect(server.levels.get('saa-claim.created-value')).toBe('NONE');
  });

  it('with an unreachable registry is transient', async () => {
    await server.close();
    await expect(register()).rejects.toMatchObject({ name: 'TransientError', code: 'REGISTRY_UNAVAILABLE' });
  });

  it('uses the credentials it was given', async () => {
    const guarded = await startRegistryServer('hub:secret');
    try {
      const ids = await register(connect({ url: guarded.url, username: 'hub', password: 'secret' }));
      expect(ids.size).toBe(3);
      await expect(
        register(connect({ url: guarded.url, username: 'hub', password: 'wrong' })),
      ).rejects.toMatchObject({ code: 'REGISTRY_UNAUTHORISED' });
    } finally {
      await guarded.close();
    }
  });
});

describe('asking the registry beforehand', () => {
  it('finds nothing wrong with subjects that are new or compatible, and registers nothing', async () => {
    expect(await checkRegistry({ contracts, routes, registry: connect() })).toEqual([]);
    await register();
    const before = server.requests.filter((request) => request.startsWith('POST /subjects')).length;
    expect(await checkRegistry({ contracts, routes, registry: connect() })).toEqual([]);
    expect(server.requests.filter((request) => request.startsWith('POST /subjects'))).toHaveLength(before);
  });

  it('tells what it would refuse, and a compatibility that is not FULL_TRANSITIVE', async () => {
    await register();
    server.refuse('saa-claim.created-value', 'field amount changed');
    server.levels.set('trust-constat.created-value', 'BACKWARD');
    expect(await checkRegistry({ contracts, routes, registry: connect() })).toEqual([
      'the registry would refuse trust-constat.created-value: its compatibility is BACKWARD: set it to FULL_TRANSITIVE',
      'the registry would refuse saa-claim.created-value: field amount changed',
    ]);
  });
});
