import type { EntityKind } from '../domain/kind.ts';
import { prunableStates } from '../domain/prunable-states.ts';
import type { Clock, HistoryPruner, Log } from '../ports.ts';
import { reach } from '../runtime/crash-points.ts';
import type { Service } from '../runtime/run-services.ts';
import { sleep } from '../runtime/sleep.ts';

export interface PruneDeps {
  readonly pruner: HistoryPruner;
  readonly kinds: readonly EntityKind[];
  readonly clock: Clock;
  readonly log: Log;
  /** What is younger stays. */
  readonly keepMs: number;
  /** So many of an entity's newest states stay, whatever their age. */
  readonly keepStates: number;
  /** Entities that one step looks at. */
  readonly batchSize: number;
  /** Between two steps, so that a walk through millions of entities is felt by nobody. */
  readonly pauseMs: number;
  /** Between two walks. */
  readonly restMs: number;
}

export interface PruneStep {
  readonly emptied: number;
  /** Where the next step goes on; null at the end of the kind. */
  readonly next: string | null;
}

/** Walks through all entities, kind by kind, and empties the bytes that SYNC.md lets go (History pruning); rests, and
 *  again. Several replicas may walk at once: each leaves alone what another has in hand. */
export function pruneHistory(deps: PruneDeps): Service {
  return {
    name: 'prune',
    async run(signal) {
      while (!signal.aborted) {
        for (const kind of deps.kinds) await pruneKind(kind, deps, signal);
        await sleep(deps.restMs, signal);
      }
    },
  };
}

async function pruneKind(kind: EntityKind, deps: PruneDeps, signal: AbortSignal): Promise<void> {
  let emptied = 0;
  let next: string | null = null;
  do {
    signal.throwIfAborted();
    const step: PruneStep = await pruneBatch(kind, next, deps);
    emptied += step.emptied;
    next = step.next;
    if (next !== null) await sleep(deps.pauseMs, signal);
  } while (next !== null);
  if (emptied > 0) deps.log.info({ kind: kind.name, emptied }, 'old states pruned');
}

/** Prunes the histories of the next entities after the id `after`. What is emptied was prunable when it was read, and
 *  stays so: L only grows. */
export async function pruneBatch(
  kind: EntityKind,
  after: string | null,
  deps: Pick<PruneDeps, 'pruner' | 'clock' | 'keepMs' | 'keepStates' | 'batchSize'>,
): Promise<PruneStep> {
  const { pruner, keepStates, batchSize } = deps;
  const histories = await pruner.readHistories(kind, after, batchSize);
  reach('prune:read');
  const recordedBeforeMs = deps.clock() - deps.keepMs;
  const prunable = histories.flatMap(({ events, presentEventId }) =>
    prunableStates(events, { presentEventId, recordedBeforeMs, keepStates }),
  );
  const emptied = prunable.length === 0 ? 0 : await pruner.emptyBytes(kind, prunable);
  if (emptied > 0) reach('prune:emptied');
  return { emptied, next: histories.length < batchSize ? null : histories.at(-1)!.entityId };
}
