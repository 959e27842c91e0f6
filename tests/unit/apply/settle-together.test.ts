import { randomUUID } from 'node:crypto';
import { expect, it } from 'vitest';
import type { Arrival } from '../../../src/apply/apply-batch.ts';
import type { TopicFuse } from '../../../src/apply/apply-in-turn.ts';
import { settleTogether } from '../../../src/apply/settle-together.ts';
import { MovedError, TransientError } from '../../../src/domain/errors.ts';
import { constatState } from '../domain/setup.ts';
import { CREATED, setup as setupApply } from './setup.ts';

const TOPICS = [CREATED, 'trust-constat.created'];

const turn = () => new Promise((resolve) => setImmediate(resolve));

/** Batches are held back until all of them wait, so that those behind the first share a transaction. */
function setup() {
  const apply = setupApply();
  const { store, deps, arrival } = apply;
  const { transaction } = store;
  const transactions: (string | null)[] = [];
  /** By the number of the transaction. */
  const failures = new Map<number, Error>();
  const passed: [topic: string, signs: number][] = [];
  const decoded: number[] = [];
  store.transaction = async (work) => {
    const failure = failures.get(transactions.length);
    transactions.push(failure?.message ?? null);
    if (failure) throw failure;
    return transaction(work);
  };
  const fuseOf = (topic: string): TopicFuse => ({
    takeTurn: async () => () => {},
    judge: (signs) => ({ settles: signs.length, blown: null }),
    passed: (signs) => void passed.push([topic, signs.length]),
    blew: () => {},
  });
  const settle = settleTogether({
    ...deps,
    ...{ fuseOf, lanes: 1, maxBytes: 1_000, before: async () => {} },
    allottedWriterIds: (provider) => [provider],
  });

  /** A constat of its own, unless the arrivals are given. */
  const batch = (
    partition: number,
    {
      topic = CREATED,
      alone = false,
      expected = null as bigint | null,
      arrivals = null as Arrival[] | null,
      until = Promise.resolve(),
    } = {},
  ) =>
    settle({
      ...{ topic, alone, bytes: 100 },
      decode: async () => {
        decoded.push(partition);
        await until;
        const [providerId] = topic.split('-') as [string];
        const constatId = randomUUID();
        const state = constatState({ constatId, providerId, createdBy: providerId });
        const meta = { providerId, origin: providerId };
        arrivals ??= [await arrival(topic, state, { [providerId]: 1 }, meta)];
        const next = BigInt(arrivals.length) + (expected ?? 0n);
        return { arrivals, position: { topic, partition, topicId: 'T', expected, next } };
      },
    });
  /** The first takes the lane; the others wait and are settled behind it. */
  const behindAnother = async (start: () => readonly Promise<unknown>[]) => {
    const gate = Promise.withResolvers<void>();
    const first = batch(99, { until: gate.promise });
    await turn();
    const others = start();
    await turn();
    gate.resolve();
    await first;
    return Promise.allSettled(others);
  };
  const bad = (): Arrival => ({
    ...{ readable: false, source: 'topic', topic: CREATED, partition: 0, offset: 0n, key: null },
    ...{ value: Buffer.from('bad'), headers: {}, code: 'UNDECODABLE', cause: 'No event.', schemaId: null },
  });
  return { ...apply, batch, behindAnother, transactions, failures, passed, decoded, bad };
}

const outcomes = (results: readonly PromiseSettledResult<unknown>[]) =>
  results.map((result) =>
    result.status === 'rejected'
      ? (result.reason as Error).message
      : (result.value as readonly { readonly outcome: string }[]).map(({ outcome }) => outcome).join(),
  );

it('Batches that wait share one transaction, and each gets its own outcomes, position and signs', async () => {
  const { batch, behindAnother, transactions, store, passed } = setup();
  const results = await behindAnother(() => [batch(0), batch(1), batch(2, { topic: TOPICS[1]! })]);
  expect(outcomes(results)).toEqual(['applied', 'applied', 'applied']);
  expect(transactions).toEqual([null, null]);
  expect(store.tables().events).toHaveLength(4);
  expect(await store.readPositions(TOPICS)).toMatchObject([
    { topic: CREATED, partition: 99, next: 1n },
    { topic: CREATED, partition: 0, next: 1n },
    { topic: CREATED, partition: 1, next: 1n },
    { topic: TOPICS[1], partition: 2, next: 1n },
  ]);
  expect(passed.slice(1)).toEqual([
    [CREATED, 1],
    [CREATED, 1],
    [TOPICS[1], 1],
  ]);
});

it('The same event in two partitions is applied once', async () => {
  const { batch, behindAnother, arrival, store } = setup();
  const event = await arrival(CREATED, constatState({ createdBy: 'saa' }), { saa: 1 });
  const results = await behindAnother(() => [
    batch(0, { arrivals: [event] }),
    batch(1, { arrivals: [{ ...event, partition: 1 }] }),
  ]);
  expect(outcomes(results)).toEqual(['applied', 'duplicate']);
  expect(store.tables().events).toHaveLength(2);
});

it('A partition that was taken away keeps no other from being settled, and writes nothing', async () => {
  const { batch, behindAnother, store } = setup();
  const results = await behindAnother(() => [batch(0), batch(1, { expected: 7n }), batch(2)]);
  expect(outcomes(results)).toMatchObject(['applied', expect.stringContaining('has moved'), 'applied']);
  expect(results[1]).toMatchObject({ reason: expect.any(MovedError) as unknown });
  expect(store.tables().events).toHaveLength(3);
  expect(await store.readPosition(CREATED, 1)).toBeNull();
});

it('Bad records go into quarantine, past the fuse of their topic, and their neighbours are settled', async () => {
  const { batch, behindAnother, store, bad, transactions } = setup();
  const results = await behindAnother(() => [batch(0), batch(1, { arrivals: [bad()] }), batch(2)]);
  expect(outcomes(results)).toEqual(['applied', 'quarantined', 'applied']);
  // The first, the neighbours, and the bad one: none is begun in vain.
  expect(transactions).toHaveLength(3);
  expect(store.tables()).toMatchObject({ events: [{}, {}, {}], quarantined: [{}] });
  expect(await store.readPosition(CREATED, 1)).toMatchObject({ next: 1n });
});

it('A bug that one of them meets is its own failure alone', async () => {
  const { batch, behindAnother, store } = setup();
  const broken = [{ readable: true, topic: CREATED } as Arrival];
  const results = await behindAnother(() => [batch(0), batch(1, { arrivals: broken }), batch(2)]);
  expect(outcomes(results)).toMatchObject(['applied', expect.stringContaining('undefined'), 'applied']);
  expect(await store.readPosition(CREATED, 1)).toBeNull();
  expect(store.tables().events).toHaveLength(3);
});

it('While the database is away all are told so at once, and nobody is tried one by one', async () => {
  const { batch, behindAnother, failures, transactions } = setup();
  const away = new TransientError('DATABASE_UNAVAILABLE', 'away');
  failures.set(1, away);
  const results = await behindAnother(() => [batch(0), batch(1)]);
  expect(outcomes(results)).toEqual(['away', 'away']);
  expect(transactions).toEqual([null, 'away']);
});

it('One that failed before is settled alone', async () => {
  const { batch, behindAnother, transactions } = setup();
  const results = await behindAnother(() => [batch(0, { alone: true }), batch(1), batch(2)]);
  expect(outcomes(results)).toEqual(['applied', 'applied', 'applied']);
  expect(transactions).toHaveLength(3);
});

it('Nothing is decoded before its turn', async () => {
  const { batch, decoded } = setup();
  const gate = Promise.withResolvers<void>();
  const first = batch(0, { until: gate.promise });
  await turn();
  const second = batch(1);
  await turn();
  expect(decoded).toEqual([0]);
  gate.resolve();
  await Promise.all([first, second]);
  expect(decoded).toEqual([0, 1]);
});
