import { MovedError, TransientError } from '../domain/errors.ts';
import type { EntityEvent, Outcome } from '../domain/event.ts';
import type { QuarantineCode } from '../domain/judge.ts';
import type { EntityKind } from '../domain/kind.ts';
import type {
  Clock,
  EventCodec,
  Log,
  Metrics,
  NewId,
  PositionAdvance,
  Store,
  Topology,
  WritePlan,
} from '../ports.ts';
import { reach } from '../runtime/crash-points.ts';
import { applyInTurn, listOf, signsOf, type TopicFuse } from './apply-in-turn.ts';
import type { Judged } from './judge-arrivals.ts';
import { judgeBatch } from './judge-batch.ts';
import { reportDecisions, reportFindings } from './report-decisions.ts';

/** What arrived, as it arrived: enough to settle it, and enough to put it into quarantine. */
interface ArrivalBase {
  readonly source: 'topic' | 'pull';
  readonly topic: string;
  /** Null for a pulled record. */
  readonly partition: number | null;
  readonly offset: bigint | null;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: Readonly<Record<string, string>>;
}

export interface ReadableArrival extends ArrivalBase {
  readonly readable: true;
  readonly kind: EntityKind;
  readonly event: EntityEvent;
  readonly schemaRef: number;
  readonly value: Buffer;
}

export interface UnreadableArrival extends ArrivalBase {
  readonly readable: false;
  readonly code: QuarantineCode;
  readonly cause: string;
  readonly schemaId: number | null;
}

export type Arrival = ReadableArrival | UnreadableArrival;

export const isReadable = ({ readable }: Arrival): boolean => readable;

/** What became of one arrival. */
export interface Settled {
  readonly outcome: Outcome;
  /** Quarantine code; null for every other outcome. */
  readonly code: QuarantineCode | null;
  readonly eventId: string | null;
  readonly entityId: string | null;
}

export interface ApplyDeps {
  readonly store: Store;
  readonly topology: Topology;
  /** Every writer id ever allotted to the provider; none for one that is unknown. */
  readonly allottedWriterIds: (providerId: string) => readonly string[];
  readonly codec: EventCodec;
  readonly metrics: Metrics;
  readonly log: Log;
  readonly clock: Clock;
  readonly newId: NewId;
  /** Tells the relay that these shards have new outbox rows; called after the commit. */
  readonly wakeRelay: (shards: readonly string[]) => void;
  /** By how much the provider's clock is known to be ahead; 0 when left out. */
  readonly clockAheadMs?: (providerId: string) => number;
}

/** What is written in the batch's transaction besides, once its outcomes are known. */
export type Alongside = (settled: readonly Settled[]) => Pick<WritePlan, 'quarantineSteps' | 'audit'>;

/** How often a batch is judged anew because another writer was faster, before the wait is left to the caller. */
const MAX_ATTEMPTS = 20;

/** read → judge → write, one transaction for the whole batch: the one way in for consume, pull and retry.
 *  When it resolves, every arrival's outcome and the partition's position are durable; when it rejects, nothing is.
 *  Entities that moved between read and write are read and judged again (SYNC.md, compare-and-set).
 *  Under a fuse, the batch of a topic that has to stop is cut: what comes back are the outcomes of its first arrivals
 *  alone, up to the one that tripped the fuse, and the position stands behind that one.
 *  A record that waited in quarantine and settles now leaves it in the same transaction.
 *  Throws MovedError `position` when another consumer owns the partition, MovedError `quarantine` when a row that
 *  `alongside` works on has been settled meanwhile, TransientError when the database is away. */
export async function applyBatch(
  arrivals: readonly Arrival[],
  position: PositionAdvance | null,
  deps: ApplyDeps,
  fuse: TopicFuse | null = null,
  alongside?: Alongside,
): Promise<readonly Settled[]> {
  for (let attempt = 1; ; attempt++) {
    try {
      const { settled, plan } = await applyOnce(arrivals, position, deps, fuse, alongside);
      announce([{ arrivals, settled }], plan, deps);
      return settled;
    } catch (error) {
      if (!(error instanceof MovedError) || error.what === 'position' || error.what === 'quarantine')
        throw error;
      if (attempt === MAX_ATTEMPTS) {
        throw new TransientError('CONTENDED', `another writer was faster ${MAX_ATTEMPTS} times in a row`, {
          cause: error,
        });
      }
    }
  }
}

/** Once a transaction is durable: tells on-call and the relay what it came to. */
export function announce(
  batches: readonly { readonly arrivals: readonly Arrival[]; readonly settled: readonly Settled[] }[],
  plan: WritePlan,
  deps: ApplyDeps,
): void {
  reach('apply:committed');
  // A stopped topic's batch: nothing of it is settled, whatever its plan says.
  const done = batches.filter(({ settled }) => settled.length > 0);
  if (done.length === 0) return;
  for (const { arrivals, settled } of done) reportDecisions(arrivals, settled, plan, deps);
  reportFindings(plan, deps);
  if (plan.outbox.length === 0) return;
  reach('merge:committed');
  deps.wakeRelay([...new Set(plan.outbox.map((row) => row.shard))]);
}

async function applyOnce(
  arrivals: readonly Arrival[],
  position: PositionAdvance | null,
  deps: ApplyDeps,
  fuse: TopicFuse | null,
  alongside?: Alongside,
): Promise<Judged> {
  // What can't be read ends in quarantine whatever the database says, so its fuse's turn need not be found out by judging.
  if (fuse !== null && !arrivals.every(isReadable)) return applyInTurn(arrivals, position, deps, fuse);
  const applied = await deps.store.transaction(async (tx) => {
    const judged = await judgeBatch(arrivals, listOf(position), tx, deps);
    if (fuse !== null && judged.plan.quarantined.length > 0) return null;
    await tx.write({ ...judged.plan, ...alongside?.(judged.settled) });
    reach('apply:written');
    return judged;
  });
  if (applied === null) return applyInTurn(arrivals, position, deps, fuse!);
  fuse?.passed(signsOf(applied.settled, []));
  return applied;
}
