import type { SigningKey } from '../apply/sign-event.ts';
import type { TransientError } from '../domain/errors.ts';
import type {
  Clock,
  Log,
  Metrics,
  Outbox,
  OutboxItem,
  OutgoingRecord,
  TopicSink,
  Tracing,
} from '../ports.ts';
import { reach } from '../runtime/crash-points.ts';
import { composeRecord, withTrace } from './compose-record.ts';
import { endSending, traceSending } from './trace-sending.ts';

export interface RelayDeps {
  readonly outbox: Outbox;
  /** A sink per shard, so that a provider whose broker stalls holds up no other. */
  readonly sinkOf: (shard: string) => TopicSink;
  readonly signingKey: SigningKey;
  readonly metrics: Metrics;
  readonly tracing: Tracing;
  readonly log: Log;
  readonly clock: Clock;
  /** Rows of a batch at most, and the bytes of events with which it ends. */
  readonly batchSize: number;
  readonly batchBytes: number;
}

/** Rows in sequence, and their records, signed. */
export interface Batch {
  readonly items: readonly OutboxItem[];
  readonly records: readonly OutgoingRecord[];
  /** It took as much as it may: more waits behind it, as far as anyone knows. */
  readonly full: boolean;
}

/** What became of a batch. */
export interface SentBatch {
  readonly acknowledged: Parameters<Outbox['acknowledge']>[0];
  /** Why rows are left of which nobody knows whether they were written; null when there are none. */
  readonly unknown: TransientError | null;
}

/** The oldest rows of the shard but these. */
export async function readBatch(shard: string, except: readonly bigint[], deps: RelayDeps): Promise<Batch> {
  const { batchSize, batchBytes, signingKey } = deps;
  const items = await deps.outbox.read(shard, batchSize, { maxBytes: batchBytes, except });
  if (items.length > 0) reach('relay:read');
  const bytes = items.reduce((sum, item) => sum + item.bytes.length, 0);
  return {
    items,
    records: items.map((item) => composeRecord(item, signingKey)),
    full: items.length >= batchSize || bytes >= batchBytes,
  };
}

/** Sends the records in sequence with no transaction open, and parks what Kafka refused for good. */
export async function sendBatch(shard: string, batch: Batch, deps: RelayDeps): Promise<SentBatch> {
  const { items } = batch;
  const spans = items.map((item) => traceSending(item, deps.tracing));
  const records = batch.records.map((record, i) => withTrace(record, spans[i]?.traceparent ?? null));
  const results = await deps
    .sinkOf(shard)
    .send(records)
    .catch((error: unknown) => {
      for (const span of spans) span?.end(error);
      throw error;
    });
  reach('relay:sent');

  const tellAll = deps.log.isLevelEnabled('debug');
  const now = deps.clock();
  const acknowledged: SentBatch['acknowledged'][number][] = [];
  let unknown: TransientError | null = null;
  for (const [i, item] of items.entries()) {
    const result = results[i]!;
    endSending(spans[i]!, result);
    if (result.status === 'acknowledged') {
      const { partition, offset } = result;
      const { sequence, eventId, topic } = item;
      acknowledged.push({ sequence, eventId, topic, partition, offset, outcome: 'published' });
      deps.metrics.published(item.provider, topic, 1);
      deps.metrics.endToEnd(item.provider, 'out', Math.max(0, now - item.occurredAtMs) / 1000);
      if (tellAll) {
        const { entityId, traceparent } = item;
        const at = { topic, partition, offset: offset.toString() };
        deps.log.debug({ shard, eventId, entityId, ...at, traceparent }, 'event published');
      }
      continue;
    }
    if (result.status === 'unknown') {
      unknown ??= result.error;
      continue;
    }
    await deps.outbox.park(item.sequence, result.code, result.cause);
    reach('relay:parked');
    deps.metrics.parked(item.provider, result.code);
    deps.log.error(
      {
        shard,
        topic: item.topic,
        eventId: item.eventId,
        entityId: item.entityId,
        code: result.code,
        cause: result.cause,
      },
      'Kafka refused an event for good; it is parked and the others go on',
    );
  }
  deps.log.info(
    { shard, published: acknowledged.length, parked: items.length - acknowledged.length },
    'batch published',
  );
  return { acknowledged, unknown };
}

/** Deletes what Kafka acknowledged. */
export async function acknowledgeBatch(sent: SentBatch, deps: RelayDeps): Promise<void> {
  await deps.outbox.acknowledge(sent.acknowledged);
  reach('relay:acknowledged');
}
