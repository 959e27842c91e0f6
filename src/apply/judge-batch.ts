import { MovedError } from '../domain/errors.ts';
import type { PositionAdvance, StoreTransaction } from '../ports.ts';
import { reach } from '../runtime/crash-points.ts';
import type { ApplyDeps, Arrival } from './apply-batch.ts';
import { judgeArrivals, type Judged } from './judge-arrivals.ts';
import { readForJudgement } from './read-for-judgement.ts';
import { readLineages } from './read-lineages.ts';

/** Reads what the judgement of a batch needs, and judges it; writes nothing. Throws MovedError `entity` when an entity
 *  moved between its two looks. */
export async function judgeBatch(
  arrivals: readonly Arrival[],
  positions: readonly PositionAdvance[],
  tx: StoreTransaction,
  deps: ApplyDeps,
): Promise<Judged> {
  const first = await readForJudgement(arrivals, tx);
  reach('apply:read');
  const judged = await judgeArrivals(arrivals, first, positions, deps);
  if (judged.unread.size === 0) return judged;
  const read = await readForJudgement(arrivals, tx);
  await readLineages(
    arrivals.filter((arrival) => arrival.readable),
    judged.unread,
    read,
    tx,
    deps.codec,
  );
  const again = await judgeArrivals(arrivals, read, positions, deps);
  // Between the two looks another writer has made one more entity need a merge.
  if (again.unread.size > 0) throw new MovedError('entity', 'an entity moved while its batch was judged');
  return again;
}
