/** Progress is judged, not liveness: a partition moves when what is settled moves, whoever says that all is well. */

/** A partition that this member holds, as seen from outside its consumer. */
export interface PartitionSample {
  /** The first offset that is not settled. */
  readonly settled: bigint;
  /** The first offset that the log does not have yet. */
  readonly end: bigint;
  /** Why it waits, when that is known: a restart would change nothing. */
  readonly explained: string | null;
}

/** What was seen at one moment. */
export interface ProgressSample {
  readonly atMs: number;
  /** The group's coordinator counts this consumer among its members, or it is known why not. */
  readonly joined: boolean;
  /** By `topic/partition`. */
  readonly partitions: ReadonlyMap<string, PartitionSample>;
}

/** What stands still, and since when; in the order in which it was seen. */
export interface Progress {
  readonly atMs: number;
  readonly outSinceMs: number | null;
  readonly partitions: ReadonlyMap<
    string,
    { readonly settled: bigint; readonly end: bigint; readonly sinceMs: number | null }
  >;
}

export interface Stall {
  /** A sentence without its time. */
  readonly what: string;
  readonly sinceMs: number;
}

/** Takes one more sample into account. A partition stands still from the first sample in which records wait, nothing
 *  was settled since the one before, and nothing explains it. While the consumer is out of its group, what it held is
 *  remembered: leaving is no progress. After a gap of more than `maxGapMs` (this process itself stood still, or what
 *  is asked was away) everything begins anew: nobody saw what happened meanwhile. */
export function followProgress(before: Progress | null, sample: ProgressSample, maxGapMs: number): Progress {
  const known = before !== null && sample.atMs - before.atMs <= maxGapMs ? before : null;
  const partitions = new Map(sample.joined ? [] : known?.partitions);
  for (const [name, { settled, end, explained }] of sample.partitions) {
    const last = known?.partitions.get(name);
    const waits = end > settled && explained === null && (last === undefined || settled <= last.settled);
    partitions.set(name, { settled, end, sinceMs: waits ? (last?.sinceMs ?? sample.atMs) : null });
  }
  return {
    atMs: sample.atMs,
    outSinceMs: sample.joined ? null : (known?.outSinceMs ?? sample.atMs),
    partitions,
  };
}

/** Everything that has stood still for at least `afterMs` when `progress` was last seen; the longest first. */
export function findStalls(progress: Progress, group: string, afterMs: number): readonly Stall[] {
  const stalls: Stall[] = [];
  for (const [name, { settled, end, sinceMs }] of progress.partitions) {
    if (sinceMs !== null) stalls.push({ what: `${name} stands at ${settled} of ${end}`, sinceMs });
  }
  if (progress.outSinceMs !== null)
    stalls.push({ what: `the consumer is not in its group ${group}`, sinceMs: progress.outSinceMs });
  return stalls
    .filter(({ sinceMs }) => progress.atMs - sinceMs >= afterMs)
    .sort((a, b) => a.sinceMs - b.sinceMs);
}
