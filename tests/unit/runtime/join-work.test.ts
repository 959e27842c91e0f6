import { expect, test } from 'vitest';
import { ALONE, joinWork } from '../../../src/runtime/join-work.ts';

/** Each call waits until it is let go. */
function createLane(maxWeight = 100, lanes = 1, fits?: (item: number, joined: readonly number[]) => boolean) {
  const calls: { readonly items: readonly number[]; readonly end: PromiseWithResolvers<void> }[] = [];
  const join = joinWork<number, string>({
    ...{ lanes, maxWeight, weigh: (item) => item, ...(fits && { fits }) },
    async settle(items) {
      const end = Promise.withResolvers<void>();
      calls.push({ items, end });
      await end.promise;
      return items.map((item) => `settled ${item}`);
    },
  });
  return { calls, join, itemsOf: () => calls.map(({ items }) => items) };
}

/** All that was handed over in this turn of the event loop has begun. */
const turn = () => new Promise((resolve) => setImmediate(resolve));

test('What finds a lane free begins at once, and what arrives meanwhile is settled together', async () => {
  const { calls, join, itemsOf } = createLane();
  const first = join(1);
  await turn();
  const others = [join(2), join(3), join(4)];
  await turn();
  expect(itemsOf()).toEqual([[1]]);

  calls[0]!.end.resolve();
  expect(await first).toBe('settled 1');
  expect(itemsOf()).toEqual([[1], [2, 3, 4]]);

  calls[1]!.end.resolve();
  expect(await Promise.all(others)).toEqual(['settled 2', 'settled 3', 'settled 4']);
});

test('What is handed over in the same turn begins together', async () => {
  const { join, itemsOf } = createLane();
  [1, 2, 3].forEach((item) => void join(item));
  await turn();
  expect(itemsOf()).toEqual([[1, 2, 3]]);
});

test('As many calls run at the same time as there are lanes', async () => {
  const { join, itemsOf } = createLane(100, 2);
  for (const item of [1, 2, 3]) {
    void join(item);
    await turn();
  }
  expect(itemsOf()).toEqual([[1], [2]]);
});

test('A call takes no more than its weight; what is too heavy waits, and what alone is heavier goes alone', async () => {
  const { calls, join, itemsOf } = createLane(10);
  const all = [6, 5, 30, 4].map((item) => join(item));
  await turn();
  for (const first of [0, 1, 2]) {
    calls[first]!.end.resolve();
    await all[first];
  }
  expect(itemsOf()).toEqual([[6, 4], [5], [30]]);
});

test('What does not fit to those before it goes with a later call', async () => {
  const { calls, join, itemsOf } = createLane(100, 1, (item, joined) => !joined.includes(item));
  [2, 2, 3].forEach((item) => void join(item));
  await turn();
  expect(itemsOf()).toEqual([[2, 3]]);
  calls[0]!.end.resolve();
});

test('What a call leaves out is settled by itself, before what waits', async () => {
  const calls: (readonly number[])[] = [];
  const join = joinWork<number, number>({
    ...{ lanes: 1, maxWeight: 100, weigh: () => 1 },
    async settle(items) {
      calls.push(items);
      if (calls.length === 1) void join(7);
      return items.map((item) => (item > 3 && items.length > 1 ? ALONE : 10 * item));
    },
  });
  expect(await Promise.all([1, 5, 2, 4].map(join))).toEqual([10, 50, 20, 40]);
  await turn();
  expect(calls).toEqual([[1, 5, 2, 4], [5], [4], [7]]);
});

test('What fails together is tried one by one, and each gets its own failure alone', async () => {
  const calls: (readonly number[])[] = [];
  const join = joinWork<number, number>({
    ...{ lanes: 1, maxWeight: 100, weigh: () => 1 },
    async settle(items) {
      calls.push(items);
      if (items.includes(3)) throw new Error('3 is bad');
      return items;
    },
  });
  const results = await Promise.allSettled([1, 2, 3, 4].map((item) => join(item)));
  expect(calls).toEqual([[1, 2, 3, 4], [1], [2], [3], [4]]);
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled']);

  expect(await join(5)).toBe(5);
});

test('What hangs when it is tried alone holds one lane, and its neighbours go on', async () => {
  const hanging = Promise.withResolvers<readonly number[]>();
  const join = joinWork<number, number>({
    ...{ lanes: 2, maxWeight: 100, weigh: () => 1 },
    async settle(items) {
      if (items.length > 1) throw new Error('a row is locked');
      return items[0] === 1 ? hanging.promise : items;
    },
  });
  const [first, ...others] = [1, 2, 3].map((item) => join(item));
  expect(await Promise.all(others)).toEqual([2, 3]);
  expect(await join(4)).toBe(4);
  hanging.resolve([1]);
  expect(await first).toBe(1);
});

test('What would fail alone, too, is tried together only, and all are told', async () => {
  const calls: (readonly number[])[] = [];
  const join = joinWork<number, number>({
    ...{ lanes: 1, maxWeight: 100, weigh: () => 1, isShared: () => true },
    async settle(items) {
      calls.push(items);
      throw new Error('away');
    },
  });
  const results = await Promise.allSettled([1, 2].map((item) => join(item)));
  expect(calls).toEqual([[1, 2]]);
  expect(results).toMatchObject([{ reason: { message: 'away' } }, { reason: { message: 'away' } }]);
});
