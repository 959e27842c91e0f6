import { expect, it } from 'vitest';
import type { Consumer } from 'kafkajs';
import { trackBacklog } from '../../../src/kafka/track-backlog.ts';

/** A consumer whose fetches are told by hand. */
function setup() {
  const listeners: Record<string, (event: { payload: { nodeId: number } }) => void> = {};
  const events = { FETCH_START: 'asks', FETCH: 'answered' };
  const on = (name: string, listener: (typeof listeners)[string]) => (listeners[name] = listener);
  const { start } = trackBacklog({ events, on } as unknown as Consumer);
  const fetch = (nodeId: number, meanwhile = () => {}) => {
    listeners['asks']!({ payload: { nodeId } });
    meanwhile();
    listeners['answered']!({ payload: { nodeId } });
  };
  /** Whether the batch is told that others wait. */
  const isTold = async ({ othersWait }: ReturnType<typeof start>) => {
    const untold = new Promise<false>((resolve) => setImmediate(resolve, false));
    return Promise.race([othersWait.then(() => true), untold]);
  };
  return { start, fetch, isTold };
}

it('a batch is told once as many partitions wait as are in work', async () => {
  const { start, fetch, isTold } = setup();
  fetch(1);
  const [first, second, third, fourth] = [start('a'), start('b'), start('c'), start('d')];
  third.done(true);
  expect(await isTold(first)).toBe(false);
  fourth.done(true);
  expect([await isTold(first), await isTold(second)]).toEqual([true, true]);
});

it('a partition without more says nothing', async () => {
  const { start, fetch, isTold } = setup();
  fetch(1);
  const [first, second] = [start('a'), start('b')];
  second.done(false);
  expect(await isTold(first)).toBe(false);
});

it('brokers are apart: a fetch of one is not answered by what another has', async () => {
  const { start, fetch, isTold } = setup();
  fetch(1);
  const first = start('a');
  fetch(2);
  const [second, third] = [start('b'), start('c')];
  third.done(true);
  expect([await isTold(first), await isTold(second)]).toEqual([false, true]);
});

it('what a fetch asked for is unknown once it is answered; what was done meanwhile it did not ask for', async () => {
  const { start, fetch, isTold } = setup();
  fetch(1);
  const [first, second, third] = [start('a'), start('b'), start('c')];
  third.done(true);
  fetch(1);
  second.done(false);
  expect(await isTold(first)).toBe(false);
  const fourth = start('d');
  fetch(1, () => fourth.done(true));
  expect(await isTold(first)).toBe(true);
});
