import type { Adopted, ReadBackEntity } from '../apply/adopt-events.ts';
import type { Arrival, ReadableArrival } from '../apply/apply-batch.ts';
import { decodeArrivals } from '../apply/decode-arrivals.ts';
import { entityKey } from '../apply/read-for-judgement.ts';
import { isSignedByUs, SIGNATURE_HEADER, type SigningKey } from '../apply/sign-event.ts';
import { TransientError } from '../domain/errors.ts';
import { HUB } from '../domain/event.ts';
import type {
  EventCodec,
  Log,
  LogReader,
  RecoveryTable,
  Store,
  SuspendedRecord,
  TopicConsumer,
  Topology,
  WireRecord,
} from '../ports.ts';
import { reach } from '../runtime/crash-points.ts';
import { retryTransient } from '../runtime/retry.ts';
import { readRanges, type ReadRange } from './read-ranges.ts';

export interface RecoverDeps {
  readonly topology: Topology;
  readonly store: Store;
  readonly table: RecoveryTable;
  readonly logs: Pick<LogReader, 'ranges'>;
  readonly codec: Pick<EventCodec, 'decodeBatch'>;
  /** A new group member for these topics. */
  readonly consumerOf: (providerId: string, topics: readonly string[]) => Pick<TopicConsumer, 'run'>;
  readonly adopt: (entity: ReadBackEntity) => Promise<Adopted>;
  /** The ordinary step, without a position. */
  readonly apply: (arrivals: readonly Arrival[]) => Promise<unknown>;
  readonly signingKey: SigningKey;
  readonly log: Log;
}

export interface RecoveryReport {
  /** Events of ours that the database had lost. */
  readonly adopted: number;
  readonly entities: number;
  /** Records that left quarantine. */
  readonly settled: number;
}

/** Entities whose events are held in memory at a time. */
const ENTITIES_AT_ONCE = 2_000;

/** Brings a database that was restored from a backup up to what E-assurance has published since (SYNC.md, After a database
 *  restore), provider after provider: reads its topics from the applied positions, or from the first record that was
 *  suspended for want of an edit of ours, and adopts what the ledger lacks. No position moves: the consumers read the same
 *  records afterwards, know them, and judge the rest. Where nothing is lacking nothing is written. It can be broken off
 *  and begun again at any line. To be run before anything else writes. */
export async function recoverDatabase(deps: RecoverDeps, signal: AbortSignal): Promise<RecoveryReport> {
  const { log, table } = deps;
  const waiting = {
    signal,
    onWait: (error: Error) => log.warn({ err: error }, 'the recovery waits'),
  };
  const suspended = await retryTransient(() => table.listSuspended(), waiting);
  let [adopted, entities] = [0, 0];
  for (const providerId of deps.topology.providers.keys()) {
    const recovered = await retryTransient(
      () => recoverProvider(providerId, suspended, deps, signal),
      waiting,
    );
    log.info({ provider: providerId, ...recovered }, 'recovered what was published');
    adopted += recovered.adopted;
    entities += recovered.entities;
  }
  if (adopted === 0 && suspended.length === 0) return { adopted, entities, settled: 0 };
  const settled = await retryTransient(() => table.settleSuspended({ adopted, entities }), waiting);
  return { adopted, entities, settled };
}

async function recoverProvider(
  providerId: string,
  allSuspended: readonly SuspendedRecord[],
  deps: RecoverDeps,
  signal: AbortSignal,
): Promise<{ readonly adopted: number; readonly entities: number }> {
  const topics = [...deps.topology.routes.values()]
    .filter((route) => route.providerId === providerId)
    .map(({ topic }) => topic);
  const suspended = allSuspended.filter(({ topic }) => topics.includes(topic));
  const ranges = await locate(topics, suspended, deps);
  const scan = (onArrivals: (arrivals: readonly ReadableArrival[]) => Promise<void>) =>
    readRanges(
      ranges,
      deps.consumerOf(providerId, topics),
      async (records) => onArrivals(await readable(records, deps)),
      signal,
    );

  const waitingHere = new Set(suspended.map(({ kind, entityId }) => `${kind}|${entityId}`));
  const lacking = new Set(waitingHere);
  await scan(async (arrivals) => {
    for (const key of await lackedBy(arrivals, deps)) lacking.add(key);
  });
  reach('recover:surveyed');

  let adopted = 0;
  const keys = [...lacking];
  for (let start = 0; start < keys.length; start += ENTITIES_AT_ONCE) {
    const held = new Map<string, { ours: ReadableArrival[]; theirs: ReadableArrival[] }>(
      keys.slice(start, start + ENTITIES_AT_ONCE).map((key) => [key, { ours: [], theirs: [] }]),
    );
    await scan(async (arrivals) => {
      for (const arrival of arrivals) {
        const entity = held.get(keyOf(arrival));
        if (isOurs(arrival, deps)) entity?.ours.push(arrival);
        else if (arrival.event.meta.origin !== HUB) entity?.theirs.push(arrival);
      }
    });
    for (const [key, entity] of held) {
      signal.throwIfAborted();
      const result = await deps.adopt(entity);
      adopted += result.adopted;
      // The consumers are past what was suspended; all else of the provider they judge themselves.
      if (waitingHere.has(key) && result.unseen.length > 0) await deps.apply(result.unseen);
      reach('recover:adopted');
    }
  }
  return { adopted, entities: lacking.size };
}

/** From where each partition has to be read, and to where as of now. */
async function locate(
  topics: readonly string[],
  suspended: readonly SuspendedRecord[],
  { store, logs }: Pick<RecoverDeps, 'store' | 'logs'>,
): Promise<readonly ReadRange[]> {
  const located: ReadRange[] = [];
  for (const [topic, { topicId, partitions }] of await logs.ranges(topics)) {
    for (const [partition, range] of partitions) {
      if (range === null)
        throw new TransientError(
          'KAFKA_UNAVAILABLE',
          `nobody leads ${topic}/${partition}: nobody can read it`,
        );
      const { start, end } = range;
      const applied = await store.readPosition(topic, partition);
      const next = applied?.topicId === topicId ? applied.next : start;
      const from = suspended
        .filter((record) => record.topic === topic && record.partition === partition)
        .reduce((first, { offset }) => (offset < first ? offset : first), next);
      located.push({ topic, partition, from: from > start ? from : start, end });
    }
  }
  return located;
}

async function readable(
  records: readonly WireRecord[],
  deps: RecoverDeps,
): Promise<readonly ReadableArrival[]> {
  if (records.length === 0) return [];
  const arrivals = await decodeArrivals(records[0]!.topic, records, deps.codec);
  return arrivals.filter((arrival): arrival is ReadableArrival => arrival.readable);
}

/** Keys of the entities of which these hold an event of ours that the ledger lacks. */
async function lackedBy(arrivals: readonly ReadableArrival[], deps: RecoverDeps): Promise<readonly string[]> {
  const ours = arrivals.filter((arrival) => isOurs(arrival, deps));
  if (ours.length === 0) return [];
  const known = await deps.store.transaction((tx) =>
    tx.readEvents(ours.map(({ event }) => event.meta.eventId)),
  );
  return ours.filter(({ event }) => !known.has(event.meta.eventId)).map(keyOf);
}

function isOurs({ event: { meta }, value, headers }: ReadableArrival, { signingKey }: RecoverDeps): boolean {
  const signature = headers[SIGNATURE_HEADER];
  return meta.origin === HUB && isSignedByUs({ eventId: meta.eventId, bytes: value, signature }, signingKey);
}

const keyOf = ({ kind, event }: ReadableArrival): string => entityKey(kind, event.meta.entityId);
