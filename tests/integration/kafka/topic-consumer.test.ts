import { randomUUID } from 'node:crypto';
import pino from 'pino';
import { afterEach, describe, expect, inject, it } from 'vitest';
import { TransientError } from '../../../src/domain/errors.ts';
import { createKafka } from '../../../src/kafka/create-kafka.ts';
import { createTopicConsumer } from '../../../src/kafka/create-topic-consumer.ts';
import type { TopicConsumerDeps } from '../../../src/kafka/create-topic-consumer.ts';
import type { WireBatch } from '../../../src/ports.ts';
import { freshProviderId } from '../../support/fresh-provider.ts';
import { createTopics, kafkaClient, withKafkaAdmin } from '../../support/kafka-admin.ts';
import { waitFor } from '../../support/wait-for.ts';

const log = pino({ level: 'silent' });
const stops: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

const values = (batch: WireBatch) => batch.records.map(({ value }) => value!.toString());
const next = (batch: WireBatch) => batch.records.at(-1)!.offset + 1n;
const gate = () => Promise.withResolvers<void>();

async function setup(options: { partitions?: number } = {}) {
  const provider = freshProviderId();
  const topic = `${provider}-constat.created`;
  const groupId = `eassurance-${provider}`;
  await createTopics([topic], { partitions: options.partitions ?? 1 });
  const producer = kafkaClient().producer();
  await producer.connect();
  stops.push(() => producer.disconnect());

  const produce = async (partition: number, ...texts: string[]) => {
    const messages = texts.map((value) => ({ key: 'k', value, partition, headers: { ce_id: value } }));
    await producer.send({ topic, messages });
  };
  const start = (handle: (batch: WireBatch) => Promise<void>, overrides: Partial<TopicConsumerDeps> = {}) => {
    const stopping = new AbortController();
    const connection = {
      brokers: inject('kafkaBrokers'),
      sasl: { mechanism: 'scram-sha-256', ...inject('kafkaAdmin') },
      ssl: false,
      clientId: `test-${randomUUID()}`,
    } as const;
    const deps = { kafka: createKafka(connection, log), groupId, topics: [topic], log, ...overrides };
    const ended = createTopicConsumer(deps).run(handle, stopping.signal);
    const outcome = ended.then(
      () => 'stopped',
      (error: unknown) => error,
    );
    const stop = () => (stopping.abort(), outcome);
    stops.push(stop);
    return { outcome, stop };
  };
  const committed = async () => {
    const [offsets] = await withKafkaAdmin((admin) => admin.fetchOffsets({ groupId, topics: [topic] }));
    return Object.fromEntries(
      offsets!.partitions.map(({ partition, offset }) => [partition, Number(offset)]),
    );
  };
  const members = async () => {
    const { groups } = await withKafkaAdmin((admin) => admin.describeGroups([groupId]));
    return groups[0]!.members.length;
  };
  return { topic, groupId, produce, start, committed, members };
}

describe('a topic consumer', () => {
  it('hands out what was there before it joined, with offsets, times and headers', async () => {
    const { topic, produce, start, committed } = await setup();
    await produce(0, 'one', 'two');
    const seen: WireBatch[] = [];
    const { stop } = start(async (batch) => {
      seen.push(batch);
      await batch.commit(next(batch));
    });
    await waitFor('both records are committed', committed, (offsets) => offsets[0] === 2);
    expect(await stop()).toBe('stopped');

    const [batch] = seen;
    expect(batch).toMatchObject({ topic, partition: 0, fetchedFrom: 0n, highWatermark: 2n });
    expect(batch!.records).toMatchObject([
      { topic, partition: 0, offset: 0n, headers: { ce_id: 'one' } },
      { topic, partition: 0, offset: 1n, headers: { ce_id: 'two' } },
    ]);
    expect(batch!.records[0]!.key).toEqual(Buffer.from('k'));
    expect(Math.abs(Date.now() - batch!.records[0]!.timestampMs)).toBeLessThan(60_000);
  });

  it('rejects when a batch is rejected, and hands the same records to the next run', async () => {
    const { produce, start, committed } = await setup();
    await produce(0, 'one', 'two', 'three');
    const bug = new Error('a bug');
    const first = start(() => Promise.reject(bug));
    expect(await first.outcome).toBe(bug);
    expect(await committed()).toEqual({ 0: -1 });

    const seen: string[] = [];
    start(async (batch) => {
      seen.push(...values(batch));
      await batch.commit(next(batch));
    });
    await waitFor('all are committed', committed, (offsets) => offsets[0] === 3);
    expect(seen).toEqual(['one', 'two', 'three']);
  });

  it('hands a batch out again that was neither committed nor sought', async () => {
    const { produce, start, committed } = await setup();
    await produce(0, 'one');
    const seen: string[][] = [];
    start(async (batch) => {
      seen.push(values(batch));
      if (seen.length > 1) await batch.commit(next(batch));
    });
    await waitFor('it is committed', committed, (offsets) => offsets[0] === 1);
    expect(seen).toEqual([['one'], ['one']]);
  });

  it('reads on from the offset it was sent to', async () => {
    const { produce, start, committed } = await setup();
    await produce(0, 'one', 'two', 'three');
    const seen: [bigint, string[]][] = [];
    start(async (batch) => {
      seen.push([batch.fetchedFrom, values(batch)]);
      if (seen.length === 1) return batch.seek(2n);
      if (seen.length === 2) return batch.seek(0n);
      await batch.commit(next(batch));
    });
    await waitFor('all are committed', committed, (offsets) => offsets[0] === 3);
    expect(seen).toEqual([
      [0n, ['one', 'two', 'three']],
      [2n, ['three']],
      [0n, ['one', 'two', 'three']],
    ]);
  });

  it('goes on with the other partitions, fetch after fetch, while one waits', async () => {
    const { produce, start, committed } = await setup({ partitions: 3 });
    const blocked = gate();
    await produce(0, 'waits');
    start(
      async (batch) => {
        if (batch.partition === 0) await blocked.promise;
        await batch.commit(next(batch));
      },
      { detachAfterMs: 50 },
    );
    for (let round = 1; round <= 3; round += 1) {
      await produce(1, `b${round}`);
      await produce(2, `c${round}`);
      await waitFor(`round ${round}`, committed, (offsets) => offsets[1] === round && offsets[2] === round);
    }
    expect((await committed())[0]).toBe(-1);
    blocked.resolve();
    await waitFor('the waiting one is committed too', committed, (offsets) => offsets[0] === 1);
    await produce(0, 'and goes on');
    await waitFor('its partition goes on', committed, (offsets) => offsets[0] === 2);
  });

  it('fetches what other partitions are known to have while one waits, however long that one may', async () => {
    const { produce, start, committed } = await setup({ partitions: 2 });
    for (const text of ['one', 'two', 'three']) {
      await produce(0, text.padEnd(1_000));
      await produce(1, text.padEnd(1_000));
    }
    const blocked = gate();
    start(
      async (batch) => {
        if (batch.partition === 0) await blocked.promise;
        await batch.commit(next(batch));
      },
      { maxBytesPerPartition: 3_000, detachAfterMs: 600_000 },
    );
    await waitFor('the third batch of the other one', committed, (offsets) => offsets[1] === 3);
    expect((await committed())[0]).toBe(-1);
    blocked.resolve();
    await waitFor('all are committed', committed, (offsets) => offsets[0] === 3);
  });

  it('never has two batches of one partition in work', async () => {
    const { produce, start, committed } = await setup({ partitions: 2 });
    const inWork = new Map<number, number>();
    let most = 0;
    start(
      async (batch) => {
        const now = (inWork.get(batch.partition) ?? 0) + 1;
        inWork.set(batch.partition, now);
        most = Math.max(most, now);
        // Longer than the detaching, shorter than the producing: later fetches overlap with it.
        await waitFor('the next record', committed, (offsets) => offsets[1 - batch.partition]! >= -1);
        inWork.set(batch.partition, now - 1);
        await batch.commit(next(batch));
      },
      { detachAfterMs: 1 },
    );
    for (let i = 0; i < 10; i += 1) await produce(i % 2, `v${i}`);
    await waitFor('all are committed', committed, (offsets) => offsets[0] === 5 && offsets[1] === 5);
    expect(most).toBe(1);
  });

  it('keeps its membership while a batch waits longer than the session', async () => {
    const { produce, start, committed, members } = await setup();
    await produce(0, 'one');
    const started = gate();
    const blocked = gate();
    let calls = 0;
    start(
      async (batch) => {
        calls += 1;
        started.resolve();
        await blocked.promise;
        await batch.commit(next(batch));
      },
      { detachAfterMs: 50, sessionTimeoutMs: 6_000, heartbeatIntervalMs: 500 },
    );
    await started.promise;
    const since = Date.now();
    await waitFor('more than a session has passed', () => Date.now() - since > 7_500);
    expect(await members()).toBe(1);
    blocked.resolve();
    await waitFor('it is committed', committed, (offsets) => offsets[0] === 1);
    expect(calls).toBe(1);
  });

  it('lets the batch in work finish and commit when it is stopped, and leaves the group', async () => {
    const { produce, start, committed, members } = await setup();
    await produce(0, 'one');
    const started = gate();
    const blocked = gate();
    let stale: boolean | undefined;
    const consumer = start(
      async (batch) => {
        started.resolve();
        await blocked.promise;
        stale = batch.isStale();
        await batch.commit(next(batch));
      },
      { detachAfterMs: 50 },
    );
    await started.promise;
    const stopped = consumer.stop();
    await produce(0, 'two');
    blocked.resolve();
    expect(await stopped).toBe('stopped');
    expect(stale).toBe(true);
    expect(await committed()).toEqual({ 0: 1 });
    expect(await members()).toBe(0);
  });

  it('resolves when it is stopped before it has joined', async () => {
    const { start, members } = await setup();
    expect(await start(async () => {}).stop()).toBe('stopped');
    expect(await members()).toBe(0);
  });

  it('tells a batch whose partition another member took, and loses nothing but its commit', async () => {
    const { produce, start, committed } = await setup();
    await produce(0, 'one');
    const started = gate();
    const lost = gate();
    const fast = { heartbeatIntervalMs: 100, detachAfterMs: 50 };
    const first = start(async (batch) => {
      started.resolve();
      await waitFor('the partition is taken away', () =>
        batch.heartbeat().then(
          () => false,
          () => true,
        ),
      );
      expect(batch.isStale()).toBe(true);
      lost.resolve();
      await batch.heartbeat();
    }, fast);
    await started.promise;
    const seen: string[] = [];
    const second = start(async (batch) => {
      seen.push(...values(batch));
      await batch.commit(next(batch));
    }, fast);
    await lost.promise;
    await first.stop();
    await waitFor('the other member commits', committed, (offsets) => offsets[0] === 1);
    expect(seen).toEqual(['one']);
    expect(await first.outcome).toBe('stopped');
    expect(await second.stop()).toBe('stopped');
  });

  it('does not commit a batch of an earlier generation', async () => {
    const { produce, start, committed } = await setup({ partitions: 2 });
    await produce(0, 'one');
    await produce(1, 'two');
    const blocked = gate();
    const joined = gate();
    let calls = 0;
    const fast = { heartbeatIntervalMs: 100, detachAfterMs: 50 };
    start(async (batch) => {
      calls += 1;
      if (calls > 2) return batch.commit(next(batch));
      await blocked.promise;
      expect(batch.isStale()).toBe(true);
      // An offset that nobody else would commit.
      await batch.commit(99n);
      batch.seek(99n);
    }, fast);
    await waitFor('both batches are in work', () => calls === 2);
    const seen: number[] = [];
    start(async (batch) => {
      seen.push(batch.partition);
      joined.resolve();
      await batch.commit(next(batch));
    }, fast);
    await joined.promise;
    blocked.resolve();
    await waitFor(
      'both partitions are committed',
      committed,
      (offsets) => offsets[0] === 1 && offsets[1] === 1,
    );
    expect(seen).toHaveLength(1);
  });

  it('rejects with what is wrong when a topic does not exist', async () => {
    const { start } = await setup();
    const error = await start(async () => {}, { topics: [`${freshProviderId()}-none`] }).outcome;
    expect(error).toBeInstanceOf(TransientError);
    expect(error).toMatchObject({ code: 'TOPIC_MISSING' });
  });
});
