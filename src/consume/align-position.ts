/** Where a fetched batch stands to what PostgreSQL has applied. Positions come from PostgreSQL; the group's committed
 *  offset is only where Kafka happened to start reading. */
export type Alignment =
  /** The batch continues what was applied. */
  | { readonly action: 'apply' }
  /** The batch is not what comes next: read from `to` instead. */
  | { readonly action: 'seek'; readonly to: bigint }
  /** Records were deleted before they were read: from `from` up to, not including, `to`. The batch goes on behind them. */
  | { readonly action: 'lost'; readonly from: bigint; readonly to: bigint }
  /** The log ends before what was applied, or the topic is another one of the same name: its records are new. */
  | { readonly action: 'rewound' };

export interface AlignmentInput {
  /** The next offset to apply, and the topic it belongs to; null when nothing of this partition was ever applied. */
  readonly applied: { readonly next: bigint; readonly topicId: string } | null;
  readonly topicId: string;
  readonly fetchedFrom: bigint;
  readonly highWatermark: bigint;
  /** The oldest offset still kept. */
  readonly earliest: bigint;
  /** The offset that was last sought in this partition, if the batch answers a seek. */
  readonly sought: bigint | null;
}

export function alignPosition(input: AlignmentInput): Alignment {
  const { applied, topicId, fetchedFrom, highWatermark, earliest, sought } = input;
  const recreated = applied !== null && applied.topicId !== topicId;
  if (applied === null || recreated) {
    // The group's offset may be ahead of an empty database: start where the log starts.
    if (fetchedFrom > earliest && sought !== earliest) return { action: 'seek', to: earliest };
    return { action: recreated ? 'rewound' : 'apply' };
  }
  const { next } = applied;
  if (fetchedFrom === next) return { action: 'apply' };
  if (fetchedFrom < next) return next <= highWatermark ? { action: 'seek', to: next } : { action: 'rewound' };
  if (earliest > next) {
    return fetchedFrom > earliest && sought !== earliest
      ? { action: 'seek', to: earliest }
      : { action: 'lost', from: next, to: earliest };
  }
  // Sought already and still behind it: what lies between are transaction markers or compacted records.
  return sought === next ? { action: 'apply' } : { action: 'seek', to: next };
}
