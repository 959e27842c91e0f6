import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { PermanentError, TransientError } from '../../../src/domain/errors.ts';
import { backoffMs, isWorthTelling } from '../../../src/runtime/backoff.ts';
import { retryTransient } from '../../../src/runtime/retry.ts';
import type { RetryOptions } from '../../../src/runtime/retry.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  expect(vi.getTimerCount(), 'timers left behind').toBe(0);
  vi.useRealTimers();
});

const away = (retryAfterMs?: number) =>
  new TransientError('AWAY', 'the other side is away', retryAfterMs === undefined ? {} : { retryAfterMs });

/** Work that fails with `failures` in turn and then succeeds; waits are recorded, and never random. */
function setup(failures: readonly Error[], extra: Partial<RetryOptions> = {}) {
  const stop = new AbortController();
  const waits: number[] = [];
  let calls = 0;
  const work = async () => {
    const failure = failures[calls++];
    if (failure !== undefined) throw failure;
    return 'done';
  };
  const options: RetryOptions = {
    signal: stop.signal,
    backoff: { minMs: 100, maxMs: 1_000, random: () => 0.999_999 },
    onWait: (_error, waitMs) => waits.push(waitMs),
    ...extra,
  };
  return { stop, waits, calls: () => calls, work, options };
}

describe('retryTransient', () => {
  it('waits ever longer, up to the limit, until the work succeeds', async () => {
    const { work, options, waits } = setup(Array.from({ length: 6 }, () => away()));
    const result = retryTransient(work, options);
    await vi.runAllTimersAsync();
    expect(await result).toBe('done');
    expect(waits).toEqual([100, 200, 400, 800, 1_000, 1_000]);
  });

  it('tries again within 1.5 s of a return, however long the outage was', async () => {
    const { backoff: _, ...options } = setup([]).options;
    const waits: number[] = [];
    const { work } = setup(Array.from({ length: 50 }, () => away()));
    const result = retryTransient(work, { ...options, onWait: (_error, waitMs) => waits.push(waitMs) });
    await vi.runAllTimersAsync();
    expect(await result).toBe('done');
    expect(Math.max(...waits)).toBeLessThanOrEqual(1_500);
    expect(waits[0]).toBeLessThanOrEqual(200);
  });

  it('waits as long as the other side asked', async () => {
    const { work, options, waits } = setup([away(7_000)]);
    const result = retryTransient(work, options);
    await vi.advanceTimersByTimeAsync(6_999);
    expect(waits).toEqual([7_000]);
    await vi.advanceTimersByTimeAsync(1);
    expect(await result).toBe('done');
  });

  it.each([new PermanentError('BAD', 'bad input'), new Error('a bug')])(
    'throws anything else on at once: %s',
    async (error) => {
      const { work, options, calls } = setup([error]);
      await expect(retryTransient(work, options)).rejects.toBe(error);
      expect(calls()).toBe(1);
    },
  );

  it('beats while it waits', async () => {
    const heartbeat = vi.fn(async () => undefined);
    const { work, options } = setup([away(10_000)], { heartbeat, heartbeatMs: 3_000 });
    const result = retryTransient(work, options);
    await vi.advanceTimersByTimeAsync(9_500);
    expect(heartbeat).toHaveBeenCalledTimes(3);
    await vi.advanceTimersByTimeAsync(500);
    expect(await result).toBe('done');
  });

  it('ends with what the heartbeat threw: the membership is gone', async () => {
    const gone = new Error('the membership is gone');
    const { work, options, calls } = setup([away(10_000)], {
      heartbeat: () => Promise.reject(gone),
      heartbeatMs: 1_000,
    });
    const result = expect(retryTransient(work, options)).rejects.toBe(gone);
    await vi.advanceTimersByTimeAsync(1_000);
    await result;
    expect(calls()).toBe(1);
  });

  it('stops waiting as soon as it is told to', async () => {
    const { work, options, stop, calls } = setup([away(60_000)]);
    const result = expect(retryTransient(work, options)).rejects.toBe('stop');
    await vi.advanceTimersByTimeAsync(1);
    stop.abort('stop');
    await result;
    expect(calls()).toBe(1);
  });

  it('starts nothing once it was told to stop', async () => {
    const { work, options, stop, calls } = setup([]);
    stop.abort('stop');
    await expect(retryTransient(work, options)).rejects.toBe('stop');
    expect(calls()).toBe(0);
  });

  it('returns a result that was under way when it was told to stop', async () => {
    const { options, stop } = setup([]);
    const underWay = Promise.withResolvers<string>();
    const result = retryTransient(() => underWay.promise, options);
    stop.abort('stop');
    underWay.resolve('committed');
    expect(await result).toBe('committed');
  });
});

describe('isWorthTelling', () => {
  it('tells the first failure and then ever fewer', () => {
    const told = Array.from({ length: 2_500 }, (_, i) => i + 1).filter(isWorthTelling);
    expect(told.slice(0, 4)).toEqual([1, 2, 4, 8]);
    expect(told.length).toBeLessThanOrEqual(12);
  });
});

describe('backoffMs', () => {
  it('stays between half and the whole of a doubling limit', () => {
    for (let attempt = 1; attempt <= 200; attempt++) {
      const ceiling = Math.min(5_000, 10 * 2 ** Math.min(attempt - 1, 20));
      for (const random of [0, 0.5, 0.999]) {
        const waitMs = backoffMs(attempt, { minMs: 10, maxMs: 5_000, random: () => random });
        expect(waitMs).toBeGreaterThanOrEqual(ceiling / 2);
        expect(waitMs).toBeLessThanOrEqual(ceiling);
      }
    }
  });
});
