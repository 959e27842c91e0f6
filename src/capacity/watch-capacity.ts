import { TransientError } from '../domain/errors.ts';
import type {
  DatabaseSize,
  HealthCheck,
  Log,
  Metrics,
  Outbox,
  OutboxBacklog,
  Store,
  WritePlan,
} from '../ports.ts';
import { retryTransient } from '../runtime/retry.ts';
import type { Service } from '../runtime/run-services.ts';
import { sleep } from '../runtime/sleep.ts';

export interface CapacityLimits {
  /** Events of one shard that may wait for Kafka. */
  readonly maxWaiting: number;
  /** How old the oldest of them may be. */
  readonly maxAgeMs: number;
  /** What the database may take up; null when nobody has said. */
  readonly maxDatabaseBytes: number | null;
}

export interface CapacityDeps {
  readonly outbox: Pick<Outbox, 'measure'>;
  readonly databaseSize: DatabaseSize;
  readonly shards: readonly string[];
  readonly limits: CapacityLimits;
  readonly metrics: Pick<Metrics, 'outbox' | 'databaseSize'>;
  readonly log: Log;
  readonly everyMs: number;
}

export interface Capacity extends Service {
  /** Degraded while edits of a shard are refused, or everything is. */
  readonly check: HealthCheck;
  /** Throws TransientError `DATABASE_FULL` while the database has grown past its limit. */
  requireSpace(): void;
  /** The same store, which takes no plan for an outbox that is full (TransientError `OUTBOX_FULL`), and none at all for a
   *  database that is: for edits. What insurers send has only to fit the database (`requireSpace`). */
  limit(store: Store): Store;
}

/** Whoever was told to come back should not do so at once: a backlog does not go in seconds. */
const RETRY_AFTER_MS = 30_000;

/** Keeps an outage from filling the disk: measures what waits in the outbox and how large the database is, shows it, and
 *  has edits refused before there is no room. What it knows is at most `everyMs` old, so a limit may be overrun by as
 *  much as is written in that time. One provider's backlog refuses nobody else's edits. */
export function watchCapacity(deps: CapacityDeps): Capacity {
  const { limits } = deps;
  let backlogs: ReadonlyMap<string, OutboxBacklog> = new Map();
  let databaseBytes = 0;

  const spaceFault = (): string | null =>
    limits.maxDatabaseBytes !== null && databaseBytes >= limits.maxDatabaseBytes
      ? `the database has ${megabytes(databaseBytes)} of the ${megabytes(limits.maxDatabaseBytes)} that DATABASE_MAX_MB allows`
      : null;
  const outboxFault = (shard: string): string | null => {
    const backlog = backlogs.get(shard);
    if (backlog === undefined) return null;
    const { waiting, oldestMs } = backlog;
    if (waiting >= limits.maxWaiting)
      return `${waiting} events of ${shard} wait for Kafka, and OUTBOX_MAX_WAITING is ${limits.maxWaiting}`;
    if (oldestMs !== null && oldestMs >= limits.maxAgeMs)
      return `the oldest event of ${shard} has waited ${hours(oldestMs)} for Kafka, and OUTBOX_MAX_AGE_HOURS is ${limits.maxAgeMs / 3_600_000}`;
    return null;
  };
  const refuse = (code: string, fault: string | null) => {
    if (fault !== null) throw new TransientError(code, fault, { retryAfterMs: RETRY_AFTER_MS });
  };
  const requireSpace = () => refuse('DATABASE_FULL', spaceFault());
  const requireRoom = (plan: WritePlan) => {
    requireSpace();
    for (const { shard } of plan.outbox) refuse('OUTBOX_FULL', outboxFault(shard));
  };

  const faults = () => [spaceFault(), ...deps.shards.map(outboxFault)].filter((fault) => fault !== null);

  const measure = async () => {
    const found = new Map((await deps.outbox.measure()).map((backlog) => [backlog.shard, backlog]));
    const bytes = await deps.databaseSize();
    const before = faults().length;
    [backlogs, databaseBytes] = [found, bytes];
    for (const shard of deps.shards)
      deps.metrics.outbox(found.get(shard) ?? { shard, waiting: 0, parked: 0, oldestMs: null });
    deps.metrics.databaseSize(bytes);
    const now = faults();
    if (now.length > before) deps.log.error({ faults: now }, 'edits are refused: there is no room for them');
    if (now.length === 0 && before > 0) deps.log.info('edits are taken again');
  };

  return {
    name: 'capacity',
    requireSpace,
    limit: (store) => ({
      ...store,
      transaction: (work, options) =>
        store.transaction(
          (tx) =>
            work({
              ...tx,
              write: async (plan) => {
                requireRoom(plan);
                await tx.write(plan);
              },
            }),
          options,
        ),
    }),
    async check() {
      const found = faults();
      return found.length === 0
        ? { name: 'capacity', status: 'up', detail: 'there is room for edits' }
        : { name: 'capacity', status: 'degraded', detail: `edits are refused: ${found.join('; ')}` };
    },
    async run(signal) {
      while (!signal.aborted) {
        await retryTransient(measure, { signal });
        await sleep(deps.everyMs, signal);
      }
    },
  };
}

const megabytes = (bytes: number) => `${Math.round(bytes / 1_048_576)} MB`;
const hours = (ms: number) => `${Math.round(ms / 3_600_000)} h`;
