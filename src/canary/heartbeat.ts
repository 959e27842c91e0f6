import type { Clock, Metrics, OutgoingRecord, WireBatch } from '../ports.ts';

/** No event and no Avro: nobody but E-assurance may write or read the topic. */
export function composeHeartbeat(topic: string, providerId: string, sentAtMs: number): OutgoingRecord {
  return {
    topic,
    key: providerId,
    value: Buffer.from(JSON.stringify({ sentAtMs })),
    headers: { 'content-type': 'application/json' },
  };
}

/** Times what came back and has the group go on behind it. Something else on the topic is passed over. */
export async function takeHeartbeats(
  providerId: string,
  { records, commit }: Pick<WireBatch, 'records' | 'commit'>,
  { metrics, clock }: { readonly metrics: Pick<Metrics, 'heartbeat'>; readonly clock: Clock },
): Promise<void> {
  for (const { value } of records) {
    const sentAtMs = readSentAt(value);
    if (sentAtMs !== null) metrics.heartbeat(providerId, Math.max(0, clock() - sentAtMs) / 1000);
  }
  await commit(records.at(-1)!.offset + 1n);
}

function readSentAt(value: Buffer | null): number | null {
  try {
    const { sentAtMs } = JSON.parse(String(value)) as { readonly sentAtMs?: unknown };
    return typeof sentAtMs === 'number' ? sentAtMs : null;
  } catch {
    return null;
  }
}
