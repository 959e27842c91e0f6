import { SIGNATURE_HEADER, signEvent, type SigningKey } from '../apply/sign-event.ts';
import type { OutboxItem, OutgoingRecord } from '../ports.ts';

/** The Kafka record of an outbox row: key = entity id, and CloudEvents 1.0 Kafka binary mode headers (§3.2). No personal
 *  data: the Avro value is authoritative, headers route and trace. */
export function composeRecord(item: OutboxItem, signingKey: SigningKey): OutgoingRecord {
  return {
    topic: item.topic,
    key: item.entityId,
    value: item.bytes,
    headers: {
      ce_specversion: '1.0',
      ce_id: item.eventId,
      ce_source: `urn:eassurance:${item.origin}`,
      ce_type: `dz.eassurance.${item.eventType}.v1`,
      ce_time: new Date(item.occurredAtMs).toISOString(),
      ce_subject: item.entityId,
      'content-type': 'application/avro',
      [SIGNATURE_HEADER]: signEvent(item.eventId, item.bytes, signingKey),
    },
  };
}

/** With the W3C trace context that its readers continue. */
export function withTrace(record: OutgoingRecord, traceparent: string | null): OutgoingRecord {
  return traceparent === null ? record : { ...record, headers: { ...record.headers, traceparent } };
}
