import { expect, test } from 'vitest';
import { allInOrder } from '../../../src/runtime/all-in-order.ts';

test('The results come in the order of the tasks', async () => {
  const late = Promise.resolve().then(() => 'late');
  expect(await allInOrder([late, Promise.resolve(2), 3])).toEqual(['late', 2, 3]);
});

test('Of several failures the first in order is thrown, though another came first, and after all have ended', async () => {
  const first = Promise.withResolvers<never>();
  const last = Promise.withResolvers<never>();
  let ended = false;
  const all = allInOrder([first.promise, Promise.reject(new Error('behind it')), last.promise]).finally(
    () => (ended = true),
  );
  first.reject(new Error('the cause'));
  await new Promise((resolve) => setImmediate(resolve));
  expect(ended).toBe(false);
  last.reject(new Error('last'));
  await expect(all).rejects.toThrow('the cause');
});
