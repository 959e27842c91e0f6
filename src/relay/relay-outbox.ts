import type { Log, OutboxSession } from '../ports.ts';
import { isWorthTelling } from '../runtime/backoff.ts';
import { createPermits, type Permits } from '../runtime/create-permits.ts';
import { retryTransient } from '../runtime/retry.ts';
import type { Service } from '../runtime/run-services.ts';
import { createWake, type Wake } from '../runtime/wake.ts';
import { createShardRelay } from './create-shard-relay.ts';
import type { RelayDeps } from './relay-batch.ts';

export interface RelayOutboxDeps extends RelayDeps {
  /** Every provider id, and `shared`. */
  readonly shards: readonly string[];
  /** How long a lost notification can delay a shard, and how often a shard that another process holds is tried again. */
  readonly pollIntervalMs: number;
}

export interface Relay extends Service {
  /** Wakes the relay of these shards at once: here, or through a notification where the shard is not known to be owned
   *  here. Never rejects. */
  wake(shards: readonly string[]): void;
}

/** Shards that may have a second batch in memory at the same time. */
const READ_AHEAD_AT_A_TIME = 8;

/** outbox → topic. One shard per provider, owned through a session lock, so that one process at a time sends it and the
 *  order of each entity's events is kept; a provider whose topic refuses or stalls delays no other. Woken in process, by
 *  notification from other processes, and by a slow poll behind both, which also covers a lock that was lost unnoticed. */
export function relayOutbox(deps: RelayOutboxDeps): Relay {
  const wakes = new Map<string, Wake>(deps.shards.map((shard) => [shard, createWake()]));
  const owned = new Set<string>();
  const mayReadAhead = createPermits(READ_AHEAD_AT_A_TIME);
  const pending = new Set<string>();
  let notifying = false;

  /** One notification at a time; shards that are woken meanwhile go with the next one. */
  async function notifyOthers(): Promise<void> {
    notifying = true;
    try {
      while (pending.size > 0) {
        const shards = [...pending];
        pending.clear();
        await deps.outbox.notify(shards);
      }
    } catch (error) {
      deps.log.warn({ err: error }, 'other relays were not notified; their poll will find the rows');
    } finally {
      notifying = false;
    }
  }

  return {
    name: 'relay',
    wake(shards) {
      for (const shard of shards) {
        wakes.get(shard)?.wake();
        if (!owned.has(shard)) pending.add(shard);
      }
      if (pending.size > 0 && !notifying) void notifyOthers();
    },
    async run(signal) {
      while (!signal.aborted) {
        const session = await retryTransient(
          () => deps.outbox.openSession((shard) => wakes.get(shard)?.wake()),
          { signal, onWait: tellWait(deps.log, 'relay waits for PostgreSQL') },
        );
        try {
          await relayShards(session, wakes, owned, mayReadAhead, deps, signal);
        } finally {
          await session.close();
        }
      }
    },
  };
}

const tellWait = (log: Log, line: string) => (error: Error, _waitMs: number, attempt: number) => {
  if (isWorthTelling(attempt)) log.warn({ err: error, attempt }, line);
};

/** Runs every shard until `signal` aborts or the session, and with it every lock, is lost. */
async function relayShards(
  session: OutboxSession,
  wakes: ReadonlyMap<string, Wake>,
  owned: Set<string>,
  mayReadAhead: Permits,
  deps: RelayOutboxDeps,
  signal: AbortSignal,
): Promise<void> {
  const lost = new AbortController();
  void session.closed.then(() => {
    owned.clear();
    lost.abort();
  });
  const stop = AbortSignal.any([signal, lost.signal]);
  const shards = [...wakes].map(async ([shard, wake]) => {
    try {
      await relayShard(shard, wake, session, owned, mayReadAhead, deps, stop);
    } catch (error) {
      lost.abort();
      throw error;
    }
  });
  const ended = await Promise.allSettled(shards);
  owned.clear();
  const failed = ended.find((result) => result.status === 'rejected');
  if (failed) throw failed.reason;
}

async function relayShard(
  shard: string,
  wake: Wake,
  session: OutboxSession,
  owned: Set<string>,
  mayReadAhead: Permits,
  deps: RelayOutboxDeps,
  signal: AbortSignal,
): Promise<void> {
  const log = deps.log.child({ shard });
  const waiting = {
    signal,
    onWait: tellWait(log, 'relay waits; edits stay in the outbox, in order'),
  };
  const relay = createShardRelay(shard, deps, mayReadAhead);
  try {
    while (!signal.aborted) {
      if (!owned.has(shard) && (await retryTransient(() => session.tryLock(shard), waiting)))
        owned.add(shard);
      const sent = owned.has(shard) ? await retryTransient(() => relay.step(signal), waiting) : 0;
      if (sent === 0) await wake.wait(deps.pollIntervalMs, signal);
    }
  } catch (error) {
    // Stopped while waiting for PostgreSQL or Kafka: what was not acknowledged stays in the outbox.
    if (!signal.aborted || error !== signal.reason) throw error;
  } finally {
    await relay.finish();
  }
}
