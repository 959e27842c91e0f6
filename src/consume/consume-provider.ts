import { TransientError } from '../domain/errors.ts';
import type { HealthCheck, TopicConsumer, WireBatch } from '../ports.ts';
import type { Service } from '../runtime/run-services.ts';
import { sleep } from '../runtime/sleep.ts';
import { consumeBatch, newPartitionMemory, type ConsumeDeps } from './consume-batch.ts';

/** Well within a group member's session. */
const HEARTBEAT_MS = 3_000;

/** One consumer group per provider, shared by all replicas of the bridge. */
export const consumerGroup = (provider: string): string => `eassurance-${provider}`;

export interface ConsumeService extends Service {
  /** Degraded while a partition stands still on a failure that nothing explains. */
  readonly check: HealthCheck;
}

/** The inbound side of one provider: its own group member, so that a rebalance, a leaderless partition or a pause of one
 *  insurer touches nobody else. A failure that is neither transient nor explained stops its partition, loudly, until the
 *  partition moves or the bridge restarts: nothing is skipped, and the other partitions go on. Resolves on stop, once the
 *  batches in flight are settled. */
export function consumeProvider(
  provider: string,
  consumer: TopicConsumer,
  deps: ConsumeDeps,
): ConsumeService {
  const halted = new Set<string>();
  return {
    name: `consume ${provider}`,
    check: async () =>
      halted.size === 0
        ? { name: `consume-${provider}`, status: 'up', detail: 'no partition stands still' }
        : {
            name: `consume-${provider}`,
            status: 'degraded',
            detail: `stopped on an unexplained failure: ${[...halted].sort().join(', ')}; see the log, then restart`,
          },
    run: (signal) => {
      const memory = newPartitionMemory();
      return consumer.run(async (batch) => {
        try {
          await consumeBatch(batch, provider, memory, deps, signal);
        } catch (error) {
          if (error instanceof TransientError) throw error;
          const { topic, partition, records } = batch;
          const offset = records[0]?.offset.toString();
          deps.log.fatal(
            { err: error, topic, partition, offset },
            'a batch failed for no known reason: its partition stops here, nothing is skipped, the others go on',
          );
          deps.metrics.halted(topic);
          halted.add(`${topic}/${partition}`);
          await hold(batch, signal).finally(() => halted.delete(`${topic}/${partition}`));
        }
      }, signal);
    },
  };
}

/** Keeps the partition, unread, until it is taken away or the bridge stops. */
async function hold(batch: WireBatch, signal: AbortSignal): Promise<void> {
  while (!signal.aborted && !batch.isStale()) {
    await batch.heartbeat();
    await sleep(HEARTBEAT_MS, signal).catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
  }
}
