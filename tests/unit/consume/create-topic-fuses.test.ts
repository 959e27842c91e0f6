import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { applyBatch, type Arrival } from '../../../src/apply/apply-batch.ts';
import { createTopicFuses } from '../../../src/consume/create-topic-fuses.ts';
import { TransientError } from '../../../src/domain/errors.ts';
import type { FuseRule } from '../../../src/domain/topic-fuse.ts';
import type { TopicPause, WireBatch } from '../../../src/ports.ts';
import { CREATED, NOW, setup as setupApply, UPDATED } from '../apply/setup.ts';

/** The apply step under real fuses; what stands in the table comes from what was applied, or from `others`. */
function setup(rule: FuseRule = { window: 50, bad: 20 }) {
  const { store, deps } = setupApply();
  const lines: Record<string, unknown>[] = [];
  const others: TopicPause[] = [];
  const resumed = new Set<string>();
  const log = pino({ level: 'info' }, { write: (line: string) => void lines.push(JSON.parse(line)) });
  const fuses = createTopicFuses({
    table: {
      latest: async () => [
        ...store
          .tables()
          .blows.map((blow) => pauseOf(blow.topic, { ...blow, resumed: resumed.has(blow.topic) })),
        ...others,
      ],
    },
    topics: [CREATED, UPDATED],
    rule,
    metrics: deps.metrics,
    log,
  });
  let sent = 0;
  /** Records that nobody can read; each another one, unless it is named. */
  const unreadable = (count: number, from = 0n, name?: string): Arrival[] =>
    Array.from({ length: count }, (_, i) => ({
      readable: false,
      source: 'topic',
      topic: CREATED,
      partition: 0,
      offset: from + BigInt(i),
      key: null,
      value: Buffer.from(name ?? `bad ${sent++}`),
      headers: {},
      code: 'UNDECODABLE',
      cause: 'No event.',
      schemaId: null,
    }));
  const expected = new Map<number, bigint>();
  const settle = async (arrivals: readonly Arrival[], partition = 0) => {
    const position = {
      topic: CREATED,
      partition,
      topicId: 'T',
      expected: expected.get(partition) ?? null,
      next: arrivals.at(-1)!.offset! + 1n,
    };
    const settled = await applyBatch(arrivals, position, deps, fuses.of(CREATED));
    const at = (await store.readPosition(CREATED, partition))?.next;
    if (at !== undefined) expected.set(partition, at);
    return settled.length;
  };
  return { store, deps, fuses, lines, others, resumed, unreadable, settle };
}

function pauseOf(topic: string, more: Partial<TopicPause> & { readonly resumed?: boolean } = {}): TopicPause {
  const { resumed = false, ...rest } = more;
  return {
    ...{ id: '1', topic, sinceMs: NOW, by: null, reason: null, counted: 0, codes: {}, samples: [] },
    resumedAtMs: resumed ? NOW : null,
    ...rest,
  };
}

const batchOf = (beat: () => void = () => {}, isStale = () => false) =>
  ({ topic: CREATED, heartbeat: async () => beat(), isStale }) as unknown as WireBatch;

describe('the fuse of a topic', () => {
  it('cuts the batch at the record that trips it, with the position right behind', async () => {
    const { store, fuses, settle, unreadable, deps } = setup();
    expect(await settle(unreadable(500))).toBe(20);
    const { quarantined, blows } = store.tables();
    expect(quarantined).toHaveLength(20);
    expect(await store.readPosition(CREATED, 0)).toEqual({ next: 20n, topicId: 'T' });
    expect(blows).toEqual([
      {
        topic: CREATED,
        counted: 20,
        codes: { UNDECODABLE: 20 },
        samples: [0, 1, 2, 3, 4].map((offset) => ({
          partition: 0,
          offset: `${offset}`,
          code: 'UNDECODABLE',
        })),
      },
    ]);
    expect(fuses.isPaused(CREATED)).toBe(true);
    expect(fuses.isPaused(UPDATED)).toBe(false);
    // Also before the table was looked at again.
    expect((await fuses.check()).detail).toContain(`bridge topic resume ${CREATED}`);
    expect(await deps.metrics.text()).toContain(`bridge_topic_fuse_blown{topic="${CREATED}"} 1`);
    expect(await deps.metrics.text()).toContain(`bridge_topic_fuse_blown{topic="${UPDATED}"} 0`);
  });

  it('says so once, with a code, the share, the cause and the command to type', async () => {
    const { settle, unreadable, lines } = setup();
    await settle(unreadable(30));
    const errors = lines.filter(({ level }) => level === 50);
    expect(errors).toMatchObject([{ code: 'FUSE_BLOWN', topic: CREATED, codes: { UNDECODABLE: 20 } }]);
    expect(errors[0]!['msg']).toContain('20 × UNDECODABLE among its last 20 records');
    expect(errors[0]!['msg']).toContain(`bridge topic resume ${CREATED}`);
  });

  it('settles nothing more once it has blown, and moves no position', async () => {
    const { store, settle, unreadable } = setup();
    await settle(unreadable(20));
    expect(await settle(unreadable(10, 20n))).toBe(0);
    expect(store.tables().quarantined).toHaveLength(20);
    expect(await store.readPosition(CREATED, 0)).toMatchObject({ next: 20n });
  });

  it('counts the partitions of a topic together, also when they are settled at the same time', async () => {
    const { store, settle, unreadable } = setup();
    const settled = await Promise.all([0, 1, 2].map((partition) => settle(unreadable(500), partition)));
    expect(settled.toSorted((a, b) => a - b)).toEqual([0, 0, 20]);
    expect(store.tables().quarantined).toHaveLength(20);
  });

  it('does not count what is in quarantine already, nor a record twice that comes twice', async () => {
    const { store, settle, unreadable } = setup();
    expect(await settle(unreadable(300, 0n, 'the same'))).toBe(300);
    expect(await settle(unreadable(300, 300n, 'the same'))).toBe(300);
    expect(store.tables().quarantined).toMatchObject([{ attempts: 600 }]);
    expect(await settle(unreadable(18, 600n))).toBe(18);
    expect(await settle(unreadable(5, 618n))).toBe(1);
  });

  it('does not count a batch that could not be written', async () => {
    const { store, fuses, settle, unreadable } = setup();
    const { transaction } = store;
    const away = new TransientError('DATABASE_UNAVAILABLE', 'no database');
    const records = unreadable(19);
    for (let attempt = 0; attempt < 3; attempt++) {
      store.transaction = (work) => transaction((tx) => work({ ...tx, write: () => Promise.reject(away) }));
      await expect(settle(records)).rejects.toBe(away);
      store.transaction = transaction;
    }
    expect(await settle(records)).toBe(19);
    expect(fuses.isPaused(CREATED)).toBe(false);
  });

  it('starts with an empty window once the topic was resumed', async () => {
    const { fuses, settle, unreadable, resumed } = setup();
    await settle(unreadable(20));
    await fuses.reload();
    resumed.add(CREATED);
    await fuses.reload();
    expect(fuses.isPaused(CREATED)).toBe(false);
    expect(await settle(unreadable(19, 20n))).toBe(19);
    expect(await settle(unreadable(5, 39n))).toBe(1);
  });

  it('forgets its window when the topic stood still and went on between two looks', async () => {
    const { fuses, settle, unreadable, others } = setup();
    await settle(unreadable(19));
    others.push(pauseOf(CREATED, { id: '7', resumed: true }));
    await fuses.reload();
    expect(await settle(unreadable(19, 19n))).toBe(19);
  });

  it('stays blown through a look at the table that began before it blew', async () => {
    const { fuses, settle, unreadable } = setup();
    const early = fuses.reload();
    const blowing = settle(unreadable(20));
    await Promise.all([early, blowing]);
    expect(fuses.isPaused(CREATED)).toBe(true);
  });
});

describe('a topic that stands still', () => {
  it('by another replica or a person stops here with the next look, is shown, and goes on when resumed', async () => {
    const { fuses, others, deps } = setup();
    expect(await fuses.hold(batchOf(), new AbortController().signal)).toBe(false);
    expect(await fuses.check()).toMatchObject({ status: 'up' });
    others.push(pauseOf(CREATED, { id: '7', by: 'Amel', reason: 'a bad deploy' }));
    await fuses.reload();
    expect(await fuses.check()).toMatchObject({ status: 'degraded' });
    expect((await fuses.check()).detail).toContain(`bridge topic resume ${CREATED}`);

    let beats = 0;
    const held = fuses.hold(
      batchOf(() => void beats++),
      new AbortController().signal,
    );
    others[0] = { ...others[0]!, resumedAtMs: NOW };
    await fuses.reload();
    expect(await held).toBe(true);
    expect(beats).toBeGreaterThan(0);
    expect(await deps.metrics.text()).toContain(`bridge_topic_fuse_blown{topic="${CREATED}"} 0`);
  });

  it('lets go of a partition that is taken away, and of all when the bridge stops', async () => {
    const { fuses, others } = setup();
    others.push(pauseOf(CREATED));
    await fuses.reload();
    expect(
      await fuses.hold(
        batchOf(undefined, () => true),
        new AbortController().signal,
      ),
    ).toBe(true);
    const stop = new AbortController();
    const held = fuses.hold(batchOf(), stop.signal);
    stop.abort();
    expect(await held).toBe(true);
  });
});
