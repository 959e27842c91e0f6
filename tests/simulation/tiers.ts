/** What may go wrong, besides delay and reordering, which always do. */
export const FAULTS = [
  'crash',
  'duplicate',
  'rebalance',
  'pull',
  'prune',
  'destroy',
  'restore',
  'reuse',
] as const;
export type Fault = (typeof FAULTS)[number];

export const TIERS = ['calm', 'storm', 'loss'] as const;
export type Tier = (typeof TIERS)[number];

/** How often at most each fault strikes in one run. */
export const BUDGETS: Readonly<Record<Tier, Readonly<Record<Fault, number>>>> = {
  calm: { crash: 0, duplicate: 2, rebalance: 0, pull: 1, prune: 1, destroy: 0, restore: 0, reuse: 0 },
  storm: { crash: 5, duplicate: 8, rebalance: 3, pull: 3, prune: 2, destroy: 0, restore: 0, reuse: 0 },
  loss: { crash: 3, duplicate: 4, rebalance: 1, pull: 2, prune: 2, destroy: 3, restore: 1, reuse: 1 },
};
