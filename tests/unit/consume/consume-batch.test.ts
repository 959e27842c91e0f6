import pLimit from 'p-limit';
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import type { WaitingBatch } from '../../../src/apply/settle-together.ts';
import { EMPTY_PLAN } from '../../../src/apply/empty-plan.ts';
import { consumeBatch, newPartitionMemory, type ConsumeDeps } from '../../../src/consume/consume-batch.ts';
import { MovedError, TransientError } from '../../../src/domain/errors.ts';
import type { PositionAdvance, WireBatch, WireRecord } from '../../../src/ports.ts';
import { createConsumerNotes } from '../../../src/lag/consumer-notes.ts';
import { createMetrics } from '../../../src/telemetry/metrics.ts';
import { NO_TRACING } from '../../../src/telemetry/no-tracing.ts';
import { createMemoryStore } from '../../fakes/memory-store.ts';

const TOPIC = 'saa-constat.created';
const UNDECODABLE = { readable: false, code: 'UNDECODABLE', cause: 'No event.', schemaId: null } as const;

/** One partition, its records as bytes that nobody can read: how they are judged is not the question here. */
function setup() {
  const store = createMemoryStore();
  const applied: { offsets: readonly bigint[]; position: PositionAdvance }[] = [];
  const committed: bigint[] = [];
  const sought: bigint[] = [];
  const failures: Error[] = [];
  const memory = newPartitionMemory();
  const stopping = new AbortController();
  const metrics = createMetrics();
  const log = { earliest: 0n, topicId: 'T', end: 100n };
  const fuse = { held: false, settles: Infinity };
  const inTurn = pLimit(1);
  const attempts: WaitingBatch[] = [];
  let decoded = 0;
  let beats = 0;
  let stale = false;

  const deps: ConsumeDeps = {
    notes: createConsumerNotes(() => 0),
    store,
    codec: {
      prepare: async () => {},
      decodeBatch: async (_topic, values) => {
        decoded += 1;
        return values.map(() => UNDECODABLE);
      },
      encode: () => Promise.reject(new Error('nothing is encoded here')),
      decodeStored: () => Promise.reject(new Error('nothing is decoded here')),
      normalise: () => {
        throw new Error('nothing is normalised here');
      },
    },
    inspector: {
      topicIds: async () => new Map([[TOPIC, log.topicId]]),
      earliestOffset: async () => log.earliest,
    },
    metrics,
    tracing: NO_TRACING,
    log: pino({ level: 'silent' }),
    clock: () => 0,
    settle: async (waiting) => {
      attempts.push(waiting);
      const { arrivals, position } = await inTurn(waiting.decode);
      const failure = failures.shift();
      if (failure) throw failure;
      const first = arrivals.slice(0, fuse.settles);
      if (first.length === 0 && arrivals.length > 0) return [];
      const cut = first.length < arrivals.length;
      const advance = cut ? { ...position, next: first.at(-1)!.offset! + 1n } : position;
      await store.transaction((tx) =>
        tx.write({
          ...EMPTY_PLAN,
          positions: [advance],
        }),
      );
      applied.push({ offsets: arrivals.map(({ offset }) => offset!), position });
      return arrivals
        .slice(0, fuse.settles)
        .map(() => ({ outcome: 'applied', code: null, eventId: null, entityId: null }));
    },
    fuses: { hold: async () => fuse.held },
  };
  const batch = (from: bigint, count = 2, fetchedFrom = from): WireBatch => ({
    topic: TOPIC,
    partition: 0,
    fetchedFrom,
    highWatermark: log.end,
    records: Array.from({ length: count }, (_, i): WireRecord => {
      const offset = from + BigInt(i);
      return {
        topic: TOPIC,
        partition: 0,
        offset,
        timestampMs: 0,
        key: null,
        value: Buffer.from('x'),
        headers: {},
      };
    }),
    heartbeat: async () => void beats++,
    isStale: () => stale,
    commit: async (next) => void committed.push(next),
    seek: (offset) => void sought.push(offset),
  });
  return {
    store,
    applied,
    committed,
    sought,
    failures,
    fuse,
    log,
    batch,
    metrics,
    stopping,
    inTurn,
    attempts,
    decoded: () => decoded,
    beats: () => beats,
    takeAway: () => (stale = true),
    consume: (which: WireBatch) => consumeBatch(which, 'saa', memory, deps, stopping.signal),
    /** As another run has left it. */
    appliedTo: (next: bigint, expected: bigint | null = null, topicId = 'T') =>
      store.transaction((tx) =>
        tx.write({ ...EMPTY_PLAN, positions: [{ topic: TOPIC, partition: 0, topicId, expected, next }] }),
      ),
  };
}
const away = () => new TransientError('DATABASE_UNAVAILABLE', 'no database', { retryAfterMs: 1 });

describe('a batch of one partition', () => {
  it('is settled together with its position, and its offset is committed after that', async () => {
    const { consume, batch, applied, committed, store } = setup();
    await consume(batch(0n, 3));
    expect(applied).toEqual([
      {
        offsets: [0n, 1n, 2n],
        position: { topic: TOPIC, partition: 0, topicId: 'T', expected: null, next: 3n, arrivedAtMs: 0 },
      },
    ]);
    expect(committed).toEqual([3n]);
    expect(await store.readPosition(TOPIC, 0)).toEqual({ next: 3n, topicId: 'T' });
  });

  it('that continues the one before advances from its position', async () => {
    const { consume, batch, applied } = setup();
    await consume(batch(0n));
    await consume(batch(2n));
    expect(applied.map(({ position }) => [position.expected, position.next])).toEqual([
      [null, 2n],
      [2n, 4n],
    ]);
  });

  it('waits, beating, while the database is away, and is settled once', async () => {
    const { consume, batch, failures, applied, committed, beats } = setup();
    failures.push(away(), away(), away());
    await consume(batch(0n));
    expect(applied).toHaveLength(1);
    expect(committed).toEqual([2n]);
    expect(beats()).toBeGreaterThan(0);
  });

  it('that is stopped while it waits leaves its offset uncommitted', async () => {
    const { consume, batch, failures, applied, committed, stopping } = setup();
    failures.push(new TransientError('DATABASE_UNAVAILABLE', 'no database', { retryAfterMs: 600_000 }));
    const consuming = consume(batch(0n));
    stopping.abort();
    await consuming;
    expect([applied, committed]).toEqual([[], []]);
  });

  it('that waits for the database lets another one take its turn', async () => {
    const { consume, batch, failures, applied, stopping } = setup();
    failures.push(new TransientError('DATABASE_UNAVAILABLE', 'no database', { retryAfterMs: 600_000 }));
    const waiting = consume(batch(0n));
    await consume({ ...batch(0n), partition: 1 });
    expect(applied).toMatchObject([{ position: { partition: 1 } }]);
    stopping.abort();
    await waiting;
  });

  it('is not decoded before its turn, and no more once the run has stopped', async () => {
    const { consume, batch, inTurn, decoded, applied, stopping } = setup();
    const turn = Promise.withResolvers<void>();
    const before = inTurn(() => turn.promise);
    const consuming = consume(batch(0n));
    stopping.abort();
    turn.resolve();
    await Promise.all([before, consuming]);
    expect([decoded(), applied]).toEqual([0, []]);
  });

  it("that its topic's fuse cuts is committed up to the cut, and the rest is fetched again", async () => {
    const { consume, batch, fuse, applied, committed } = setup();
    fuse.settles = 3;
    await consume(batch(0n, 5));
    expect(committed).toEqual([3n]);
    fuse.settles = 0;
    await consume(batch(3n, 2));
    expect(committed).toEqual([3n]);
    fuse.settles = Infinity;
    await consume(batch(3n, 2));
    expect(applied.at(-1)).toMatchObject({ offsets: [3n, 4n] });
    expect(committed).toEqual([3n, 5n]);
  });

  it('that was held while its topic stood still is fetched again, where the position then is', async () => {
    const { consume, batch, fuse, appliedTo, applied, committed, sought } = setup();
    await consume(batch(0n));
    applied.splice(0);
    fuse.held = true;
    await consume(batch(2n));
    expect([applied, committed]).toEqual([[], [2n]]);
    // A person has left records out meanwhile.
    await appliedTo(40n, 2n);
    fuse.held = false;
    await consume(batch(2n));
    expect([applied, sought]).toEqual([[], [40n]]);
  });

  it('that failed is settled alone when it is tried again', async () => {
    const { consume, batch, failures, attempts, committed } = setup();
    failures.push(new TransientError('DATABASE_TIMEOUT', 'a row is locked'));
    await consume(batch(0n));
    expect(attempts).toMatchObject([
      { topic: TOPIC, bytes: 2, alone: false },
      { topic: TOPIC, bytes: 2, alone: true },
    ]);
    expect(committed).toEqual([2n]);
  });

  it('that meets a bug is thrown on, and its offset stays uncommitted', async () => {
    const { consume, batch, failures, committed } = setup();
    failures.push(new TypeError('a bug'));
    await expect(consume(batch(0n))).rejects.toThrow('a bug');
    expect(committed).toEqual([]);
  });

  it('that was taken away before it was begun is dropped', async () => {
    const { consume, batch, applied, committed, takeAway } = setup();
    takeAway();
    await consume(batch(0n));
    expect([applied, committed]).toEqual([[], []]);
  });

  it('whose partition another consumer has taken on is dropped without a commit', async () => {
    const { consume, batch, failures, applied, committed } = setup();
    failures.push(new MovedError('position', 'another consumer'));
    await consume(batch(0n));
    expect([applied, committed]).toEqual([[], []]);
  });

  it('after one that was dropped asks PostgreSQL again where it stands', async () => {
    const { consume, batch, appliedTo, applied, sought } = setup();
    await consume(batch(0n));
    applied.splice(0);
    // Another consumer has it for a while, and this one does not know.
    await appliedTo(10n, 2n);
    await consume(batch(2n));
    expect(applied).toEqual([]);
    await consume(batch(2n));
    expect(sought).toEqual([10n]);
    await consume(batch(10n));
    expect(applied).toMatchObject([{ offsets: [10n, 11n], position: { expected: 10n, next: 12n } }]);
  });
});

describe('where PostgreSQL and the fetch differ', () => {
  it('what was applied already is skipped over', async () => {
    const { consume, batch, appliedTo, sought, applied, committed } = setup();
    await appliedTo(40n);
    await consume(batch(20n));
    expect([sought, applied, committed]).toEqual([[40n], [], []]);
  });

  it('what was not applied yet is fetched first, although the group is ahead', async () => {
    const { consume, batch, appliedTo, sought, applied } = setup();
    await appliedTo(40n);
    await consume(batch(60n));
    expect([sought, applied]).toEqual([[40n], []]);
    await consume(batch(40n));
    expect(applied).toMatchObject([{ offsets: [40n, 41n] }]);
  });

  it('what retention has deleted is counted as lost, and the rest goes on', async () => {
    const { consume, batch, appliedTo, log, applied, committed, metrics } = setup();
    await appliedTo(40n);
    log.earliest = 55n;
    await consume(batch(55n));
    expect(applied).toMatchObject([{ offsets: [55n, 56n], position: { expected: 40n, next: 57n } }]);
    expect(committed).toEqual([57n]);
    expect(await metrics.text()).toContain('bridge_records_lost_total{topic="saa-constat.created"} 15\n');
  });

  it('a topic that was made anew is read from its beginning', async () => {
    const { consume, batch, appliedTo, log, applied, sought } = setup();
    await appliedTo(40n);
    log.topicId = 'T2';
    await consume(batch(3n));
    expect(sought).toEqual([0n]);
    await consume(batch(0n));
    expect(applied).toMatchObject([{ position: { topicId: 'T2', expected: 40n, next: 2n } }]);
  });
});
