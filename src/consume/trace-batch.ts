import type { Settled } from '../apply/apply-batch.ts';
import type { Span, SpanStart, Tracing, WireBatch } from '../ports.ts';

type Batch = Pick<WireBatch, 'topic' | 'partition' | 'records'>;

/** The span of one batch. A single record's continues the trace that its header names; of several records it begins a
 *  trace of its own, linked to theirs: a span for each would cost more than judging it. */
export function processSpan({ topic, partition, records }: Batch, provider: string): SpanStart {
  const traceparents = records.map(({ headers }) => headers['traceparent']);
  return {
    name: `process ${topic}`,
    kind: 'consumer',
    ...(records.length === 1 ? { parent: traceparents[0] } : { links: traceparents }),
    attributes: {
      'messaging.system': 'kafka',
      'messaging.operation.type': 'process',
      'messaging.operation.name': 'process',
      'messaging.destination.name': topic,
      'messaging.destination.partition.id': String(partition),
      'messaging.kafka.offset': Number(records[0]!.offset),
      'messaging.batch.message_count': records.length,
      'bridge.provider': provider,
    },
  };
}

/** Says what became of the records: their outcomes counted, and for each that was merged a span in the trace of its event,
 *  which our own event continues. */
export function traceOutcomes(
  { topic, records }: Batch,
  settled: readonly Settled[],
  batch: { readonly span: Span; readonly startMs: number },
  tracing: Tracing,
): void {
  const counts: Record<string, number> = {};
  settled.forEach(({ outcome, eventId, entityId }, i) => {
    const name = `bridge.outcome.${outcome}`;
    counts[name] = (counts[name] ?? 0) + 1;
    if (outcome !== 'merged') return;
    const merge = tracing.startSpan({
      name: `merge ${topic}`,
      kind: 'internal',
      parent: records[i]!.headers['traceparent'],
      links: [batch.span.traceparent],
      startMs: batch.startMs,
      attributes: {
        'messaging.message.id': eventId ?? undefined,
        'bridge.entity.id': entityId ?? undefined,
      },
    });
    merge.end();
  });
  batch.span.note(counts);
}
