import kafkajs from 'kafkajs';
import type { Batch, Consumer, EachBatchPayload, Kafka } from 'kafkajs';
import { MovedError, TransientError } from '../domain/errors.ts';
import type { Log, TopicConsumer, TopicPartition, WireBatch } from '../ports.ts';
import { commitSettled } from './commit-settled.ts';
import { joinCommits } from './join-commits.ts';
import { retryTransient } from '../runtime/retry.ts';
import { settlesWithin } from '../runtime/settles-within.ts';
import { toWireBatch } from './to-wire-batch.ts';
import { trackBacklog } from './track-backlog.ts';
import { trackMembership, type Membership } from './track-membership.ts';
import { translateKafkaError } from './translate-error.ts';

export interface TopicConsumerDeps {
  readonly kafka: Kafka;
  readonly groupId: string;
  readonly topics: readonly string[];
  readonly log: Log;
  /** The offsets from which partitions are read once they are assigned, in their order. Where left out, what the group has
   *  committed. */
  readonly positionsOf?: (partitions: readonly TopicPartition[]) => Promise<readonly StartPosition[]>;
  /** Batches handed to `handle` at the same time by one fetch; those that are detached come on top. */
  readonly partitionsConcurrently?: number;
  readonly sessionTimeoutMs?: number;
  readonly heartbeatIntervalMs?: number;
  readonly maxBytesPerPartition?: number;
  readonly maxBytes?: number;
  /** Longest wait of an idle fetch. Records that arrive end it at once. */
  readonly maxWaitMs?: number;
  /** How long one partition may hold up the next fetch of the others, when it is not known that they have anything. */
  readonly detachAfterMs?: number;
}

type StartPosition = bigint | 'oldest' | 'group';

/** What Kafka takes for the oldest offset. */
const EARLIEST = -2n;

type Handle = (batch: WireBatch) => Promise<void>;

/** How long leaving waits for the last commits: after the loss of a broker the coordinator may owe its answer for as long
 *  as it takes to miss that broker. */
const COMMIT_WITHIN_MS = 500;

/** How long leaving may take: a group that can't be told notices by itself when the session has lapsed. */
const LEAVE_WITHIN_MS = 10_000;

/** A group member for one provider's topics, on kafkajs.
 *
 *  kafkajs fetches from a broker, hands out what came, one batch per partition, and fetches again only when *all* of it
 *  is handled: a partition that waits (for PostgreSQL, for a schema) would hold up all others. So a batch that takes
 *  longer than `detachAfterMs`, or until enough other partitions are known to have more, is detached: its partition is
 *  paused, kafkajs goes on (and heartbeats for it) with the others, and the partition resumes when the batch is done.
 *  There is never more than one batch per partition in work, so memory stays below partitions × `maxBytesPerPartition`
 *  + `maxBytes`.
 *
 *  It ends in one of three ways, and always in the same order: take no new batch, let the batches in work finish, leave
 *  the group, disconnect. On abort `run` then resolves; when a batch was rejected, kafkajs gave up, or a broker owed an
 *  answer for too long, it rejects. Nothing restarts in here: that is its supervisor's job. */
export function createTopicConsumer(deps: TopicConsumerDeps): TopicConsumer {
  let running: { readonly consumer: Consumer; readonly membership: Membership } | null = null;
  return {
    async run(handle, signal) {
      if (signal.aborted) return;
      const consumer = deps.kafka.consumer(toConsumerConfig(deps));
      const membership = trackMembership(consumer);
      running = { consumer, membership };
      try {
        await consume(consumer, membership, handle, signal, deps);
      } catch (error) {
        throw translateKafkaError(error, `consuming as ${deps.groupId}`);
      } finally {
        membership.end();
        running = null;
      }
    },
    membership: () => running?.membership.current() ?? null,
    async commitSettled(positions) {
      if (running) await commitSettled(positions, { ...running, log: deps.log });
    },
  };
}

async function consume(
  consumer: Consumer,
  membership: Membership,
  handle: Handle,
  signal: AbortSignal,
  deps: TopicConsumerDeps,
): Promise<void> {
  const inWork = new Set<Promise<void>>();
  const ending = Promise.withResolvers<void>();
  let stopping = false;
  let failure: { readonly error: unknown } | undefined;

  const stop = () => {
    stopping = true;
    ending.resolve();
  };
  const fail = (error: unknown) => {
    failure ??= { error };
    stop();
  };
  const die = (error: unknown) => {
    membership.end();
    if (!stopping) fail(error);
  };
  consumer.on(consumer.events.CRASH, ({ payload }) => die(payload.error));
  // kafkajs would ask the same silent connection again, six times over: only a new one helps.
  consumer.on(consumer.events.REQUEST_TIMEOUT, ({ payload: { apiName, broker } }) =>
    die(
      new TransientError(
        'KAFKA_UNAVAILABLE',
        `${broker} owes an answer to ${apiName}: its connection is dead`,
      ),
    ),
  );

  const { positionsOf } = deps;
  if (positionsOf) {
    // A partition in which nothing new comes would else never be looked at again, however far back its position is.
    consumer.on(consumer.events.GROUP_JOIN, ({ payload: { memberAssignment } }) => {
      const generation = membership.generation();
      const held = Object.entries(memberAssignment).flatMap(([topic, partitions]) =>
        partitions.map((partition) => ({ topic, partition })),
      );
      retryTransient(() => positionsOf(held), { signal }).then(
        (positions) => {
          if (stopping || !membership.holds(generation)) return;
          positions.forEach((position, i) => {
            if (position === 'group') return;
            const offset = position === 'oldest' ? EARLIEST : position;
            consumer.seek({ ...held[i]!, offset: offset.toString() });
          });
        },
        (error: unknown) => signal.aborted || fail(error),
      );
    });
  }

  const backlog = trackBacklog(consumer);
  const committing = new Set<Promise<void>>();
  const join = joinCommits();
  const commit: typeof join = (position, send) => {
    const committed = join(position, send);
    const ended = committed.catch(() => {}).then(() => void committing.delete(ended));
    committing.add(ended);
    return committed;
  };
  /** Settles one batch; never rejects. */
  const work = async (payload: EachBatchPayload): Promise<void> => {
    const batch = toWireBatch(payload, {
      consumer,
      membership,
      commit,
      isStopping: () => stopping,
      log: deps.log,
    });
    try {
      await handle(batch);
    } catch (error) {
      // The batch was given up because its heartbeat said so. It comes again, here or at another member.
      if (!(batch.isLost() && error instanceof MovedError)) fail(error);
    }
  };
  const start = async () => {
    await consumer.connect();
    await consumer.subscribe({ topics: [...deps.topics], fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: deps.partitionsConcurrently ?? 32,
      eachBatch: async (payload) => {
        if (stopping) return;
        const { batch } = payload;
        const noted = backlog.start(`${batch.topic}/${batch.partition}`);
        let resume = () => {};
        const task = work(payload).then(() => {
          inWork.delete(task);
          if (!stopping) resume();
          noted.done(hasMore(batch));
        });
        inWork.add(task);
        await settlesWithin(Promise.race([task, noted.othersWait]), deps.detachAfterMs ?? 500);
        if (inWork.has(task)) resume = payload.pause();
      },
    });
  };

  signal.addEventListener('abort', stop, { once: true });
  const started = start().catch(fail);
  await ending.promise;
  signal.removeEventListener('abort', stop);
  pauseAll(consumer, deps.topics);
  await Promise.all(inWork);
  await settlesWithin(Promise.all(committing), COMMIT_WITHIN_MS);
  // Not before it has joined: a consumer that is stopped while it joins is forgotten by kafkajs and runs on.
  const left = started
    .then(() => consumer.disconnect())
    .catch((error: unknown) => deps.log.debug({ err: error }, 'disconnecting failed'));
  if (!(await settlesWithin(left, LEAVE_WITHIN_MS)))
    deps.log.warn('Kafka does not answer: the group will notice by itself that this member has left');
  if (failure) throw failure.error;
}

function hasMore({ highWatermark, messages }: Batch): boolean {
  return BigInt(messages.at(-1)!.offset) + 1n < BigInt(highWatermark);
}

/** Keeps the loop of a member that is about to leave from fetching the same records over and over. */
function pauseAll(consumer: Consumer, topics: readonly string[]): void {
  try {
    consumer.pause(topics.map((topic) => ({ topic })));
  } catch (error) {
    // A crashed consumer has nothing to pause.
    if (!(error instanceof kafkajs.KafkaJSNonRetriableError)) throw error;
  }
}

function toConsumerConfig(deps: TopicConsumerDeps) {
  const sessionTimeout = deps.sessionTimeoutMs ?? 15_000;
  return {
    groupId: deps.groupId,
    // Also how long a restarted consumer waits for the member it was, when that one could not leave.
    sessionTimeout,
    rebalanceTimeout: 60_000,
    heartbeatInterval: deps.heartbeatIntervalMs ?? Math.min(3_000, sessionTimeout / 3),
    minBytes: 1,
    maxBytesPerPartition: deps.maxBytesPerPartition ?? 1_048_576,
    maxBytes: deps.maxBytes ?? 4 * 1_048_576,
    maxWaitTimeInMs: deps.maxWaitMs ?? 200,
    metadataMaxAge: 60_000,
    allowAutoTopicCreation: false,
    // A crash ends `run`, so that positions are read anew before the next member starts.
    retry: { restartOnFailure: () => Promise.resolve(false) },
  };
}
