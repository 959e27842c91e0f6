import { describe, expect, it } from 'vitest';
import { createTopicControl } from '../../../src/apply/control-topics.ts';
import { MovedError } from '../../../src/domain/errors.ts';
import { parseSkipTarget } from '../../../src/domain/skip-target.ts';
import type { PositionSkip } from '../../../src/ports.ts';
import { CREATED, topology } from './setup.ts';

/** A topic of some partitions that hold records 10 to 99 each, the ones from 50 on since NOON; it is applied up to 20. */
const NOON = Date.parse('2026-05-10T12:00:00Z');

function setup(positions: ReadonlyMap<number, { next: bigint; topicId: string }> = everywhere(20n)) {
  const resumed: { by: string; skips: readonly PositionSkip[] }[] = [];
  const answer: { resume: boolean | Error } = { resume: true };
  const control = createTopicControl({
    topology,
    table: {
      latest: async () => [],
      pause: async () => true,
      resume: async (_topic, by, skips) => {
        if (answer.resume instanceof Error) throw answer.resume;
        if (answer.resume) resumed.push({ by, skips });
        return answer.resume;
      },
    },
    positions: { readPosition: async (_topic, partition) => positions.get(partition) ?? null },
    inspector: { topicIds: async (topics) => new Map(topics.map((topic) => [topic, 'T'])) },
    offsets: {
      offsets: async (_topic, partitions, at) => {
        const offset = at === 'earliest' ? 10n : at === 'end' ? 100n : at <= NOON ? 50n : 100n;
        return new Map(Array.from({ length: partitions }, (_, partition) => [partition, offset]));
      },
    },
  });
  const resume = (to: string | null, topic = CREATED) =>
    control.resume(topic, 'Amel', to === null ? null : parseSkipTarget(to));
  return { control, resume, resumed, answer };
}

const PARTITIONS = topology.routes.get(CREATED)!.partitions;
function everywhere(next: bigint, topicId = 'T') {
  return new Map(Array.from({ length: PARTITIONS }, (_, partition) => [partition, { next, topicId }]));
}
const moves = (skips: readonly PositionSkip[]) =>
  skips.map(({ partition, expected, from, to }) => [partition, expected, from, to]);

describe('resuming a topic', () => {
  it('goes on from where it stopped unless somebody says otherwise', async () => {
    const { resume, resumed } = setup();
    expect(await resume(null)).toEqual({ status: 'done', skips: [] });
    expect(resumed).toEqual([{ by: 'Amel', skips: [] }]);
  });

  it('moves the partition that was named, and no other', async () => {
    const { resume, resumed } = setup();
    await resume('1:70');
    expect(moves(resumed[0]!.skips)).toEqual([[1, 20n, 20n, 70n]]);
  });

  it('moves every partition to its end, or to the first record since an instant', async () => {
    const { resume, resumed } = setup();
    await resume('end');
    await resume('2026-05-10T12:00:00Z');
    await resume('2030-01-01T00:00:00Z');
    const all = [...Array(PARTITIONS).keys()];
    expect(resumed.map(({ skips }) => moves(skips))).toEqual([
      all.map((partition) => [partition, 20n, 20n, 100n]),
      all.map((partition) => [partition, 20n, 20n, 50n]),
      all.map((partition) => [partition, 20n, 20n, 100n]),
    ]);
  });

  it('leaves a partition alone that stands further ahead than the instant', async () => {
    const { resume, resumed } = setup(everywhere(60n));
    await resume('2026-05-10T12:00:00Z');
    expect(resumed[0]!.skips).toEqual([]);
  });

  it('starts where the log starts, when nothing was ever applied or the topic is another one', async () => {
    for (const [positions, expected] of [
      [new Map(), null],
      [everywhere(90n, 'another'), 90n],
    ] as const) {
      const { resume, resumed } = setup(positions);
      await resume('0:30');
      expect(moves(resumed[0]!.skips)).toEqual([[0, expected, 10n, 30n]]);
    }
  });

  it.each([
    ['0:19', 'stands at 20 already, and positions only move forward: name an offset from 20 to 100'],
    ['0:101', 'ends at 100: name an offset from 20 to 100'],
    ['99:30', `has no partition 99: it has 0 to ${PARTITIONS - 1}`],
  ])('to %s is refused with the place and the remedy', async (to, sentence) => {
    const { resume, resumed } = setup();
    expect(await resume(to)).toMatchObject({ status: 'refused', reason: expect.stringContaining(sentence) });
    expect(resumed).toEqual([]);
  });

  it('is refused while it runs, and when a position moved meanwhile', async () => {
    const { resume, answer } = setup();
    answer.resume = false;
    expect(await resume('end')).toMatchObject({
      status: 'refused',
      reason: expect.stringContaining('pause it first'),
    });
    answer.resume = new MovedError('position', 'saa-constat.created/0 is no longer at 20');
    expect(await resume('end')).toMatchObject({
      status: 'refused',
      reason: expect.stringContaining('Try again'),
    });
  });

  it('of a topic that nobody knows, or that the bridge does not read, is unknown', async () => {
    const { resume } = setup();
    expect(await resume(null, 'nobody-constat.created')).toEqual({ status: 'unknown' });
    expect(await resume(null, 'shared-vehicle.verified')).toEqual({ status: 'unknown' });
  });
});
