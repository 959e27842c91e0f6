import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { watchProgress } from '../../../src/consume/watch-progress.ts';
import { TransientError } from '../../../src/domain/errors.ts';
import type { HeldPartition, PartitionPosition } from '../../../src/ports.ts';
import { waitFor } from '../../support/wait-for.ts';

const TOPIC = 'saa-constat.created';
/** A look every millisecond, on a clock that the tests move. */
const STALL_AFTER_MS = 10;

function setup() {
  const world = {
    held: [{ topic: TOPIC, partition: 0, emptyTo: null }] as HeldPartition[] | null,
    members: ['m'],
    end: 9n,
    earliest: 0n,
    settled: 4n as bigint | null,
    topicId: 'T',
    explained: null as string | null,
    absence: null as string | null,
    failure: null as Error | null,
    now: 0,
    looks: 0,
  };
  const restarts: string[] = [];
  const committed: PartitionPosition[] = [];
  const watch = watchProgress('saa', {
    consumer: {
      membership: () => world.held && { memberId: 'm', partitions: world.held },
      commitSettled: async (positions) => {
        committed.push(...positions);
      },
    },
    service: {
      explain: () => world.explained,
      explainAbsence: () => world.absence,
      restart: (why) => restarts.push(why),
    },
    topics: [TOPIC],
    store: {
      readPositions: async () =>
        world.settled === null ? [] : [{ topic: TOPIC, partition: 0, next: world.settled, topicId: 'T' }],
    },
    inspector: {
      topicIds: async () => new Map([[TOPIC, world.topicId]]),
      earliestOffset: async () => world.earliest,
      endOffsets: async () => new Map([[TOPIC, new Map([[0, world.end]])]]),
      groupMembers: async () => {
        world.looks += 1;
        if (world.failure) throw world.failure;
        return new Set(world.members);
      },
    },
    log: pino({ level: 'silent' }),
    clock: () => world.now,
    stallAfterMs: STALL_AFTER_MS,
  });
  const stop = new AbortController();
  const running = watch.run(stop.signal).catch((error: unknown) => {
    if (error !== stop.signal.reason) throw error;
  });
  /** Lets `ms` go by, in steps that are each looked at. */
  const pass = async (ms: number) => {
    for (let gone = 0; gone <= ms; gone += 2) {
      const before = world.looks;
      await waitFor('a look that began after this', () => world.looks >= before + 2);
      if (gone < ms) world.now += 2;
    }
  };
  const end = async () => {
    stop.abort();
    await running;
  };
  return { world, watch, pass, restarts, committed, end };
}

describe('the watchdog', () => {
  it('starts the consumer again once, then fails the liveness with partition and time', async () => {
    const { watch, pass, restarts, end } = setup();
    await pass(6);
    expect(restarts).toEqual([]);
    await pass(2);
    expect(restarts).toEqual([expect.stringContaining(`${TOPIC}/0 stands at 4 of 9`)]);
    expect(await watch.check()).toMatchObject({ status: 'up' });
    await pass(4);
    expect(await watch.check()).toMatchObject({
      status: 'down',
      detail: expect.stringContaining(`${TOPIC}/0 stands at 4 of 9 since 1970-01-01T00:00:00.000Z`) as string,
    });
    expect(restarts).toHaveLength(1);
    await end();
  });

  it('is content again as soon as something is settled', async () => {
    const { world, watch, pass, end } = setup();
    await pass(12);
    expect(await watch.check()).toMatchObject({ status: 'down' });
    world.settled = 5n;
    await pass(0);
    expect(await watch.check()).toMatchObject({ status: 'up' });
    await end();
  });

  it.each([
    ['retention has deleted what was not read', { earliest: 9n }],
    ['what waits holds no record', { held: [{ topic: TOPIC, partition: 0, emptyTo: 9n }] }],
    ['the consumer says what it waits for', { explained: 'PostgreSQL cannot be reached' }],
    ['an operator has to mend what keeps the consumer out', { held: null, absence: 'wrong password' }],
  ])('does not fail when %s', async (_story, change) => {
    const { world, watch, pass, restarts, end } = setup();
    Object.assign(world, change);
    await pass(14);
    expect(await watch.check()).toMatchObject({ status: 'up' });
    expect(restarts).toEqual([]);
    await end();
  });

  it.each([
    ['the group does not count its consumer any more', { members: ['somebody else'], end: 4n }],
    ['its consumer is in no group', { held: null }],
    ['the topic was made anew and nothing of it is read', { topicId: 'U', settled: 9n }],
    ['nothing was ever settled', { settled: null }],
  ])('fails when %s', async (_story, change) => {
    const { world, watch, pass, end } = setup();
    Object.assign(world, change);
    await pass(12);
    expect(await watch.check()).toMatchObject({ status: 'down' });
    await end();
  });

  it('judges nothing while Kafka or PostgreSQL can not be asked, and says so', async () => {
    const { world, watch, pass, restarts, end } = setup();
    await pass(4);
    world.failure = new TransientError('KAFKA_UNAVAILABLE', 'no broker answers');
    await pass(14);
    expect(await watch.check()).toMatchObject({
      status: 'degraded',
      detail: expect.stringContaining('no broker answers') as string,
    });
    expect(restarts).toEqual([]);
    await end();
  });

  it('commits what is settled up to the end, and only that', async () => {
    const { world, pass, committed, end } = setup();
    await pass(2);
    expect(committed).toEqual([]);
    world.settled = 9n;
    await pass(0);
    expect(committed[0]).toEqual({ topic: TOPIC, partition: 0, next: 9n });
    await end();
  });
});
