import type { OutboxItem, SendResult, Span, Tracing } from '../ports.ts';

/** The span of sending one row, in the trace of the edit or event that made it. A row without a trace (what the bridge
 *  sends of its own accord) gets none: null. */
export function traceSending(item: OutboxItem, tracing: Tracing): Span | null {
  if (item.traceparent === null) return null;
  return tracing.startSpan({
    name: `send ${item.topic}`,
    kind: 'producer',
    parent: item.traceparent,
    attributes: {
      'messaging.system': 'kafka',
      'messaging.operation.type': 'send',
      'messaging.operation.name': 'send',
      'messaging.destination.name': item.topic,
      'messaging.message.id': item.eventId,
      'bridge.entity.id': item.entityId,
      'bridge.provider': item.provider,
    },
  });
}

/** Ends it with what Kafka said. */
export function endSending(span: Span | null, result: SendResult): void {
  if (result.status !== 'acknowledged') {
    return void span?.end(result.status === 'refused' ? result.code : result.error);
  }
  span?.note({
    'messaging.destination.partition.id': String(result.partition),
    'messaging.kafka.offset': Number(result.offset),
  });
  span?.end();
}
