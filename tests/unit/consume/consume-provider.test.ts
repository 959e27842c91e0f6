import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { consumeProvider } from '../../../src/consume/consume-provider.ts';
import { TransientError } from '../../../src/domain/errors.ts';
import type { TopicConsumer, WireBatch } from '../../../src/ports.ts';
import { createConsumerNotes } from '../../../src/lag/consumer-notes.ts';
import { createMetrics } from '../../../src/telemetry/metrics.ts';
import { NO_TRACING } from '../../../src/telemetry/no-tracing.ts';
import { createMemoryStore } from '../../fakes/memory-store.ts';

const TOPIC = 'saa-constat.created';
const STOPPED = 'saa-constat.updated';

/** A group member with the partitions 0 and 1, a batch each; partition 0 fails as told. */
function setup(failures: { readonly apply?: Error; readonly membership?: Error }) {
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
    commit: async () => void committed.push(partition),
    seek: () => {},
  });
  const consumer: Pick<TopicConsumer, 'run'> = {
    run: async (handle) => {
      if (failures.membership) throw failures.membership;
      await Promise.all([handle(batchOf(0)), handle(batchOf(1))]);
    },
  };
  const deps: Parameters<typeof consumeProvider>[2] = {
    notes: createConsumerNotes(() => 0),
    store: createMemoryStore(),
    codec: {
      prepare: async () => {},
      decodeBatch: async (_topic, values) =>
        values.map(() => ({ readable: false, code: 'UNDECODABLE', cause: 'No event.', schemaId: null })),
      encode: () => Promise.reject(new Error('nothing is encoded here')),
      decodeStored: () => Promise.reject(new Error('nothing is decoded here')),
      normalise: (_kind, state) => state,
    },
    inspector: { topicIds: async () => new Map([[TOPIC, 'T']]), earliestOffset: async () => 0n },
    metrics,
    tracing: NO_TRACING,
    log: pino({ level: 'silent' }),
    clock: () => 0,
    settle: async ({ decode }) => {
      const { arrivals, position } = await decode();
      if (position.partition === 0 && failures.apply) throw failures.apply;
      return arrivals.map(() => ({ outcome: 'applied', code: null, eventId: null, entityId: null }));
    },
    fuses: { hold: async () => false, isPaused: (topic) => topic === STOPPED },
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
    const membership = new TransientError('KAFKA_UNAVAILABLE', 'the coordinator is away');
    const { service, stop } = setup({ membership });
    await expect(service.run(stop.signal)).rejects.toBe(membership);
    expect(await service.check()).toMatchObject({ status: 'up' });
  });

  it('ends its run, for its supervisor, when it is to start again', async () => {
    const { service, stop, started } = setup({ apply: new TypeError('a bug') });
    const running = service.run(stop.signal);
    await started;
    expect(service.explain(TOPIC, 0)).toMatch(/unexplained/);
    expect(service.explain(TOPIC, 1)).toBeNull();
    service.restart('it stands still');
    await expect(running).rejects.toMatchObject({ name: 'TransientError', code: 'CONSUMER_STALLED' });
    expect(service.explain(TOPIC, 0)).toBeNull();
  });

  it('says what a partition waits for, while it does', async () => {
    const { service, stop, started } = setup({
      apply: new TransientError('DATABASE_UNAVAILABLE', 'PostgreSQL cannot be reached'),
    });
    const running = service.run(stop.signal);
    await started;
    expect(service.explain(TOPIC, 0)).toBe('PostgreSQL cannot be reached');
    expect(await service.check()).toMatchObject({
      status: 'degraded',
      detail: `${TOPIC}/0 waits: PostgreSQL cannot be reached`,
    });
    stop.abort();
    await running;
    expect(service.explain(TOPIC, 0)).toBeNull();
  });

  it('explains a topic that was stopped', () => {
    expect(setup({}).service.explain(STOPPED, 0)).toMatch(/until somebody resumes it/);
  });

  it.each([
    ['KAFKA_UNAUTHORISED', 'this user may not use the group'],
    ['KAFKA_UNAVAILABLE', null],
  ])('after %s explains its absence by what an operator has to mend, and else not', async (code, why) => {
    const membership = new TransientError(code, 'this user may not use the group');
    const { service, stop } = setup({ membership });
    await expect(service.run(stop.signal)).rejects.toBe(membership);
    expect(service.explainAbsence()).toBe(why);
  });
});
