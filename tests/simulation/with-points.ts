import { MovedError } from '../../src/domain/errors.ts';
import type { Store, StoreTransaction } from '../../src/ports.ts';
import type { Actor, Scheduler } from './scheduler.ts';

/** The same object, with a scheduling point of the actor before every call that it answers with a promise, named after the
 *  method. Where the actor dies, the call is never made. */
export function withPoints<T extends object>(
  target: T,
  prefix: string,
  actor: Actor,
  scheduler: Scheduler,
): T {
  const wrapped: Record<string, unknown> = {};
  for (const [name, method] of Object.entries(target)) {
    if (typeof method !== 'function') continue;
    wrapped[name] = async (...args: unknown[]) => {
      await scheduler.point(actor, prefix + name);
      return (method as (...args: unknown[]) => unknown)(...args);
    };
  }
  return wrapped as T;
}

/** A replica's view of the store: every operation of a transaction, its commit, and the answer to its commit are points.
 *  A replica that dies before the commit leaves nothing; one that dies behind it never learns that it was committed. */
export function storeWithPoints(
  store: Store,
  actor: Actor,
  scheduler: Scheduler,
  onMoved: () => void,
): Store {
  return {
    ...withPoints(store, 'store.', actor, scheduler),
    async transaction<T>(work: (tx: StoreTransaction) => Promise<T>): Promise<T> {
      const result = await store
        .transaction(async (tx) => {
          const done = await work(withPoints(tx, 'tx.', actor, scheduler));
          await scheduler.point(actor, 'tx.commit');
          return done;
        })
        .catch((error: unknown) => {
          if (error instanceof MovedError) onMoved();
          throw error;
        });
      await scheduler.point(actor, 'tx.committed');
      return result;
    },
  };
}
