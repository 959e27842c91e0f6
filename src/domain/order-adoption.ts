import { isAtMost } from './merge-base.ts';
import type { Revision } from './revision.ts';

/** An event read back from a topic. */
export interface ReadBack {
  readonly revision: Revision;
  /** Our state, sent once more. */
  readonly replay: boolean;
}

/** One event of ours, and before it what we had taken from the provider by then. */
export interface AdoptionStep<T extends ReadBack> {
  readonly seen: readonly T[];
  readonly ours: T;
}

/** The order in which the hub once settled these events of one entity, read from their revisions alone: no topic and no
 *  clock keeps it. Each state of the hub dominates the one before, and has seen exactly the provider's events that were
 *  settled before it; what none of ours has seen was still to come (`unseen`). */
export function orderAdoption<T extends ReadBack>(
  ours: readonly T[],
  theirs: readonly T[],
): { readonly steps: readonly AdoptionStep<T>[]; readonly unseen: readonly T[] } {
  let unseen = inOrder(theirs);
  const steps = inOrder(ours).map((own) => {
    const isSeen = ({ revision }: T) => isAtMost(revision, own.revision);
    const seen = unseen.filter(isSeen);
    unseen = unseen.filter((event) => !isSeen(event));
    return { seen, ours: own };
  });
  return { steps, unseen };
}

/** Of two revisions the one that dominates counts more edits in all. */
function inOrder<T extends ReadBack>(events: readonly T[]): readonly T[] {
  const edits = ({ revision }: T) => Object.values(revision).reduce((sum, counter) => sum + counter, 0);
  return events.toSorted((a, b) => edits(a) - edits(b) || Number(a.replay) - Number(b.replay));
}
