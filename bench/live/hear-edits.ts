import type { CleanupStack } from '../../src/runtime/cleanup-stack.ts';
import type { Bed } from '../open-bed.ts';
import { insurerKafka } from './insurer-kafka.ts';

export interface HeardEdits {
  /** An edit is being sent now; `mark` stands in its state and in no other's. */
  expect(entityId: string, mark: string): void;
  /** Milliseconds from `expect` to the consumer's batch, in the order of hearing. */
  readonly latencies: readonly number[];
  /** A sentence for each record that came twice or out of the order of its entity. */
  readonly faults: readonly string[];
}

/** The insurer's consumer, in its group before this resolves. */
export async function hearEdits(bed: Bed, topic: string, cleanup: CleanupStack): Promise<HeardEdits> {
  const expected = new Map<string, { readonly at: number; readonly mark: string }[]>();
  const latencies: number[] = [];
  const faults: string[] = [];
  const consumer = insurerKafka(bed).consumer({ groupId: `${bed.providerIds[0]}-bench-${Date.now()}` });
  await consumer.connect();
  cleanup.defer("the insurer's consumer", () => consumer.disconnect());
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  const joined = Promise.withResolvers<void>();
  consumer.on(consumer.events.GROUP_JOIN, () => joined.resolve());
  await consumer.run({
    partitionsConsumedConcurrently: 8,
    eachBatch: async ({ batch }) => {
      const now = performance.now();
      for (const { key, value } of batch.messages) {
        const waiting = expected.get(key!.toString());
        if (waiting === undefined) continue;
        const next = waiting.shift();
        if (next === undefined || !value!.includes(next.mark))
          faults.push(
            `${key!.toString()} came with another state than ${next?.mark ?? 'any that was still to come'}`,
          );
        else latencies.push(now - next.at);
      }
    },
  });
  await joined.promise;
  return {
    latencies,
    faults,
    expect(entityId, mark) {
      const waiting = expected.get(entityId) ?? [];
      expected.set(entityId, waiting);
      waiting.push({ at: performance.now(), mark });
    },
  };
}
