import type { Tier } from './tiers.ts';

/** How often a run came by each of the cases that the protocol exists for. */
export type Coverage = Record<string, number>;

export function count(coverage: Coverage, what: string, by = 1): void {
  coverage[what] = (coverage[what] ?? 0) + by;
}

export function addCoverage(total: Coverage, part: Coverage): void {
  for (const what in part) count(total, what, part[what]);
}

const ALWAYS = ['edits of the hub', 'edits of providers', 'applied', 'stale', 'duplicate', 'echo', 'merged'];
const MERGING = [
  'corrective merges',
  'conflicts opened',
  'conflicts joined',
  'conflicts settled',
  'conflicts settled while another arrives',
  'deletes against edits',
  'seals against edits',
  'merges equal to one side',
  'prunings',
  'stale forms refused',
];
const STORM = [
  'moved: judged again',
  'crash at tx.write',
  'crash at tx.commit',
  'crash at tx.committed',
  'crash at kafka.commit',
  'crash at kafka.send',
  'crash at kafka.sent',
  'crash at provider.committed',
  'crash at provider.sent',
  'rebalances',
  'pulled',
];

/** Cases that a tier must have reached: one that it never reaches it proves nothing about. */
export const REQUIRED: Readonly<Record<Tier, readonly string[]>> = {
  calm: [...ALWAYS, ...MERGING],
  storm: [...ALWAYS, ...MERGING, ...STORM, 'forks'],
  loss: [
    ...ALWAYS,
    ...MERGING,
    'destroyed',
    'republished',
    'restored with a new writer id',
    'restored with reused counters',
    'flagged REVISION_REUSED',
  ],
};

export function missing(tier: Tier, coverage: Coverage): readonly string[] {
  return REQUIRED[tier].filter((what) => !coverage[what]);
}
