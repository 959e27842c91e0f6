import type { TopicConsumer } from '../ports.ts';
import type { Service } from '../runtime/run-services.ts';
import { consumeBatch, newPartitionMemory, type ConsumeDeps } from './consume-batch.ts';

/** One consumer group per provider, shared by all replicas of the bridge. */
export const consumerGroup = (provider: string): string => `eassurance-${provider}`;

/** The inbound side of one provider: its own group member, so that a rebalance, a leaderless partition or a pause of one
 *  insurer touches nobody else. Resolves on stop, once the batches in flight are settled. */
export function consumeProvider(provider: string, consumer: TopicConsumer, deps: ConsumeDeps): Service {
  return {
    name: `consume ${provider}`,
    run: (signal) => {
      const memory = newPartitionMemory();
      return consumer.run((batch) => consumeBatch(batch, provider, memory, deps, signal), signal);
    },
  };
}
