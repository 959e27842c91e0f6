import type { Consumer } from 'kafkajs';

/** Which partitions this group member holds, by generation: each join starts a new one. */
export interface Membership {
  /** The generation of this moment; compare it with the one a batch was fetched in. */
  generation(): number;
  /** True while `partition` has been ours without a break since `generation`. */
  holds(generation: number): boolean;
  /** No generation is current any more: the member is dead. */
  end(): void;
}

/** kafkajs revokes everything at a rebalance, and commits to whatever generation is current, whose member may not own the
 *  partition any more: what was fetched before a join must not be committed, resolved or sought after it. */
export function trackMembership(consumer: Consumer): Membership {
  let current = 0;
  consumer.on(consumer.events.GROUP_JOIN, () => {
    current += 1;
  });
  return {
    generation: () => current,
    holds: (generation) => generation === current,
    end: () => {
      current = Number.NaN;
    },
  };
}
