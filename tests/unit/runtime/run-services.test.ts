import { describe, expect, it } from 'vitest';
import { runServices } from '../../../src/runtime/run-services.ts';
import type { Service } from '../../../src/runtime/run-services.ts';

/** Services that note what happens to them. `fail` and `end` make one of them stop by itself. */
function setup(...names: string[]) {
  const events: string[] = [];
  const running = new Map<string, PromiseWithResolvers<void>>();
  const services = names.map((name): Service => ({
    name,
    async run(signal) {
      events.push(`${name} starts`);
      const ended = Promise.withResolvers<void>();
      running.set(name, ended);
      signal.addEventListener('abort', () => {
        events.push(`${name} is told to stop`);
        ended.resolve();
      });
      await ended.promise;
      events.push(`${name} ends`);
    },
  }));
  const stop = new AbortController();
  return {
    events,
    services,
    stop,
    fail: (name: string, error: Error) => running.get(name)!.reject(error),
    end: (name: string) => running.get(name)!.resolve(),
  };
}

describe('runServices', () => {
  it('starts in the order given and stops in reverse, each after the one behind it has ended', async () => {
    const { services, stop, events } = setup('api', 'relay', 'consume');
    const done = runServices(services, stop.signal);
    stop.abort();
    await done;
    expect(events).toEqual([
      'api starts',
      'relay starts',
      'consume starts',
      'consume is told to stop',
      'consume ends',
      'relay is told to stop',
      'relay ends',
      'api is told to stop',
      'api ends',
    ]);
  });

  it('stops those of one list at the same time', async () => {
    const { services, stop, events } = setup('api', 'consume a', 'consume b');
    const [api, ...consumers] = services as [Service, ...Service[]];
    const done = runServices([api, consumers], stop.signal);
    stop.abort();
    await done;
    expect(events.slice(3)).toEqual([
      'consume a is told to stop',
      'consume b is told to stop',
      'consume a ends',
      'consume b ends',
      'api is told to stop',
      'api ends',
    ]);
  });

  it('stops all when one fails, and rejects with its failure', async () => {
    const { services, stop, events, fail } = setup('api', 'relay');
    const failures: unknown[] = [];
    const done = runServices(services, stop.signal, {
      onFailure: (service, error) => failures.push([service, error]),
    });
    const error = new Error('relay broke');
    fail('relay', error);
    await expect(done).rejects.toBe(error);
    expect(events.at(-1)).toBe('api ends');
    expect(failures).toEqual([['relay', error]]);
  });

  it('rejects with the first failure when the stop brings others', async () => {
    const first = new Error('first');
    const clumsy: Service = {
      name: 'clumsy',
      run: (signal) =>
        new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('second')))),
    };
    const { services, stop, fail } = setup('relay');
    const told: unknown[] = [];
    const done = runServices([clumsy, ...services], stop.signal, {
      onFailure: (service) => told.push(service),
    });
    fail('relay', first);
    await expect(done).rejects.toBe(first);
    expect(told).toEqual(['relay', 'clumsy']);
  });

  it('takes a service that ends unasked for a failure', async () => {
    const { services, stop, end } = setup('api', 'relay');
    const done = runServices(services, stop.signal);
    end('relay');
    await expect(done).rejects.toThrow('the service relay ended without being told to');
  });

  it("takes a rejection with the signal's reason for an orderly end", async () => {
    const stop = new AbortController();
    const waiting: Service = {
      name: 'waiting',
      run: (signal) =>
        new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error))),
    };
    const done = runServices([waiting], stop.signal);
    stop.abort();
    await expect(done).resolves.toBeUndefined();
  });

  it('stops at once what it starts when it was told to stop before', async () => {
    const stop = new AbortController();
    stop.abort();
    const seen: boolean[] = [];
    const late: Service = {
      name: 'late',
      run: async (signal) => {
        await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
        seen.push(signal.aborted);
      },
    };
    await runServices([late], stop.signal);
    expect(seen).toEqual([true]);
  });
});
