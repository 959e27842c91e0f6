import { randomUUID } from 'node:crypto';
import { createSampleData } from '../../src/simulator/sample-data.ts';
import type { ApiAnswer, ApiClient } from './api-client.ts';

const AT_ONCE = 20;

/** Opens so many realistic constats for the provider through the API. */
export async function openConstats(
  api: ApiClient,
  providerId: string,
  count: number,
  signal: AbortSignal,
): Promise<readonly ApiAnswer[]> {
  const sample = createSampleData({ seed: 11, providerId, today: '2026-05-10' });
  const opened: ApiAnswer[] = [];
  for (let left = count; left > 0; left -= AT_ONCE) {
    signal.throwIfAborted();
    const bodies = Array.from({ length: Math.min(left, AT_ONCE) }, () => ({
      providerId,
      ...sample.constat(),
    }));
    const post = (body: unknown) =>
      api.send('POST', '/v1/constats', { 'Idempotency-Key': randomUUID() }, body);
    opened.push(...(await Promise.all(bodies.map(post))));
  }
  return opened;
}
