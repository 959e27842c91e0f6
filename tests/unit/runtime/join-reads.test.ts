import { expect, test } from 'vitest';
import { TransientError } from '../../../src/domain/errors.ts';
import { joinReads } from '../../../src/runtime/join-reads.ts';

/** A table whose reads see what it held when they began, and answer when they are let go. */
function setup(fault: (keys: readonly string[]) => Error | null = () => null) {
  const table = new Map<string, string>();
  const calls: { readonly keys: readonly string[]; readonly end: PromiseWithResolvers<void> }[] = [];
  const find = joinReads(async (keys) => {
    const seen = new Map(table);
    const end = Promise.withResolvers<void>();
    calls.push({ keys, end });
    await end.promise;
    const failed = fault(keys);
    if (failed) throw failed;
    return seen;
  });
  /** Lets every call go, also those that are yet to come, until `all` have their answers. */
  const letGo = async <T>(all: readonly Promise<T>[]) => {
    const settled = Promise.allSettled(all);
    let over = false;
    void settled.then(() => (over = true));
    for (let i = 0; !over; await new Promise(setImmediate))
      while (i < calls.length) calls[i++]!.end.resolve();
    return settled;
  };
  return { table, calls, find, letGo, keysOf: () => calls.map(({ keys }) => keys) };
}

/** A read for each lane, both under way. */
async function bothTaken<T>(find: (key: string) => Promise<T>): Promise<Promise<T>[]> {
  const reads: Promise<T>[] = [];
  for (const key of ['a', 'b']) {
    reads.push(find(key));
    await new Promise(setImmediate);
  }
  return reads;
}

test('Reads that come while two calls run share the third, each key once', async () => {
  const { find, letGo, keysOf } = setup();
  const all = [...(await bothTaken(find)), ...['c', 'd', 'c'].map(find)];
  expect(keysOf()).toEqual([['a'], ['b']]);
  await letGo(all);
  expect(keysOf()).toEqual([['a'], ['b'], ['c', 'd']]);
});

test('Each read sees what was committed before it was asked for, though calls were under way', async () => {
  const { table, find, letGo } = setup();
  table.set('a', 'live').set('b', 'live');
  const before = await bothTaken(find);
  table.clear();
  const after = find('a');
  table.set('b', 'made anew');
  const last = find('b');

  const answers = await letGo([...before, after, last]);
  const values = answers.map((answer) => (answer.status === 'fulfilled' ? answer.value : answer.reason));
  expect(values).toEqual(['live', 'live', null, 'made anew']);
});

test('A key that is not found is null', async () => {
  const { find, letGo } = setup();
  expect(await letGo([find('nobody')])).toEqual([{ status: 'fulfilled', value: null }]);
});

test('While the server is away all that share a call are told so, and none asks again', async () => {
  const { find, letGo, keysOf } = setup(() => new TransientError('DATABASE_UNAVAILABLE', 'away'));
  const answers = await letGo(['a', 'b', 'c'].map(find));
  expect(answers.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
  expect(keysOf()).toEqual([['a', 'b', 'c']]);
});

test('What cannot be read fails alone', async () => {
  const { find, letGo } = setup((keys) => (keys.includes('bad') ? new Error('bad row') : null));
  const answers = await letGo(['a', 'b', 'bad', 'd'].map(find));
  expect(answers.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled']);
});
