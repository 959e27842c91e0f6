import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { raceAbort, sleep } from '../../../src/runtime/sleep.ts';
import { createWake } from '../../../src/runtime/wake.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  expect(vi.getTimerCount(), 'timers left behind').toBe(0);
  vi.useRealTimers();
});

function setup() {
  const stop = new AbortController();
  const wake = createWake();
  let ended = 0;
  const wait = () => void wake.wait(1_000, stop.signal).then(() => ended++);
  return { stop, wake, wait, ended: () => ended };
}

describe('a wakeable wait', () => {
  it('ends by itself after its time', async () => {
    const { wait, ended } = setup();
    wait();
    await vi.advanceTimersByTimeAsync(999);
    expect(ended()).toBe(0);
    await vi.advanceTimersByTimeAsync(1);
    expect(ended()).toBe(1);
  });

  it('ends for everyone who waits as soon as it is woken', async () => {
    const { wait, wake, ended } = setup();
    wait();
    wait();
    wake.wake();
    await vi.advanceTimersByTimeAsync(0);
    expect(ended()).toBe(2);
  });

  it('remembers a call that came while nobody waited, once', async () => {
    const { wait, wake, ended } = setup();
    wake.wake();
    wake.wake();
    wait();
    await vi.advanceTimersByTimeAsync(0);
    expect(ended()).toBe(1);
    wait();
    await vi.advanceTimersByTimeAsync(0);
    expect(ended()).toBe(1);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(ended()).toBe(2);
  });

  it('ends when the program stops', async () => {
    const { wait, stop, ended } = setup();
    wait();
    stop.abort();
    await vi.advanceTimersByTimeAsync(0);
    expect(ended()).toBe(1);
  });
});

describe('sleep', () => {
  it('ends after its time, or with the reason of the abort', async () => {
    const stop = new AbortController();
    const whole = sleep(100, stop.signal);
    await vi.advanceTimersByTimeAsync(100);
    await expect(whole).resolves.toBeUndefined();
    const cut = expect(sleep(100, stop.signal)).rejects.toBe('stop');
    stop.abort('stop');
    await cut;
    await expect(sleep(100, stop.signal)).rejects.toBe('stop');
  });
});

describe('raceAbort', () => {
  it('gives what the work comes to, or the reason of the abort before it', async () => {
    const stop = new AbortController();
    await expect(raceAbort(Promise.resolve('done'), stop.signal)).resolves.toBe('done');
    const endless = expect(raceAbort(new Promise(() => undefined), stop.signal)).rejects.toBe('stop');
    stop.abort('stop');
    await endless;
  });
});
