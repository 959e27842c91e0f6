import { setTimeout as delay } from 'node:timers/promises';
import { createCleanupStack } from '../../src/runtime/cleanup-stack.ts';
import type { Bed } from '../open-bed.ts';
import { createApiClient } from './api-client.ts';
import { hearEdits } from './hear-edits.ts';
import type { Latencies } from './latencies.ts';
import type { SteadyLoad } from './measure-inbound.ts';
import type { LiveBridge } from './open-bridge.ts';
import { openConstats } from './open-constats.ts';
import { pace } from './pace.ts';

const CONNECTIONS = 50;
const HEARD_WITHIN_MS = 30_000;

/** From just before the request of an edit to the insurer's consumer having its record. Each edit waits for the answer to
 *  the one before it on the same constat, so that its `If-Match` holds; every edit must be answered 200, and be heard once
 *  and in the order of its constat. Where all constats wait for answers, edits are left out and counted: the API does not
 *  bear the rate, and the latencies are those of a queue. */
export async function measureOutbound(bed: Bed, bridge: LiveBridge, options: SteadyLoad): Promise<Latencies> {
  const { perSecond, seconds, warmUpSeconds } = options;
  const { signal } = bed;
  const count = perSecond * (warmUpSeconds + seconds);
  const [providerId] = bed.providerIds as [string];
  const cleanup = createCleanupStack();
  try {
    const api = createApiClient(bridge, CONNECTIONS);
    cleanup.defer('the connections', api.close);
    const idle = [...(await openConstats(api, providerId, 2 * perSecond, signal))];
    const edits = await hearEdits(bed, `${providerId}-constat.updated`, cleanup);

    const failures: unknown[] = [];
    let unsent = 0;
    const cpu = await bridge.cpuMs();
    const lateMs = await pace({ count, perSecond, signal }, (index) => {
      if (failures.length > 0) throw failures[0];
      const constat = idle.shift();
      if (constat === undefined) return void (unsent += 1);
      const place = `Edit ${perSecond}/${index}.`;
      edits.expect(constat.id, place);
      api
        .send('PATCH', `/v1/constats/${constat.id}`, { 'If-Match': constat.etag }, { accident: { place } })
        .then(
          (answer) => idle.push(answer),
          (error: unknown) => failures.push(error),
        );
    });
    const deadline = performance.now() + HEARD_WITHIN_MS;
    while (edits.latencies.length < count - unsent) {
      if (failures.length > 0) throw failures[0];
      if (edits.faults.length > 0) throw new Error(edits.faults[0]);
      if (performance.now() > deadline)
        throw new Error(
          `${edits.latencies.length} of ${count - unsent} edits were heard after ${HEARD_WITHIN_MS / 1_000} s`,
        );
      await delay(20, undefined, { signal });
    }
    const used = ((await bridge.cpuMs()) - cpu) / (count - unsent);
    return {
      name: `edit's request to insurer's consumer, ${perSecond}/s`,
      values: edits.latencies.slice(-perSecond * seconds),
      note: [
        `${used.toFixed(2)} ms CPU of the bridge each, sent at most ${lateMs.toFixed(0)} ms late`,
        ...(unsent > 0 ? [`rate not borne: ${unsent} edits left out`] : []),
      ].join('; '),
    };
  } finally {
    await cleanup.unwind();
  }
}
