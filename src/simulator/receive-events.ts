import { once } from 'node:events';
import type { EachBatchPayload, Kafka, KafkaMessage } from 'kafkajs';
import { digestOf } from './canonical-form.ts';
import type { PlatformEvent } from './event-codec.ts';
import { countKnownArrival, isOwnPublication, noteArrival } from './event-log-table.ts';
import type { Arrival } from './event-log-table.ts';
import { routeOf } from './kinds.ts';
import type { PlatformKind } from './kinds.ts';
import { inTransaction } from './open-database.ts';
import type { PlatformDeps } from './platform-deps.ts';
import { insertRecord, lockRecord, updateRecord } from './record-table.ts';
import type { PlatformRecord, Receipt } from './record.ts';
import { dominates } from './revision.ts';

/** A fetch under way holds up the stop: kafkajs' own 5 s would make every stop wait for them. */
const MAX_FETCH_WAIT_MS = 500;

export interface Subscription {
  readonly groupId: string;
  readonly topics: readonly string[];
}

/** Reads the provider's topics until `signal` aborts. An offset is committed only after the database holds what became of
 *  every event before it; while database or registry are away, nothing is skipped. Rejects when the consumer died for good. */
export async function receiveEvents(
  kafka: Kafka,
  { groupId, topics }: Subscription,
  deps: PlatformDeps,
  signal: AbortSignal,
  onReady: () => void,
): Promise<void> {
  const consumer = kafka.consumer({
    groupId,
    allowAutoTopicCreation: false,
    maxWaitTimeInMs: MAX_FETCH_WAIT_MS,
    retry: { retries: 8, maxRetryTime: 10_000 },
  });
  const crashed = new AbortController();
  consumer.on(consumer.events.GROUP_JOIN, onReady);
  // kafkajs restarts by itself after what it takes for passing; any other crash ends the run.
  consumer.on(consumer.events.CRASH, ({ payload }) => {
    if (!payload.restart) crashed.abort(payload.error);
  });
  try {
    await consumer.connect();
    await consumer.subscribe({ topics: [...topics], fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: 3,
      eachBatch: (payload) => receiveBatch(payload, consumer.commitOffsets.bind(consumer), deps, signal),
    });
    const either = AbortSignal.any([signal, crashed.signal]);
    if (!either.aborted) await once(either, 'abort');
    if (crashed.signal.aborted) throw crashed.signal.reason;
  } finally {
    await consumer.disconnect();
  }
}

type Commit = (offsets: { topic: string; partition: number; offset: string }[]) => Promise<void>;

async function receiveBatch(
  payload: EachBatchPayload,
  commit: Commit,
  deps: PlatformDeps,
  signal: AbortSignal,
): Promise<void> {
  const { topic, partition } = payload.batch;
  for (const message of payload.batch.messages) {
    if (signal.aborted || !payload.isRunning() || payload.isStale()) return;
    await receiveMessage(topic, partition, message, deps);
    payload.resolveOffset(message.offset);
    await commit([{ topic, partition, offset: (BigInt(message.offset) + 1n).toString() }]);
    await payload.heartbeat();
  }
}

async function receiveMessage(
  topic: string,
  partition: number,
  message: KafkaMessage,
  deps: PlatformDeps,
): Promise<void> {
  const route = routeOf(deps.providerId, topic);
  if (!route) throw new Error(`${topic} is not a topic of ${deps.providerId}.`);
  const received = await deps.codec.decode(route.kind, route.record, message.value);
  const at = { topic, partition, offset: message.offset };
  const { outcome, record } = received.readable
    ? await receiveEvent(route.kind, received.event, at, deps).catch((error: unknown) =>
        setAside(at, refusedByDatabase(error), deps),
      )
    : await setAside(at, received.cause, deps);
  if (record) deps.changes.emit('record', record);
  deps.log.debug(
    { ...at, outcome, eventId: received.readable ? received.event.meta.eventId : null },
    'received',
  );
}

function receiveEvent(
  kind: PlatformKind,
  event: PlatformEvent,
  at: Position,
  deps: PlatformDeps,
): Promise<Settled> {
  const { eventId, eventType, entityId: recordId, revision } = event.meta;
  return inTransaction(deps.pool, async (tx) => {
    if (await countKnownArrival(tx, eventId)) return { outcome: 'duplicate', record: null };
    const settled: Settled = (await isOwnPublication(tx, eventId))
      ? { outcome: 'own', record: null }
      : await applyIfDominating(tx, kind, event, deps);
    await noteArrival(tx, {
      ...at,
      eventId,
      eventType,
      kind: kind.name,
      recordId,
      revision,
      outcome: settled.outcome,
      cause: null,
    });
    return settled;
  });
}

/** What can't be read is noted and passed over: it must not hold up what comes behind it. */
async function setAside(at: Position, cause: string, deps: PlatformDeps): Promise<Settled> {
  deps.log.warn({ ...at, cause }, 'set an unreadable event aside');
  const nothing = { eventId: null, eventType: null, kind: null, recordId: null, revision: null };
  await inTransaction(deps.pool, (tx) =>
    noteArrival(tx, { ...at, ...nothing, outcome: 'unreadable', cause }),
  );
  return { outcome: 'unreadable', record: null };
}

/** Class 22 (data exception): the event holds what no column takes, such as U+0000 or an id that is no UUID. Anything
 *  else is not the event's fault and is thrown on: the partition waits. */
function refusedByDatabase(error: unknown): string {
  const { code, message } = error as { code?: string; message: string };
  if (!code?.startsWith('22')) throw error;
  return message;
}

type Position = Pick<Arrival, 'topic' | 'partition' | 'offset'>;

interface Settled {
  readonly outcome: Receipt;
  readonly record: PlatformRecord | null;
}

/** The provider's whole duty on receipt: apply what dominates, ignore the rest. */
async function applyIfDominating(
  tx: Parameters<typeof lockRecord>[0],
  kind: PlatformKind,
  event: PlatformEvent,
  deps: PlatformDeps,
): Promise<Settled> {
  const { meta, state } = event;
  if (meta.providerId !== deps.providerId) return { outcome: 'ignored', record: null };
  const content = {
    kind: kind.name,
    id: meta.entityId,
    revision: meta.revision,
    state,
    eventId: meta.eventId,
  };
  const written = { ...content, digest: digestOf(deps.contracts, kind, state) };
  let held = await lockRecord(tx, kind.name, meta.entityId);
  if (!held) {
    const inserted = await insertRecord(tx, written);
    if (inserted) return { outcome: 'applied', record: inserted };
    // Somebody else was first in the meantime: created and updated come from two topics at once.
    held = await lockRecord(tx, kind.name, meta.entityId);
  }
  if (!held || !dominates(meta.revision, held.revision)) return { outcome: 'ignored', record: null };
  return { outcome: 'applied', record: await updateRecord(tx, written) };
}
