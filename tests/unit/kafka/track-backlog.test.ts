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
  /** Whether the batch is told that another partition waits. */
  const isTold = async ({ otherWaits }: ReturnType<typeof start>) => {
    const untold = new Promise<false>((resolve) => setImmediate(resolve, false));
    return Promise.race([otherWaits.then(() => true), untold]);
  };
  return { start, fetch, isTold };
}

it('a batch is told of another partition that has more, at once or when that one is done', async () => {
  const { start, fetch, isTold } = setup();
  fetch(1);
  const [first, second] = [start('a'), start('b')];
  expect(await isTold(first)).toBe(false);
  second.done(true);
  expect(await isTold(first)).toBe(true);
  expect(await isTold(start('c'))).toBe(true);
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
  start('b').done(true);
  expect(await isTold(first)).toBe(false);
  expect(await isTold(start('c'))).toBe(true);
});

it('what a fetch asked for is unknown once it is answered; what was done meanwhile it did not ask for', async () => {
  const { start, fetch, isTold } = setup();
  fetch(1);
  const [first, second] = [start('a'), start('b')];
  first.done(true);
  fetch(1);
  expect(await isTold(start('c'))).toBe(false);
  fetch(1, () => second.done(true));
  expect(await isTold(start('d'))).toBe(true);
});
