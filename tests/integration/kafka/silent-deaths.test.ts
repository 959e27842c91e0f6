import { randomUUID } from 'node:crypto';
import pino from 'pino';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import { consumerGroup, consumeProvider } from '../../../src/consume/consume-provider.ts';
import { watchProgress } from '../../../src/consume/watch-progress.ts';
import { createKafka } from '../../../src/kafka/create-kafka.ts';
import { createKafkaAdmin } from '../../../src/kafka/create-kafka-admin.ts';
import { createTopicConsumer } from '../../../src/kafka/create-topic-consumer.ts';
import { createTopicInspector } from '../../../src/kafka/create-topic-inspector.ts';
import { createConsumerNotes } from '../../../src/lag/consumer-notes.ts';
import { EMPTY_PLAN } from '../../../src/apply/empty-plan.ts';
import type { Store } from '../../../src/ports.ts';
import { createPool } from '../../../src/postgres/create-pool.ts';
import { createStore } from '../../../src/postgres/create-store.ts';
import { runServices } from '../../../src/runtime/run-services.ts';
import { supervise } from '../../../src/runtime/supervise.ts';
import { createMetrics } from '../../../src/telemetry/metrics.ts';
import { NO_TRACING } from '../../../src/telemetry/no-tracing.ts';
import { freshProviderId } from '../../support/fresh-provider.ts';
import { createTopics, kafkaClient, platformaticAdmin, withKafkaAdmin } from '../../support/kafka-admin.ts';
import { startKafkaProxy } from '../../support/kafka-proxy.ts';
import { createTestDatabase, type TestDatabase } from '../../support/test-database.ts';
import { waitFor } from '../../support/wait-for.ts';

/** The ways in which a kafkajs consumer stops consuming while its process looks healthy, each provoked on the wire. */
const log = pino({ level: 'silent' });
const NOT_COORDINATOR = 16;
const GROUP_AUTHORIZATION_FAILED = 30;

let database: TestDatabase;
let store: Store;
const ends: (() => Promise<unknown>)[] = [];
beforeAll(async () => {
  database = await createTestDatabase(inject('databaseUrl'));
});
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});
afterAll(() => database.drop());

/** One provider's consumer and its watchdog as the bridge runs them, but with short times, a proxy before the broker, and
 *  records that are settled unread. The watchdog asks the broker itself. */
async function setup({ requestTimeoutMs = 1_000, stallAfterMs = 60_000 } = {}) {
  const provider = freshProviderId();
  const topic = `${provider}-constat.created`;
  await createTopics([topic]);
  const pool = createPool({ databaseUrl: database.url, onError: () => {} });
  ends.push(() => pool.end());
  store = createStore({ pool });
  const [broker] = inject('kafkaBrokers');
  const proxy = await startKafkaProxy(broker!);
  ends.push(() => proxy.close());
  const connection = {
    brokers: [broker!],
    sasl: { mechanism: 'scram-sha-256', ...inject('kafkaAdmin') },
    ssl: false,
    clientId: `test-${randomUUID()}`,
  } as const;
  const admin = createKafkaAdmin(connection);
  ends.push(() => admin.close());
  const kafka = createKafka({ ...connection, requestTimeoutMs, socketFactory: proxy.socketFactory }, log);
  const groupId = consumerGroup(provider);
  const inspector = createTopicInspector(admin);
  const consumer = createTopicConsumer({
    ...{ kafka, groupId, topics: [topic], log, sessionTimeoutMs: 6_000, heartbeatIntervalMs: 100 },
  });
  const service = consumeProvider(provider, consumer, {
    store,
    codec: {
      prepare: async () => {},
      decodeBatch: async (_topic, values) =>
        values.map(() => ({ readable: false, code: 'UNDECODABLE', cause: 'No event.', schemaId: null })),
      encode: () => Promise.reject(new Error('nothing is encoded here')),
      decodeStored: () => Promise.reject(new Error('nothing is decoded here')),
      normalise: (_kind, state) => state,
    },
    inspector,
    metrics: createMetrics(),
    tracing: NO_TRACING,
    fuses: { hold: async () => false, isPaused: () => false },
    notes: createConsumerNotes(Date.now),
    log,
    clock: Date.now,
    settle: async ({ decode }) => {
      const { position } = await decode();
      await store.transaction((tx) => tx.write({ ...EMPTY_PLAN, positions: [position] }));
      return [];
    },
  });
  const watch = watchProgress(provider, {
    ...{ consumer, service, topics: [topic], store, inspector, log, clock: Date.now, stallAfterMs },
  });
  const restarts: Error[] = [];
  const backoff = { minMs: 50, maxMs: 200 };
  const kept = supervise(service, { clock: Date.now, backoff, onRestart: (error) => restarts.push(error) });
  const stop = new AbortController();
  const running = runServices([kept, watch], stop.signal);
  ends.push(async () => {
    proxy.serve();
    stop.abort();
    await running;
  });
  const producer = kafkaClient().producer();
  await producer.connect();
  ends.push(() => producer.disconnect());
  const produce = () => producer.send({ topic, messages: [{ value: 'x' }] });
  const settled = async () => Number((await store.readPosition(topic, 0))?.next ?? 0);
  const settles = (count: number) =>
    waitFor(`${count} records are settled`, settled, (now) => now === count, 30_000);
  await produce();
  await settles(1);
  const committed = async () => {
    const [offsets] = await withKafkaAdmin((asking) => asking.fetchOffsets({ groupId, topics: [topic] }));
    return offsets!.partitions[0]!.offset;
  };
  // Nothing is on its way any more.
  await waitFor('its commit', committed, (offset) => offset === '1');
  return { topic, groupId, proxy, consumer, inspector, watch, restarts, produce, settles, committed };
}

describe('a consumer does not die silently', () => {
  it('when kafkajs crashes and does not start again: its supervisor starts another', async () => {
    const { proxy, restarts, produce, settles } = await setup();
    await proxy.failHeartbeats(GROUP_AUTHORIZATION_FAILED);
    await waitFor('the crash', () => restarts.length > 0);
    expect(restarts[0]).toMatchObject({ code: 'KAFKA_UNAUTHORISED' });
    await produce();
    await settles(2);
  });

  it('when the broker it heartbeats to is no longer the coordinator', async () => {
    const { proxy, consumer, inspector, groupId, produce, settles } = await setup();
    await proxy.failHeartbeats(NOT_COORDINATOR, 'the coordinator is looked up');
    await produce();
    await settles(2);
    await waitFor('it is counted in', async () =>
      (await inspector.groupMembers(groupId)).has(consumer.membership()!.memberId),
    );
  });

  it('when its connections stay open and carry nothing more', async () => {
    const { proxy, restarts, produce, settles } = await setup();
    proxy.hang();
    await produce();
    await settles(2);
    expect(restarts[0]).toMatchObject({
      code: 'KAFKA_UNAVAILABLE',
      message: expect.stringMatching(/owes an answer to/) as string,
    });
  });

  it('when the group has put it out', async () => {
    const { consumer, groupId, produce, settles } = await setup();
    const before = consumer.membership()!.memberId;
    const admin = platformaticAdmin();
    await admin.removeMembersFromConsumerGroup({ groupId, members: null });
    await admin.close();
    await waitFor('another membership', () => consumer.membership()!.memberId !== before);
    await produce();
    await settles(2);
  });

  it('and does not seem to when all that waits was aborted by its writer', async () => {
    const { topic, inspector, watch, restarts, committed } = await setup({ stallAfterMs: 3_000 });
    const writer = kafkaClient().producer({
      transactionalId: topic,
      idempotent: true,
      maxInFlightRequests: 1,
    });
    await writer.connect();
    ends.push(() => writer.disconnect());
    const transaction = await writer.transaction();
    await transaction.send({ topic, messages: [{ value: 'never was' }] });
    expect(await inspector.endOffsets([topic])).toEqual(new Map([[topic, new Map([[0, 1n]])]]));
    await transaction.abort();
    // The aborted record and the mark behind it.
    await waitFor('the watchdog counts it as settled', committed, (offset) => offset === '3');
    expect(await watch.check()).toMatchObject({ status: 'up' });
    expect(restarts).toEqual([]);
  });

  it('but is missed by its watchdog when nothing else notices, and started again', async () => {
    // The client itself would wait for ten minutes.
    const { topic, proxy, watch, restarts, produce, settles } = await setup({
      requestTimeoutMs: 600_000,
      stallAfterMs: 6_000,
    });
    expect(await waitFor('a first look', watch.check, ({ status }) => status === 'up')).toBeTruthy();
    proxy.hang('and new ones');
    await produce();
    const missed = await waitFor('the liveness fails', watch.check, ({ status }) => status === 'down');
    expect(missed.detail).toContain(`${topic}/0 stands at 1 of 2 since 20`);
    await waitFor('its consumer is started again', () => restarts.length > 0);
    expect(restarts[0]).toMatchObject({ code: 'CONSUMER_STALLED' });
    proxy.serve();
    await settles(2);
    await waitFor('the liveness is well', watch.check, ({ status }) => status === 'up');
  });
});
