import type { SigningKey } from '../apply/sign-event.ts';
import type { Clock, Log, Metrics, Outbox, TopicSink, Tracing } from '../ports.ts';
import { reach } from '../runtime/crash-points.ts';
import { composeRecord } from './compose-record.ts';
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
  readonly batchSize: number;
}

/** One step of a shard: reads the oldest rows, sends them in sequence with no transaction open, then deletes what Kafka
 *  acknowledged and parks what it refused for good. Returns how many rows it settled; 0 means the shard is empty. Throws
 *  TransientError when rows are left whose fate is unknown: they stay, and only they are sent again.
 *  A crash between send and delete sends again; receivers drop duplicates by event id. */
export async function relayBatch(shard: string, deps: RelayDeps): Promise<number> {
  const items = await deps.outbox.read(shard, deps.batchSize);
  if (items.length === 0) return 0;
  reach('relay:read');
  const spans = items.map((item) => traceSending(item, deps.tracing));
  const records = items.map((item, i) => composeRecord(item, spans[i]?.traceparent ?? null, deps.signingKey));
  const results = await deps
    .sinkOf(shard)
    .send(records)
    .catch((error: unknown) => {
      for (const span of spans) span?.end(error);
      throw error;
    });
  reach('relay:sent');

  const tellAll = deps.log.isLevelEnabled('debug');
  const acknowledged: Parameters<Outbox['acknowledge']>[0][number][] = [];
  for (const [i, item] of items.entries()) {
    const result = results[i]!;
    endSending(spans[i]!, result);
    if (result.status === 'acknowledged') {
      const { partition, offset } = result;
      const { sequence, eventId, topic } = item;
      acknowledged.push({ sequence, eventId, topic, partition, offset, outcome: 'published' });
      deps.metrics.published(item.provider, topic, 1);
      deps.metrics.endToEnd(item.provider, 'out', Math.max(0, deps.clock() - item.occurredAtMs) / 1000);
      if (tellAll) {
        const { entityId, traceparent } = item;
        const at = { topic, partition, offset: offset.toString() };
        deps.log.debug({ shard, eventId, entityId, ...at, traceparent }, 'event published');
      }
      continue;
    }
    if (result.status === 'unknown') continue;
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
  await deps.outbox.acknowledge(acknowledged);
  reach('relay:acknowledged');
  const published = acknowledged.length;
  deps.log.info({ shard, published, parked: items.length - published }, 'batch published');

  for (const result of results) if (result.status === 'unknown') throw result.error;
  return items.length;
}
