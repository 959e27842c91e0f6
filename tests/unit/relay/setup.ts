import { pino } from 'pino';
import type {
  DeliveryRow,
  Outbox,
  OutboxItem,
  OutboxSession,
  OutgoingRecord,
  SendResult,
} from '../../../src/ports.ts';
import { createShardRelay } from '../../../src/relay/create-shard-relay.ts';
import type { RelayDeps } from '../../../src/relay/relay-batch.ts';
import type { RelayOutboxDeps } from '../../../src/relay/relay-outbox.ts';
import { createPermits } from '../../../src/runtime/create-permits.ts';
import { createMetrics } from '../../../src/telemetry/metrics.ts';
import { NO_TRACING } from '../../../src/telemetry/no-tracing.ts';

export const NOW = Date.parse('2026-05-10T12:00:00.000Z');
export const SIGNING_KEY = Buffer.alloc(32, 7);

export const row = (sequence: number, more: Partial<OutboxItem> = {}): OutboxItem => ({
  sequence: BigInt(sequence),
  eventId: `0197f3a0-2222-7abc-8def-${String(sequence).padStart(12, '0')}`,
  eventType: 'constat.updated',
  provider: 'saa',
  origin: 'eassurance',
  entityId: '0197f3a0-1111-7abc-8def-000000000001',
  topic: 'saa-constat.updated',
  occurredAtMs: NOW - 1_000,
  traceparent: null,
  bytes: Buffer.from(`event ${sequence}`),
  ...more,
});

export interface Parked {
  readonly sequence: bigint;
  readonly code: string;
}
type Answer = (records: readonly OutgoingRecord[]) => readonly SendResult[] | Promise<readonly SendResult[]>;

/** Every record acknowledged, one offset after the other. */
function acknowledgeAll(): Answer {
  let offset = 0n;
  return (records) => records.map(() => ({ status: 'acknowledged', partition: 1, offset: offset++ }));
}

/** One step of a shard, and what it leaves under way. */
export async function relayBatch(shard: string, deps: RelayDeps): Promise<number> {
  const relay = createShardRelay(shard, deps, createPermits(1));
  try {
    return await relay.step(new AbortController().signal);
  } finally {
    await relay.finish();
  }
}

/** An outbox and a sink in memory. Locks belong to one session at a time, across all relays of the bed. */
export function setup(rows: Readonly<Record<string, readonly OutboxItem[]>>) {
  const waiting = new Map(Object.entries(rows).map(([shard, items]) => [shard, [...items]]));
  const sent: (readonly OutgoingRecord[])[] = [];
  const acknowledged: DeliveryRow[] = [];
  const parked: Parked[] = [];
  const notified: (readonly string[])[] = [];
  const sessions: { lose(): void; wake(shard: string): void }[] = [];
  const holders = new Map<string, OutboxSession>();
  let lockTries = 0;
  const answers: Answer[] = [];
  const answer = acknowledgeAll();
  const remove = (sequence: bigint) => {
    for (const [shard, items] of waiting) {
      waiting.set(
        shard,
        items.filter((item) => item.sequence !== sequence),
      );
    }
  };

  const outbox: Outbox = {
    read: async (shard, limit, { maxBytes = Infinity, except = [] } = {}) => {
      let bytes = 0;
      return (waiting.get(shard) ?? [])
        .filter(({ sequence }) => !except.includes(sequence))
        .slice(0, limit)
        .filter((item) => (bytes += item.bytes.length) - item.bytes.length < maxBytes);
    },
    acknowledge: async (deliveries) => {
      for (const { sequence, ...delivery } of deliveries) {
        remove(sequence);
        acknowledged.push(delivery);
      }
    },
    park: async (sequence, code) => {
      remove(sequence);
      parked.push({ sequence, code });
    },
    holds: async (entityId) => [...waiting.values()].flat().some((item) => item.entityId === entityId),
    measure: async () => [],
    notify: async (shards) => void notified.push(shards),
    openSession: async (onWake) => {
      const closed = Promise.withResolvers<void>();
      const session: OutboxSession = {
        tryLock: async (shard) => {
          lockTries++;
          if (!holders.has(shard)) holders.set(shard, session);
          return holders.get(shard) === session;
        },
        closed: closed.promise,
        close: async () => {
          for (const [shard, holder] of holders) if (holder === session) holders.delete(shard);
          closed.resolve();
        },
      };
      sessions.push({ lose: () => void session.close(), wake: onWake });
      return session;
    },
  };
  const deps: RelayOutboxDeps = {
    outbox,
    sinkOf: () => ({
      send: async (records) => {
        sent.push(records);
        return (answers.shift() ?? answer)(records);
      },
    }),
    signingKey: SIGNING_KEY,
    metrics: createMetrics(),
    tracing: NO_TRACING,
    log: pino({ level: 'silent' }),
    clock: () => NOW,
    batchSize: 10,
    batchBytes: 1_000_000,
    shards: Object.keys(rows),
    pollIntervalMs: 60_000,
  };
  return {
    deps,
    waiting,
    acknowledged,
    parked,
    notified,
    sessions,
    holders,
    lockTries: () => lockTries,
    /** Values sent, in the order of sending. */
    values: () => sent.flat().map(({ value }) => value.toString()),
    sent,
    /** What the next sendings come to; afterwards everything is acknowledged. */
    nextSendings: (...next: readonly Answer[]) => void answers.push(...next),
  };
}
