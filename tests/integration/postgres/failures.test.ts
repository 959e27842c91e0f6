import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type pg from 'pg';
import { MovedError, TransientError } from '../../../src/domain/errors.ts';
import type { Revision } from '../../../src/domain/revision.ts';
import { startPostgres } from '../../../src/embedded/start-postgres.ts';
import { createPostgresHealthCheck } from '../../../src/postgres/check-health.ts';
import { createPool } from '../../../src/postgres/create-pool.ts';
import { createPrisma } from '../../../src/postgres/create-prisma.ts';
import { createPullCursorTable } from '../../../src/postgres/create-pull-cursor-table.ts';
import { createStore } from '../../../src/postgres/create-store.ts';
import { applyPlanOf, emptyPlan, eventAt, newId, parcel, writeOf } from '../../contract/toy-kind.ts';
import { startTcpProxy } from '../../support/tcp-proxy.ts';
import { setupPostgres } from './setup-postgres.ts';

const fixture = setupPostgres();

const transient = (code: string) => (error: unknown) =>
  error instanceof TransientError && error.code === code;
const failure = (work: Promise<unknown>) =>
  work.then(
    () => 'no failure',
    (error: unknown) => error,
  );

/** Statements that wait for a lock. */
async function waitingFor(pool: pg.Pool): Promise<number> {
  const { rows } = await pool.query<{ waiting: number }>(
    `select count(*)::int as waiting from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
  );
  return rows[0]!.waiting;
}

async function startOwnServer() {
  const dir = await mkdtemp(join(tmpdir(), 'bridge-postgres-'));
  const dataDir = join(dir, 'data');
  const password = "p@ss/ w'rd";
  let server = await startPostgres({ dataDir, password });
  onTestFinished(async () => {
    await server.stop();
    await rm(dir, { recursive: true, force: true });
  });
  const { url, port } = server;
  const restart = async () => {
    server = await startPostgres({ dataDir, port, password });
  };
  return { dataDir, url, port, password, stop: () => server.stop(), restart };
}

describe('a database that fails', () => {
  it('is away while its server is stopped, for the store, Prisma and the health check, and back after it', async () => {
    const server = await startOwnServer();
    const lost: Error[] = [];
    const pool = createPool({ databaseUrl: server.url, onError: (error) => lost.push(error) });
    onTestFinished(() => pool.end());
    const store = createStore({ pool });
    const cursors = createPullCursorTable({ prisma: createPrisma(pool) });
    const checkHealth = createPostgresHealthCheck({ pool });
    await pool.query('select 1');
    expect(await checkHealth()).toMatchObject({ name: 'postgres', status: 'up' });

    await server.stop();
    expect(await failure(store.readPosition('t', 0))).toSatisfy(transient('DATABASE_UNAVAILABLE'));
    expect(await failure(store.transaction(async () => {}))).toSatisfy(transient('DATABASE_UNAVAILABLE'));
    expect(await failure(cursors.read('saa', 'constats'))).toSatisfy(transient('DATABASE_UNAVAILABLE'));
    expect(await checkHealth()).toMatchObject({ status: 'down' });
    expect((await checkHealth()).detail).not.toContain(server.password);
    expect(lost.length).toBeGreaterThan(0);

    await server.restart();
    expect(await checkHealth()).toMatchObject({ status: 'up' });
    await expect(store.transaction(async () => 'back')).resolves.toBe('back');
  });

  it('is given up once, after its time, when it falls silent in a transaction; the next one is another connection', async () => {
    const { hostname, port } = new URL(fixture.url);
    const network = await startTcpProxy({ host: hostname, port: Number(port) });
    onTestFinished(() => network.close());
    const url = new URL(fixture.url);
    url.host = `127.0.0.1:${network.port}`;
    const statementTimeoutMs = 1_000;
    const pool = createPool({ databaseUrl: url.href, statementTimeoutMs, onError: () => {} });
    onTestFinished(() => pool.end());
    const store = createStore({ pool });
    const startedAt = performance.now();
    const work = store.transaction(async (tx) => {
      network.forget();
      await tx.readEvents([newId()]);
    });
    expect(await failure(work)).toSatisfy(transient('DATABASE_TIMEOUT'));
    expect(performance.now() - startedAt).toBeLessThan(2 * statementTimeoutMs);
    await expect(store.transaction(async () => 'back')).resolves.toBe('back');
  });

  it('writes nothing when the connection is lost between two statements of a transaction', async () => {
    const { store, pool, errors } = fixture;
    const event = eventAt(newId(), { saa: 1 });
    const work = store.transaction(async (tx) => {
      await tx.write(applyPlanOf(event, null));
      const before = errors.length;
      await pool.query(
        `select pg_terminate_backend(pid) from pg_stat_activity
          where datname = current_database() and state = 'idle in transaction'`,
      );
      await expect.poll(() => errors.length).toBeGreaterThan(before);
      await tx.readEntities(parcel, [event.entityId]);
    });
    expect(await failure(work)).toSatisfy(transient('DATABASE_UNAVAILABLE'));
    const found = await store.transaction((tx) => tx.readEvents([event.eventId]));
    expect(found.size).toBe(0);
  });

  it('is not led into a deadlock by two transactions that name the same entities in other orders', async () => {
    const { store, pool } = fixture;
    const [low, high] = [newId(), newId()].sort() as [string, string];
    const plan = (ids: string[], revision: Revision, expected: Revision | null) => {
      const events = ids.map((id) => eventAt(id, revision));
      return { ...emptyPlan, events, entities: events.map((event) => writeOf(event, expected)) };
    };
    await store.transaction((tx) => tx.write(plan([low, high], { saa: 1 }, null)));
    let second: Promise<unknown> | undefined;
    await store.transaction(async (tx) => {
      await tx.write(plan([low], { saa: 2 }, { saa: 1 }));
      second = failure(store.transaction((other) => other.write(plan([high, low], { saa: 3 }, { saa: 1 }))));
      await expect.poll(() => waitingFor(pool)).toBe(1);
      await tx.write(plan([high], { saa: 2 }, { saa: 1 }));
    });
    expect(await second).toBeInstanceOf(MovedError);
  });

  it('is told apart when it takes no writes', async () => {
    const database = new URL(fixture.url).pathname.slice(1);
    await fixture.pool.query(`alter database ${database} set default_transaction_read_only = on`);
    const readOnly = createPool({ databaseUrl: fixture.url, onError: () => {} });
    onTestFinished(async () => {
      await fixture.pool.query(`alter database ${database} reset default_transaction_read_only`);
      await readOnly.end();
    });
    const position = { topic: newId(), partition: 0, topicId: 'a', expected: null, next: 1n };
    // What is sent behind the statement that the server refuses fails, too, and for another reason.
    const event = eventAt(newId(), { saa: 1 });
    const several = {
      ...applyPlanOf(event, null),
      outbox: [{ eventId: event.eventId, shard: 'saa', traceparent: null }],
    };
    for (const plan of [{ ...emptyPlan, positions: [position] }, several]) {
      const write = createStore({ pool: readOnly }).transaction((tx) => tx.write(plan));
      expect(await failure(write)).toSatisfy(transient('DATABASE_READ_ONLY'));
    }
  });

  it('is never blamed for a bug of ours', async () => {
    const { store } = fixture;
    const bug = new TypeError('ours');
    expect(await failure(store.transaction(() => Promise.reject(bug)))).toBe(bug);
    const unknownTable = { ...parcel, name: 'nowhere' };
    const error = await failure(store.transaction((tx) => tx.readEntities(unknownTable, [newId()])));
    expect(error).not.toBeInstanceOf(TransientError);
    expect(error).toMatchObject({ code: '42P01' });
  });

  it('is not trusted with a transaction whose failed statement was ignored', async () => {
    const { store } = fixture;
    const event = eventAt(newId(), { saa: 1 });
    const work = store.transaction(async (tx) => {
      await tx.write(applyPlanOf(event, null));
      await tx.readEntities({ ...parcel, name: 'nowhere' }, [newId()]).catch(() => {});
    });
    expect(await failure(work)).toHaveProperty('message', expect.stringContaining('rolled back'));
  });
});

describe('the embedded server', () => {
  it('keeps its data over a restart, listens on this machine alone, and asks for its password', async () => {
    const server = await startOwnServer();
    const pool = createPool({ databaseUrl: server.url, onError: () => {} });
    onTestFinished(() => pool.end());
    await pool.query('create table kept (id int)');
    const { rows } = await pool.query<{ name: string; setting: string }>(
      `select name, setting from pg_settings
        where name in ('fsync', 'full_page_writes', 'listen_addresses', 'password_encryption', 'synchronous_commit')
        order by name`,
    );
    expect(Object.fromEntries(rows.map(({ name, setting }) => [name, setting]))).toEqual({
      fsync: 'on',
      full_page_writes: 'on',
      listen_addresses: '127.0.0.1',
      password_encryption: 'scram-sha-256',
      synchronous_commit: 'on',
    });
    await server.stop();
    await server.restart();
    await expect(pool.query('select * from kept')).resolves.toMatchObject({ rowCount: 0 });

    const { dataDir, port, password } = server;
    await expect(startPostgres({ dataDir, password })).rejects.toThrow('in use by another PostgreSQL');
    const elsewhere = await mkdtemp(join(tmpdir(), 'bridge-postgres-'));
    onTestFinished(() => rm(elsewhere, { recursive: true, force: true }));
    await expect(startPostgres({ dataDir: join(elsewhere, 'data'), port, password })).rejects.toThrow(
      `port ${port} is taken`,
    );
    await server.stop();
    await expect(startPostgres({ dataDir, password: 'another' })).rejects.toThrow('not the one');
    await expect(startPostgres({ dataDir: elsewhere, password })).rejects.toThrow('holds other files');
  });
});
