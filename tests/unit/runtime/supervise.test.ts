import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { TransientError } from '../../../src/domain/errors.ts';
import { supervise } from '../../../src/runtime/supervise.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  expect(vi.getTimerCount(), 'timers left behind').toBe(0);
  vi.useRealTimers();
});

/** A supervised service whose n-th run does `runs[n]`, and then waits for its end. */
function setup(runs: readonly (() => Promise<void>)[]) {
  const waits: number[] = [];
  const stop = new AbortController();
  let started = 0;
  const service = supervise(
    {
      name: 'consume',
      run: async (signal) => {
        const run = runs[started++];
        if (run !== undefined) return run();
        await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
      },
    },
    {
      clock: () => Date.now(),
      onRestart: (_error, waitMs) => waits.push(waitMs),
      backoff: { minMs: 100, maxMs: 10_000, random: () => 0.999_999 },
      healthyAfterMs: 60_000,
    },
  );
  return { service, stop, waits, started: () => started };
}

const fails = () => Promise.reject(new TransientError('AWAY', 'the broker is away'));
const failsAfter = (ms: number) => async () => {
  await new Promise((resolve) => setTimeout(resolve, ms));
  return fails();
};

describe('supervise', () => {
  it('starts the service again after every transient failure, waiting ever longer', async () => {
    const { service, stop, waits, started } = setup([fails, fails, fails]);
    const done = service.run(stop.signal);
    await vi.advanceTimersByTimeAsync(700);
    expect(waits).toEqual([100, 200, 400]);
    expect(started()).toBe(4);
    stop.abort();
    await done;
  });

  it('waits briefly again after the service has run well for a while', async () => {
    const { service, stop, waits } = setup([fails, fails, failsAfter(60_000), fails]);
    const done = service.run(stop.signal);
    await vi.advanceTimersByTimeAsync(61_000);
    expect(waits).toEqual([100, 200, 100, 200]);
    stop.abort();
    await done;
  });

  it('never restarts after a bug', async () => {
    const bug = new TypeError('undefined is not a function');
    const { service, stop, started } = setup([() => Promise.reject(bug)]);
    await expect(service.run(stop.signal)).rejects.toBe(bug);
    expect(started()).toBe(1);
  });

  it('stops while it waits', async () => {
    const { service, stop, started } = setup([fails]);
    const done = service.run(stop.signal);
    await vi.advanceTimersByTimeAsync(1);
    stop.abort('stop');
    await expect(done).rejects.toBe('stop');
    expect(started()).toBe(1);
  });

  it('keeps the name of the service', () => {
    expect(setup([]).service.name).toBe('consume');
  });
});
