import type { FuseSign } from '../domain/topic-fuse.ts';
import type { FuseBlow, PositionAdvance } from '../ports.ts';
import { reach } from '../runtime/crash-points.ts';
import type { ApplyDeps, Arrival, Settled } from './apply-batch.ts';
import type { Judged } from './judge-arrivals.ts';
import { judgeBatch } from './judge-batch.ts';

/** What one record says of its topic; null when it says nothing. */
type Signs = readonly (FuseSign | null)[];

/** What a fuse says of a batch: how many of its records are settled, all of them unless the topic has to stop, none when
 *  it stands still already; and what to write down when this batch stops it. */
export interface FuseVerdict {
  readonly settles: number;
  readonly blown: Pick<FuseBlow, 'counted' | 'codes'> | null;
}

/** The fuse of one topic, as the step that settles its batches sees it. */
export interface TopicFuse {
  /** From here to the call of what is returned, no other batch of the topic in this process is looked at: two partitions
   *  could each bring a window's worth of bad records. */
  takeTurn(): Promise<() => void>;
  /** Judges; counts nothing yet. */
  judge(signs: Signs): FuseVerdict;
  /** These records are settled, and the topic goes on. */
  passed(signs: Signs): void;
  /** The topic has stopped; that is durable. */
  blew(blow: FuseBlow): void;
}

const SAMPLES = 5;

/** Settles a batch with bad records, once its topic's fuse has looked at them. Where that one trips, the records up to
 *  there are settled and nothing behind them is touched; the topic's stop is written in the same transaction.
 *  Reading and judging hold no lock, and so come before the turn: who has it waits for nobody who waits for it. */
export async function applyInTurn(
  arrivals: readonly Arrival[],
  position: PositionAdvance | null,
  deps: ApplyDeps,
  fuse: TopicFuse,
): Promise<Judged> {
  let endTurn = () => {};
  try {
    const { judged, signs, blow } = await deps.store.transaction(async (tx) => {
      const whole = await judgeBatch(arrivals, listOf(position), tx, deps);
      const signs = signsOf(whole.settled, await tx.areNewToQuarantine(whole.plan.quarantined));
      endTurn = await fuse.takeTurn();
      const { settles, blown } = fuse.judge(signs);
      if (settles === 0) return { judged: nothingOf(whole), signs: [], blow: null };

      const first = arrivals.slice(0, settles);
      const judged =
        settles === arrivals.length
          ? whole
          : await judgeBatch(first, listOf(positionBehind(first, position)), tx, deps);
      const blow = blown && { ...blown, topic: first[0]!.topic, samples: samplesOf(first, signs) };
      await tx.write({ ...judged.plan, ...(blow && { blow }) });
      reach('apply:written');
      return { judged, signs, blow };
    });
    if (blow === null) fuse.passed(signs);
    else fuse.blew(blow);
    return judged;
  } finally {
    endTurn();
  }
}

/** Our own edits that come back say nothing of what others send; a record that is in quarantine already says nothing new.
 *  `isNew`: of the quarantined ones, in their order. */
export function signsOf(settled: readonly Settled[], isNew: readonly boolean[]): Signs {
  let nth = 0;
  return settled.map(({ outcome, code }) => {
    if (code !== null) return isNew[nth++] ? code : null;
    return outcome === 'echo' ? null : 'good';
  });
}

export const listOf = <T>(one: T | null): readonly T[] => (one === null ? [] : [one]);

function positionBehind(
  settled: readonly Arrival[],
  position: PositionAdvance | null,
): PositionAdvance | null {
  return position && { ...position, next: settled.at(-1)!.offset! + 1n };
}

function samplesOf(settled: readonly Arrival[], signs: Signs): FuseBlow['samples'] {
  return settled
    .flatMap(({ partition, offset }, i) => {
      const code = signs[i] ?? 'good';
      return code === 'good' ? [] : [{ partition: partition!, offset: String(offset), code }];
    })
    .slice(0, SAMPLES);
}

function nothingOf({ plan }: Judged): Judged {
  return { settled: [], plan: { ...plan, flags: [], outbox: [] }, unread: new Set() };
}
