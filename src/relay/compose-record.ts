import { SIGNATURE_HEADER, signEvent, type SigningKey } from '../apply/sign-event.ts';
import type { OutboxItem, OutgoingRecord } from '../ports.ts';

/** The Kafka record of an outbox row: key = entity id, CloudEvents 1.0 Kafka binary mode headers (§3.2), and the W3C trace
 *  context that its readers continue. No personal data: the Avro value is authoritative, headers route and trace. */
export function composeRecord(
  item: OutboxItem,
  traceparent: string | null,
  signingKey: SigningKey,
): OutgoingRecord {
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
      ...(traceparent === null ? {} : { traceparent }),
    },
  };
}
