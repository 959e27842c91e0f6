import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { consumeProvider } from '../../../src/consume/consume-provider.ts';
import type { ConsumeDeps } from '../../../src/consume/consume-batch.ts';
import { TransientError } from '../../../src/domain/errors.ts';
import type { TopicConsumer, WireBatch } from '../../../src/ports.ts';
import { createMetrics } from '../../../src/telemetry/metrics.ts';
import { createMemoryStore } from '../../fakes/memory-store.ts';

const TOPIC = 'saa-constat.created';

/** A group member with the partitions 0 and 1, a batch each; partition 0 fails as told. */
function setup(failures: { readonly apply?: Error; readonly commit?: Error }) {
  const committed: number[] = [];
  const beats: number[] = [];
  const stop = new AbortController();
  const started = Promise.withResolvers<void>();
  const metrics = createMetrics();
  const batchOf = (partition: number): WireBatch => ({
    topic: TOPIC,
    partition,
    fetchedFrom: 0n,
    highWatermark: 1n,
    records: [{ topic: TOPIC, partition, offset: 0n, timestampMs: 0, key: null, value: null, headers: {} }],
    heartbeat: async () => {
      beats.push(partition);
      started.resolve();
    },
    isStale: () => false,
    commit: async () => {
      if (partition === 0 && failures.commit) throw failures.commit;
      committed.push(partition);
    },
    seek: () => {},
  });
  const consumer: TopicConsumer = {
    run: async (handle) => {
      await Promise.all([handle(batchOf(0)), handle(batchOf(1))]);
    },
  };
  const deps: ConsumeDeps = {
    store: createMemoryStore(),
    codec: {
      decodeBatch: async (_topic, values) =>
        values.map(() => ({ readable: false, code: 'UNDECODABLE', cause: 'No event.', schemaId: null })),
      encode: () => Promise.reject(new Error('nothing is encoded here')),
      decodeStored: () => Promise.reject(new Error('nothing is decoded here')),
      normalise: (_kind, state) => state,
    },
    inspector: { topicIds: async () => new Map([[TOPIC, 'T']]), earliestOffset: async () => 0n },
    metrics,
    log: pino({ level: 'silent' }),
    clock: () => 0,
    apply: async (arrivals, { partition }) => {
      if (partition === 0 && failures.apply) throw failures.apply;
      return arrivals.map(() => ({ outcome: 'applied', code: null, eventId: null, entityId: null }));
    },
    fuses: { hold: async () => false },
  };
  const service = consumeProvider('saa', consumer, deps);
  return { service, stop, started: started.promise, committed, beats, metrics };
}

describe('consumeProvider', () => {
  it('holds a partition on a failure that nothing explains, uncommitted and shown, while the others go on', async () => {
    const { service, stop, started, committed, beats, metrics } = setup({ apply: new TypeError('a bug') });
    const running = service.run(stop.signal);
    await started;
    expect(await service.check()).toMatchObject({ status: 'degraded' });
    expect((await service.check()).detail).toContain(`${TOPIC}/0`);
    expect(await metrics.text()).toContain(`bridge_partitions_halted_total{topic="${TOPIC}"} 1`);
    stop.abort();
    await running;
    expect(committed).toEqual([1]);
    expect(new Set(beats)).toEqual(new Set([0]));
    expect(await service.check()).toMatchObject({ status: 'up' });
  });

  it('hands a transient failure of the membership to its supervisor, which starts it again', async () => {
    const commit = new TransientError('KAFKA_UNAVAILABLE', 'the coordinator is away');
    const { service, stop } = setup({ commit });
    await expect(service.run(stop.signal)).rejects.toBe(commit);
    expect(await service.check()).toMatchObject({ status: 'up' });
  });
});
