import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { PermanentError, TransientError } from '../../../src/domain/errors.ts';
import { pullChanges } from '../../../src/pull/pull-changes.ts';
import { apiRecord, page, saa, setup } from './setup.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  expect(vi.getTimerCount(), 'timers left behind').toBe(0);
  vi.useRealTimers();
});

/** The service running; `stop` ends it and waits for its end. */
function start(bundle: ReturnType<typeof setup>) {
  const controller = new AbortController();
  const ended = pullChanges(saa, bundle.api('saa'), bundle.deps).run(controller.signal);
  const stop = async () => {
    controller.abort('stop');
    await expect(ended).rejects.toBe('stop');
  };
  return { stop, ended };
}

describe('pullChanges', () => {
  it('walks at once, and again after every interval', async () => {
    const bundle = setup([page([apiRecord('c1')])]);
    const { stop } = start(bundle);
    await vi.advanceTimersByTimeAsync(59_999);
    expect(bundle.asked).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(bundle.asked).toHaveLength(2);
    await stop();
  });

  it.each([
    new TransientError('CIRCUIT_OPEN', 'saa is left alone'),
    new PermanentError('PROVIDER_GARBAGE', 'saa answered nonsense'),
  ])("goes on after a failure that is the world's: %s", async (failure) => {
    const bundle = setup([failure, page([apiRecord('c1')])]);
    const { stop } = start(bundle);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(bundle.counted).toEqual(['saa constats failed 1', 'saa constats applied 1']);
    expect(bundle.lines[0]).toMatchObject({ code: failure.code, provider: 'saa' });
    await stop();
  });

  it('stays away as long as the provider asks', async () => {
    const bundle = setup([new TransientError('PROVIDER_THROTTLED', 'slow down', { retryAfterMs: 180_000 })]);
    const { stop } = start(bundle);
    await vi.advanceTimersByTimeAsync(179_999);
    expect(bundle.asked).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(bundle.asked).toHaveLength(2);
    await stop();
  });

  it('ends loudly on a bug', async () => {
    const bug = new TypeError('undefined is not a function');
    await expect(start(setup([bug])).ended).rejects.toBe(bug);
  });
});
