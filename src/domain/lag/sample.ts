/** What is known of one partition at one moment, from Kafka, from PostgreSQL and from the consumer in this process. */
export interface PartitionSample {
  readonly atMs: number;
  /** Null while nobody leads the partition or its leader does not answer. */
  readonly log: LogState | null;
  /** How far it is applied (PostgreSQL; while that is away, the last that was read, or the group's committed offset).
   *  Null when nothing of it was ever applied. */
  readonly position: AppliedPosition | null;
  /** Whether its consumer group has members; null when Kafka did not say. */
  readonly consumed: boolean | null;
  /** Whether PostgreSQL answered. */
  readonly database: boolean;
  /** What the consumer in this process says of it; null when it goes on, or when another process has it. */
  readonly obstacle: Obstacle | null;
  /** The last time that its records were lost or began anew, as the consumer in this process saw it. */
  readonly incident: Incident | null;
  readonly quarantine: QuarantineGrowth;
}

export interface LogState {
  readonly topicId: string;
  /** The oldest offset still kept, and the first that doesn't exist yet. */
  readonly start: bigint;
  readonly end: bigint;
  /** The first record of data that is not settled; null when there is none (what is left are markers and gaps). */
  readonly oldest: { readonly offset: bigint; readonly atMs: number } | null;
  /** The oldest waits behind a transaction that its producer has not ended: no consumer can read it. */
  readonly openTransaction: boolean;
}

export interface AppliedPosition {
  /** The next offset to apply. */
  readonly next: bigint;
  readonly topicId: string;
  readonly movedAtMs: number;
}

/** Why a consumer does not go on: `waiting` for the world (code of the TransientError), `fuse` on purpose, `halted` on a
 *  failure that nothing explains. */
export interface Obstacle {
  readonly kind: 'waiting' | 'fuse' | 'halted';
  readonly code: string;
  readonly sinceMs: number;
}

/** `lost`: retention deleted [from, to) before it was read. `rewound`: the log began anew. */
export interface Incident {
  readonly kind: 'lost' | 'rewound';
  readonly from: bigint;
  readonly to: bigint;
  readonly atMs: number;
}

/** New entries within POISON_WINDOW_MS and POISON_REST_MS, and all that are not settled. */
export interface QuarantineGrowth {
  readonly lately: number;
  readonly sinceRest: number;
  readonly open: number;
}

export const NO_QUARANTINE: QuarantineGrowth = { lately: 0, sinceRest: 0, open: 0 };

/** Where the unsettled records begin, and what is wrong with that place. */
export interface UnsettledRange {
  readonly from: bigint;
  readonly anomaly: 'lost' | 'rewound' | null;
}

/** Never before the log's start nor behind its end. A position of another topic of the same name, or behind the end, says
 *  nothing about these records: all of them wait. */
export function unsettledFrom(
  position: Pick<AppliedPosition, 'next' | 'topicId'> | null,
  log: Pick<LogState, 'topicId' | 'start' | 'end'>,
): UnsettledRange {
  if (position === null) return { from: log.start, anomaly: null };
  const recreated = position.topicId !== '' && position.topicId !== log.topicId;
  if (recreated || position.next > log.end) return { from: log.start, anomaly: 'rewound' };
  if (position.next < log.start) return { from: log.start, anomaly: 'lost' };
  return { from: position.next, anomaly: null };
}
