import { expect, test } from 'vitest';
import type { CreateEdit } from '../../../src/apply/edit.ts';
import { TransientError } from '../../../src/domain/errors.ts';
import type { StoreTransaction, WritePlan } from '../../../src/ports.ts';
import { constatState } from '../domain/setup.ts';
import { AUTHOR, constat, setup } from './setup.ts';

/** Edits whose transactions can be watched, and broken: `atWrite` runs before each write, `atCommit` once `work` is done. */
function bed() {
  const made = setup();
  const tried: WritePlan[] = [];
  const hooks = {
    atWrite: async (_plan: WritePlan, _lockWaitMs?: number) => {},
    atCommit: async () => {},
  };
  const { transaction } = made.store;
  made.store.transaction = (work, options) =>
    transaction(async (tx) => {
      const write: StoreTransaction['write'] = async (plan) => {
        tried.push(plan);
        await hooks.atWrite(plan, options?.lockWaitMs);
        await tx.write(plan);
      };
      const result = await work({ ...tx, write });
      await hooks.atCommit();
      return result;
    });
  const { constatId: _id, ...state } = constatState();
  const create = (more: Partial<CreateEdit> = {}) =>
    made.edits.create({ kind: constat, provider: 'saa', state, context: AUTHOR, idempotency: null, ...more });
  const keyed = (key: string, requestDigest = 'd') =>
    create({ idempotency: { key, apiKeyId: 'a', requestDigest } });
  const opened = async (count: number) => {
    const results = await Promise.all(Array.from({ length: count }, () => create()));
    return results.map((result) => (result.status === 'created' ? result.entity.id : ''));
  };
  const patch = (id: string, statusReason: string, revision = 1) =>
    made.patch(id, { statusReason }, { mode: 'exact', revision: { eassurance: revision } });
  return { ...made, hooks, tried, create, keyed, opened, patch };
}
const statuses = (results: readonly { readonly status: string }[]) => results.map(({ status }) => status);

test('Edits that come at the same time share a transaction, each with all its rows', async () => {
  const { create, tried, store, woken } = bed();
  const results = await Promise.all(Array.from({ length: 12 }, () => create()));
  expect(statuses(results)).toEqual(Array(12).fill('created'));
  expect(tried.map(({ entities }) => entities.length)).toEqual([12]);
  const { entities, events, outbox } = store.tables();
  expect([entities.size, events.length, outbox.length, woken.length]).toEqual([12, 12, 12, 12]);
});

test('Two edits of one entity never share a transaction, and one of them is told that it moved', async () => {
  const { opened, patch, tried, stored } = bed();
  const [busy, other, contested] = await opened(3);
  tried.length = 0;
  const results = await Promise.all([
    patch(busy!, 'first lane'),
    patch(other!, 'second lane'),
    patch(contested!, 'one'),
    patch(contested!, 'two'),
  ]);
  expect(statuses(results).toSorted()).toEqual(['moved', 'updated', 'updated', 'updated']);
  for (const { entities } of tried)
    expect(new Set(entities.map(({ entity }) => entity.id)).size).toBe(entities.length);
  expect((await stored(contested!)).revision).toEqual({ eassurance: 2 });
});

test('One request that arrives often at once opens one constat, whatever is tried beside it', async () => {
  const { keyed, store } = bed();
  const results = await Promise.all(['x', 'same', 'y', 'same', 'z', 'same', 'same'].map((key) => keyed(key)));
  expect(statuses(results).toSorted()).toEqual([...Array(4).fill('created'), ...Array(3).fill('repeated')]);
  expect(store.tables().entities.size).toBe(4);
  expect(store.tables().idempotency).toHaveLength(4);
});

test('A repeated request among new ones is answered as before, and holds none of them up', async () => {
  const { keyed, tried, store } = bed();
  await keyed('old');
  tried.length = 0;
  const results = await Promise.all(['a', 'b', 'c', 'old', 'd'].map((key) => keyed(key)));
  expect(statuses(results)).toEqual(['created', 'created', 'created', 'repeated', 'created']);
  expect(tried.map(({ entities }) => entities.length)).toEqual([4]);
  expect(store.tables().entities.size).toBe(5);
  expect(await keyed('old', 'another body')).toEqual({ status: 'key-reused' });
});

test('An edit whose entity moves meanwhile is judged again by itself; those beside it are written', async () => {
  const { opened, patch, hooks, tried, apply, arrival, stored } = bed();
  const ids = await opened(5);
  const moving = ids[4]!;
  const { state } = await stored(moving);
  const theirs = await arrival(
    'saa-constat.updated',
    { ...state, channel: 'PAPER' },
    { eassurance: 1, saa: 1 },
  );
  hooks.atWrite = async ({ entities }) => {
    if (!entities.some(({ entity }) => entity.id === moving)) return;
    hooks.atWrite = async () => {};
    await apply([theirs]);
  };
  tried.length = 0;
  const results = await Promise.all(ids.map((id) => patch(id, 'Lu')));
  expect(statuses(results)).toEqual(['updated', 'updated', 'updated', 'updated', 'moved']);
  for (const id of ids.slice(0, 4)) expect((await stored(id)).state).toMatchObject({ statusReason: 'Lu' });
  expect(await stored(moving)).toMatchObject({ revision: { eassurance: 1, saa: 1 } });
});

test('A commit that nobody knows the end of is not tried again: its edits may be durable', async () => {
  const { opened, patch, hooks, tried } = bed();
  const ids = await opened(4);
  tried.length = 0;
  hooks.atCommit = () => Promise.reject(new TransientError('DATABASE_TIMEOUT', 'the connection was lost'));
  const results = await Promise.allSettled(ids.map((id) => patch(id, 'Lu')));
  expect(results.map(({ status }) => status)).toEqual(Array(4).fill('rejected'));
  expect(tried.map(({ entities }) => entities.length)).toEqual([4]);
});

test('A database that is away is everyone’s failure, told at once', async () => {
  const { create, hooks, tried } = bed();
  hooks.atWrite = () => Promise.reject(new TransientError('DATABASE_UNAVAILABLE', 'away'));
  const results = await Promise.allSettled(Array.from({ length: 6 }, () => create()));
  expect(results.map(({ status }) => status)).toEqual(Array(6).fill('rejected'));
  expect(tried.map(({ entities }) => entities.length)).toEqual([6]);
});

test('What is refused to one insurer’s edits alone is refused to those alone', async () => {
  const { create, hooks, store } = bed();
  hooks.atWrite = async ({ outbox }) => {
    if (outbox.some(({ shard }) => shard === 'trust')) throw new TransientError('OUTBOX_FULL', 'full');
  };
  const results = await Promise.allSettled(
    ['saa', 'saa', 'saa', 'trust', 'saa'].map((provider) => create({ provider })),
  );
  expect(results.map(({ status }) => status)).toEqual([
    'fulfilled',
    'fulfilled',
    'fulfilled',
    'rejected',
    'fulfilled',
  ]);
  expect(store.tables().entities.size).toBe(4);
});

test('A row that is locked for long keeps only its own edit waiting', async () => {
  const { opened, patch, hooks } = bed();
  const ids = await opened(5);
  const locked = ids.slice(0, 2);
  const unlocked = Promise.withResolvers<void>();
  hooks.atWrite = async ({ entities }, lockWaitMs) => {
    if (!entities.some(({ entity }) => locked.includes(entity.id))) return;
    if (lockWaitMs !== undefined) throw new TransientError('DATABASE_TIMEOUT', 'lock timeout');
    await unlocked.promise;
  };
  const all = ids.map((id) => patch(id, 'Lu'));
  expect(statuses(await Promise.all(all.slice(2)))).toEqual(['updated', 'updated', 'updated']);
  unlocked.resolve();
  expect(statuses(await Promise.all(all.slice(0, 2)))).toEqual(['updated', 'updated']);
});
