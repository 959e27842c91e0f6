import { TransientError } from '../domain/errors.ts';
import type { PositionAdvance, StoreTransaction } from '../ports.ts';
import { reach } from '../runtime/crash-points.ts';
import { ALONE, joinWork } from '../runtime/join-work.ts';
import {
  announce,
  applyBatch,
  isReadable,
  type ApplyDeps,
  type Arrival,
  type Settled,
} from './apply-batch.ts';
import { signsOf, type TopicFuse } from './apply-in-turn.ts';
import { JOINED_LOCK_WAIT_MS } from './joined-lock-wait.ts';
import { judgeBatch } from './judge-batch.ts';

/** A partition's batch that waits for its turn. */
export interface WaitingBatch {
  readonly topic: string;
  /** Of its records, as they came. */
  readonly bytes: number;
  /** It failed before, perhaps for a reason of its own: its next transaction is for it alone. */
  readonly alone: boolean;
  /** Called when its turn has come, and again when it is settled alone after all. */
  readonly decode: () => Promise<DecodedBatch>;
}

export interface DecodedBatch {
  readonly arrivals: readonly Arrival[];
  readonly position: PositionAdvance;
}

export interface SettleDeps extends ApplyDeps {
  readonly fuseOf: (topic: string) => TopicFuse;
  /** Called with what a transaction is about to settle; when it rejects, nothing is settled. */
  readonly before: (arrivals: readonly Arrival[]) => Promise<void>;
  /** Transactions at the same time. Decoded events take ten times the room of their bytes, so nothing is decoded before
   *  its turn. */
  readonly lanes: number;
  /** What the records of several batches may come to that are settled together. */
  readonly maxBytes: number;
}

/** Settles the batches of all partitions of all providers: one that finds a lane free at once, those that wait for one
 *  together, in one transaction (docs/adr/0008). What keeps one of them from being settled keeps up no other: they
 *  are then settled one by one, each with its own outcome, as `applyBatch` says. */
export function settleTogether(deps: SettleDeps): (batch: WaitingBatch) => Promise<readonly Settled[]> {
  return joinWork<WaitingBatch, readonly Settled[]>({
    lanes: deps.lanes,
    maxWeight: deps.maxBytes,
    weigh: ({ bytes }) => bytes,
    fits: ({ alone }, joined) => !alone && !joined[0]!.alone,
    isShared: (error) => error instanceof TransientError && error.code === 'DATABASE_UNAVAILABLE',
    async settle(waiting) {
      const batches: DecodedBatch[] = [];
      for (const { decode } of waiting) batches.push(await decode());
      await deps.before(batches.flatMap(({ arrivals }) => arrivals));
      const [only] = batches;
      if (batches.length === 1)
        return [await applyBatch(only!.arrivals, only!.position, deps, deps.fuseOf(only!.position.topic))];
      const clean = batches.filter(({ arrivals }) => arrivals.every(isReadable));
      const settled = clean.length === 0 ? [] : await applyTogether(clean, deps);
      return batches.map((batch) => settled[clean.indexOf(batch)] ?? ALONE);
    },
  });
}

/** One attempt; rejects, with nothing written, where a batch needs more than that: another writer was faster, or its topic's
 *  fuse has to look at bad records. */
async function applyTogether(
  batches: readonly DecodedBatch[],
  deps: SettleDeps,
): Promise<readonly (readonly Settled[])[]> {
  const arrivals = batches.flatMap((batch) => batch.arrivals);
  const positions = batches.map(({ position }) => position);
  const work = async (tx: StoreTransaction) => {
    const judged = await judgeBatch(arrivals, positions, tx, deps);
    if (judged.plan.quarantined.length > 0) throw new Error('bad records are settled alone');
    await tx.write(judged.plan);
    reach('apply:written');
    return judged;
  };
  const { settled, plan } = await deps.store.transaction(work, { lockWaitMs: JOINED_LOCK_WAIT_MS });
  let from = 0;
  const results = batches.map((batch) => settled.slice(from, (from += batch.arrivals.length)));
  batches.forEach(({ position }, i) => deps.fuseOf(position.topic).passed(signsOf(results[i]!, [])));
  announce(
    batches.map((batch, i) => ({ arrivals: batch.arrivals, settled: results[i]! })),
    plan,
    deps,
  );
  return results;
}
