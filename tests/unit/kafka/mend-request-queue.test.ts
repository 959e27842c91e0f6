import { createRequire } from 'node:module';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { mendRequestQueue } from '../../../src/kafka/mend-request-queue.ts';

const RequestQueue = createRequire(import.meta.url)('kafkajs/src/network/requestQueue/index.js') as new (
  options: object,
) => {
  throttledUntil: number;
  pending: { length: number };
  push(request: object): void;
  fulfillRequest(response: object): void;
  destroy(): void;
};
const logger = { debug: () => {}, warn: () => {} };

function setup() {
  mendRequestQueue();
  const queue = new RequestQueue({
    maxInFlightRequests: null,
    requestTimeout: 1_000,
    enforceRequestTimeout: false,
    clientId: 'c',
    broker: 'b',
    logger,
  });
  const sent: number[] = [];
  const push = (correlationId: number) =>
    queue.push({
      entry: { correlationId, resolve: () => {}, reject: () => {} },
      expectResponse: true,
      sendRequest: () => sent.push(correlationId),
    });
  return { queue, push, sent };
}

describe('mendRequestQueue', () => {
  beforeEach(() => vi.useFakeTimers());
  afterEach(() => vi.useRealTimers());

  it('arms no timer while nothing waits', () => {
    const { queue, push, sent } = setup();
    push(1);
    queue.fulfillRequest({ correlationId: 1, payload: {}, size: 0 });
    expect(sent).toEqual([1]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('still sends a throttled request once the throttling is over', () => {
    const { queue, push, sent } = setup();
    queue.throttledUntil = Date.now() + 500;
    push(1);
    vi.advanceTimersByTime(490);
    expect(sent).toEqual([]);
    vi.advanceTimersByTime(20);
    expect(sent).toEqual([1]);
    expect(vi.getTimerCount()).toBe(0);
  });
});
