import type { Arrival, Settled } from '../apply/apply-batch.ts';
import { decodeArrivals } from '../apply/decode-arrivals.ts';
import type { WaitingBatch } from '../apply/settle-together.ts';
import { MovedError, type TransientError } from '../domain/errors.ts';
import { HUB } from '../domain/event.ts';
import type {
  Clock,
  ConsumerNotes,
  EventCodec,
  Log,
  Metrics,
  PositionAdvance,
  Store,
  TopicInspector,
  Tracing,
  WireBatch,
} from '../ports.ts';
import { isWorthTelling } from '../runtime/backoff.ts';
import { reach } from '../runtime/crash-points.ts';
import { retryTransient } from '../runtime/retry.ts';
import { alignPosition } from './align-position.ts';
import type { TopicFuses } from './create-topic-fuses.ts';
import { processSpan, traceOutcomes } from './trace-batch.ts';

export interface ConsumeDeps {
  readonly store: Store;
  readonly codec: EventCodec;
  readonly inspector: Pick<TopicInspector, 'topicIds' | 'earliestOffset'>;
  readonly metrics: Metrics;
  readonly tracing: Tracing;
  readonly log: Log;
  readonly clock: Clock;
  /** The step of apply/: when its turn has come, decodes a batch and settles it together with the partition's position;
   *  only its first arrivals when the topic has to stop. */
  readonly settle: (batch: WaitingBatch) => Promise<readonly Settled[]>;
  readonly fuses: Pick<TopicFuses, 'hold'>;
  readonly notes: ConsumerNotes;
  /** What comes on this topic is no event: `take` does all that there is to do with a batch. */
  readonly canary?: { readonly topic: string; readonly take: (batch: WireBatch) => Promise<void> };
}

/** What one group member remembers of its partitions, so that a batch in sequence needs no extra read. */
export interface PartitionMemory {
  readonly applied: Map<string, { readonly next: bigint; readonly topicId: string }>;
  readonly sought: Map<string, bigint>;
  /** What a batch waits for, by partition, while it does. */
  readonly waiting: Map<string, string>;
}

export const newPartitionMemory = (): PartitionMemory => ({
  applied: new Map(),
  sought: new Map(),
  waiting: new Map(),
});

/** read → decode → apply → commit, one batch at a time, in partition order.
 *  An offset is committed only once the outcome of every record before it is durable in PostgreSQL. A crash on any line
 *  means redelivery, and redelivery is a no-op. While PostgreSQL or the registry is away the partition waits, its
 *  membership kept alive; nothing is skipped. So it does while its topic stands still. A partition that was taken away
 *  meanwhile loses only its commit. */
export async function consumeBatch(
  batch: WireBatch,
  provider: string,
  memory: PartitionMemory,
  deps: ConsumeDeps,
  signal: AbortSignal,
): Promise<void> {
  const { topic, partition, records } = batch;
  const log = deps.log.child({ topic, partition });
  const waiting = {
    signal,
    heartbeat: () => batch.heartbeat(),
    onWait: (error: TransientError, _waitMs: number, attempt: number) => {
      memory.waiting.set(keyOf(batch), error.message);
      deps.notes.obstacle(topic, partition, { kind: 'waiting', code: error.code });
      if (isWorthTelling(attempt)) log.warn({ err: error, attempt }, 'waiting before this batch can go on');
    },
  };
  const step = <T>(work: () => Promise<T>): Promise<T> =>
    retryTransient(work, waiting).finally(() => memory.waiting.delete(keyOf(batch)));
  const started = deps.clock();
  reach('consume:fetched');

  let next = records.at(-1)!.offset + 1n;
  let topicId: string;
  try {
    if (await deps.fuses.hold(batch, signal)) return void memory.applied.delete(keyOf(batch));
    const from = await step(() => locate(batch, memory, deps, log));
    if (from === 'sought' || batch.isStale()) return;
    topicId = from.topicId;
    const settled = await deps.tracing.inSpan(processSpan(batch, provider), async (span) => {
      await step(() => deps.codec.prepare(records.map(({ value }) => value)));
      const decode = async () => {
        signal.throwIfAborted();
        const arrivals = await decodeArrivals(topic, records, deps.codec);
        reach('consume:decoded');
        const times = readTimes(batch, arrivals, provider, deps.notes);
        return { arrivals, position: { topic, partition, topicId, expected: from.next, next, ...times } };
      };
      const bytes = records.reduce((sum, { value }) => sum + (value?.length ?? 0), 0);
      let attempts = 0;
      const outcomes = await step(() => deps.settle({ topic, bytes, alone: attempts++ > 0, decode }));
      traceOutcomes(batch, outcomes, { span, startMs: started }, deps.tracing);
      return outcomes;
    });
    if (settled.length === 0) return;
    next = records[settled.length - 1]!.offset + 1n;
  } catch (error) {
    // Stopped while waiting for PostgreSQL: nothing of this batch is durable, and it will come again.
    if (signal.aborted && error === signal.reason) return;
    if (!(error instanceof MovedError)) throw error;
    log.warn('another consumer has taken this partition on; this batch is dropped, nothing was written');
    memory.applied.delete(keyOf(batch));
    return;
  } finally {
    deps.notes.obstacle(topic, partition, null);
  }
  memory.applied.set(keyOf(batch), { next, topicId });
  memory.sought.delete(keyOf(batch));
  // PostgreSQL has the position; the group's is for onlookers, and nothing waits for it.
  void batch.commit(next).then(() => reach('consume:committed'));
  deps.metrics.batch(provider, topic, records.length, (deps.clock() - started) / 1000);
}

const keyOf = (batch: WireBatch): string => `${batch.topic}/${batch.partition}`;

/** The position that this batch advances from, once it is known to be the right batch; else seeks the right one. */
async function locate(
  batch: WireBatch,
  memory: PartitionMemory,
  deps: ConsumeDeps,
  log: Log,
): Promise<'sought' | { readonly next: bigint | null; readonly topicId: string }> {
  const { topic, partition, fetchedFrom, highWatermark } = batch;
  const remembered = memory.applied.get(keyOf(batch));
  if (remembered?.next === fetchedFrom) return remembered;

  const applied = await deps.store.readPosition(topic, partition);
  const topicId = (await deps.inspector.topicIds([topic])).get(topic) ?? applied?.topicId ?? '';
  const earliest = await deps.inspector.earliestOffset(topic, partition);
  const sought = memory.sought.get(keyOf(batch)) ?? null;
  const alignment = alignPosition({ applied, topicId, fetchedFrom, highWatermark, earliest, sought });
  switch (alignment.action) {
    case 'seek':
      log.info(
        { from: fetchedFrom.toString(), to: alignment.to.toString() },
        'reading on from the applied position',
      );
      memory.sought.set(keyOf(batch), alignment.to);
      batch.seek(alignment.to);
      return 'sought';
    case 'lost':
      log.error(
        { from: alignment.from.toString(), to: alignment.to.toString() },
        'records were lost to retention before they were read; pull the provider to heal what they carried',
      );
      deps.metrics.lostToRetention(topic, Number(alignment.to - alignment.from));
      deps.notes.incident(topic, partition, { kind: 'lost', from: alignment.from, to: alignment.to });
      break;
    case 'rewound':
      log.warn(
        'the topic was created anew or its log ends before the applied position; its records are judged as new',
      );
      deps.notes.incident(topic, partition, { kind: 'rewound', from: applied?.next ?? 0n, to: fetchedFrom });
      break;
    case 'apply':
      break;
  }
  return { next: applied?.next ?? null, topicId };
}

/** When the newest record came that E-assurance had not written. Notes on the way how the provider's clock stands to the
 *  broker's; an event that is sent again occurred long ago. */
function readTimes(
  { records }: WireBatch,
  arrivals: readonly Arrival[],
  provider: string,
  notes: ConsumerNotes,
): Pick<PositionAdvance, 'arrivedAtMs'> {
  let arrivedAtMs: number | undefined;
  for (const [i, arrival] of arrivals.entries()) {
    const meta = arrival.readable ? arrival.event.meta : null;
    if (meta?.origin === HUB) continue;
    const { timestampMs } = records[i]!;
    arrivedAtMs = Math.max(arrivedAtMs ?? 0, timestampMs);
    if (meta !== null && !meta.replay) notes.occurred(provider, Date.parse(meta.occurredAt), timestampMs);
  }
  return arrivedAtMs === undefined ? {} : { arrivedAtMs };
}
