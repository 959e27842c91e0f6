import { TransientError } from '../domain/errors.ts';
import type { Permits } from '../runtime/create-permits.ts';
import { acknowledgeBatch, readBatch, sendBatch, type Batch, type RelayDeps } from './relay-batch.ts';

export interface ShardRelay {
  /** Sends the next batch and returns how many rows it had; 0 means that the shard is empty and that everything sent is
   *  acknowledged. Sends nothing once `signal` has aborted, and throws its reason. Throws TransientError when rows are left
   *  whose fate is unknown: they stay, and the next step begins with them. */
  step(signal: AbortSignal): Promise<number>;
  /** Resolves when nothing is under way any more. What was sent and could not be acknowledged is sent again by whoever
   *  relays the shard next. */
  finish(): Promise<void>;
}

/** The sending of one shard, by whoever holds its lock. While a batch is being sent, the next one is read and the one
 *  before is acknowledged:
 *
 *      read 2 │ read 3        │ read 4
 *      send 1 │ send 2        │ send 3
 *             │ acknowledge 1 │ acknowledge 2
 *
 *  - A batch is sent only when every row of the one before is known to be written, or is parked. When one's fate is
 *    unknown, what was read ahead is dropped: that row comes first.
 *  - Acknowledgements are noted batch after batch; when one fails, none of a later batch is. So what is sent again is
 *    always the end of what was sent, in the same order, and no topic ends with an older state of an entity.
 *  - A batch is read ahead only with a permit, so that a hundred shards with a backlog do not hold two each in memory; and
 *    never of a batch that was not full: an edit that finds the relay idle costs one sending and one
 *    acknowledgement, and waits for no other.
 *  A crash between sending and acknowledging sends again; receivers drop duplicates by event id. */
export function createShardRelay(shard: string, deps: RelayDeps, mayReadAhead: Permits): ShardRelay {
  let ahead: Promise<Batch> | null = null;
  let acknowledging: Promise<void> = Promise.resolve();
  /** What is being acknowledged: PostgreSQL may still show these rows. */
  let unacknowledged: readonly bigint[] = [];

  const takeAhead = (): Promise<Batch> | null => {
    const taken = ahead;
    if (taken !== null) mayReadAhead.give();
    ahead = null;
    return taken;
  };

  const settle = async () => {
    const [, acknowledged] = await Promise.allSettled([takeAhead(), acknowledging]);
    acknowledging = Promise.resolve();
    unacknowledged = [];
    return acknowledged;
  };

  const takeStep = async (signal: AbortSignal): Promise<number> => {
    const batch = await (takeAhead() ?? readBatch(shard, unacknowledged, deps));
    if (batch.items.length === 0) {
      await acknowledging;
      unacknowledged = [];
      return 0;
    }
    signal.throwIfAborted();
    const sending = sendBatch(shard, batch, deps);
    const sequences = batch.items.map(({ sequence }) => sequence);
    if (batch.full && mayReadAhead.take())
      ahead = handledLater(readBatch(shard, [...unacknowledged, ...sequences], deps));
    const sent = await sending;
    await acknowledging;
    acknowledging = handledLater(acknowledgeBatch(sent, deps));
    unacknowledged = sent.acknowledged.map(({ sequence }) => sequence);
    if (sent.unknown !== null) throw sent.unknown;
    return batch.items.length;
  };

  return {
    async step(signal) {
      try {
        return await takeStep(signal);
      } catch (error) {
        await settle();
        throw error;
      }
    },
    async finish() {
      const acknowledged = await settle();
      if (acknowledged.status === 'rejected' && !(acknowledged.reason instanceof TransientError))
        throw acknowledged.reason;
    },
  };
}

/** Its failure is met where it is awaited, which may be after it has failed. */
function handledLater<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}
