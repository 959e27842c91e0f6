import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { quarantinedAt, shownAt } from './actions.ts';
import { composeEvent, openedConstat, type ComposedEvent } from './compose-event.ts';
import { setup, type Bed, type Insurer, type RawRecord } from './setup.ts';

/** One partition for everything, so that the record behind a bad one has to wait for it. */
const PARTITION = 0;

describe('a record that can not be read or attributed', () => {
  let bed: Bed;
  let saa: Insurer;
  let trust: Insurer;
  beforeAll(async () => {
    bed = await setup({ providers: 2 });
    [saa, trust] = bed.insurers as [Insurer, Insurer];
  });
  afterAll(() => bed.close());

  const topic = () => `${saa.id}-constat.created`;
  const honest = async (): Promise<ComposedEvent> =>
    composeEvent(topic(), openedConstat(saa), { providerId: saa.id, revision: { [saa.id]: 1 } });
  const withRevision = async (revision: Record<string, number>): Promise<RawRecord> =>
    composeEvent(topic(), openedConstat(saa), { providerId: saa.id, revision });
  const withValue = async (change: (value: Buffer) => Buffer | null): Promise<RawRecord> => {
    const event = await honest();
    return { ...event, value: change(Buffer.from(event.value)) };
  };
  const applied = async (event: ComposedEvent, provider: Insurer) => {
    await bed.publish(event);
    await shownAt(bed, 'constats', event.key, `${provider.id}:1`);
  };

  const cases: readonly (readonly [story: string, code: string, record: () => Promise<RawRecord>])[] = [
    ['without a value', 'UNDECODABLE', () => withValue(() => null)],
    ['shorter than its framing', 'UNDECODABLE', () => withValue((value) => value.subarray(0, 3))],
    [
      'with another magic byte',
      'UNDECODABLE',
      () => withValue((value) => Buffer.concat([Buffer.from([1]), value.subarray(1)])),
    ],
    [
      'that is cut off in the middle',
      'UNDECODABLE',
      () => withValue((value) => value.subarray(0, value.length / 2)),
    ],
    [
      'with bytes that are no Avro',
      'UNDECODABLE',
      () => withValue((value) => Buffer.concat([value.subarray(0, 5), Buffer.alloc(200, 0xff)])),
    ],
    [
      'in a schema that the registry never had',
      'UNKNOWN_SCHEMA',
      () => withValue((value) => (value.writeInt32BE(0x7fffff00, 1), value)),
    ],
    [
      "of another insurer, on this one's topic",
      'WRONG_PROVIDER',
      async () =>
        composeEvent(topic(), openedConstat(trust), {
          providerId: trust.id,
          revision: { [trust.id]: 1 },
        }),
    ],
    [
      "about another insurer's constat",
      'WRONG_PROVIDER',
      async () => {
        const state = openedConstat(trust);
        const theirs = { providerId: trust.id, revision: { [trust.id]: 1 } };
        await applied(await composeEvent(`${trust.id}-constat.created`, state, theirs), trust);
        const claimed = { ...state, providerId: saa.id, createdBy: saa.id };
        return composeEvent(topic(), claimed, { providerId: saa.id, revision: { [saa.id]: 1 } });
      },
    ],
    [
      'that claims to be ours and is not',
      'ORIGIN_UNKNOWN',
      async () =>
        composeEvent(topic(), openedConstat(saa), {
          providerId: saa.id,
          origin: 'eassurance',
          revision: { eassurance: 1 },
        }),
    ],
    [
      'with the id of another event',
      'EVENT_ID_REUSED',
      async () => {
        const first = await honest();
        await applied(first, saa);
        return composeEvent(topic(), openedConstat(saa), {
          providerId: saa.id,
          revision: { [saa.id]: 1 },
          eventId: first.eventId,
        });
      },
    ],
    ['with an empty revision', 'REVISION_INVALID', () => withRevision({})],
    ['with a counter of zero', 'REVISION_INVALID', () => withRevision({ [saa.id]: 0 })],
    [
      'with a writer that nobody allotted',
      'REVISION_INVALID',
      () => withRevision({ [saa.id]: 1, stranger: 1 }),
    ],
    [
      'that has seen edits of ours which nobody made',
      'REVISION_FROM_FUTURE',
      () => withRevision({ [saa.id]: 1, eassurance: 5 }),
    ],
  ];

  it.each(cases)(
    '%s waits as %s, as it came, and the next good one is applied',
    async (_story, code, record) => {
      const bad = await record();
      const good = await honest();
      const position = await bed.publish({ ...bad, partition: PARTITION });
      await bed.publish({ ...good, partition: PARTITION });

      await shownAt(bed, 'constats', good.key, `${saa.id}:1`);
      const kept = await quarantinedAt(bed, position);
      expect(kept.code).toBe(code);
      expect(kept.cause).not.toBe('');
      expect(kept.key?.toString()).toBe(bad.key);
      expect(kept.value).toEqual(bad.value);
      expect(kept.headers).toEqual(bad.headers);
    },
  );

  it('changes nothing of the entity that it names', async () => {
    const event = await honest();
    await applied(event, saa);
    const read = async () => (await bed.db.query('select * from constat where id = $1', [event.key])).rows;
    const before = await read();
    const bad = await composeEvent(
      topic(),
      { ...openedConstat(saa), constatId: event.key },
      { providerId: saa.id, revision: { [saa.id]: 2, stranger: 1 } },
    );
    await quarantinedAt(bed, await bed.publish(bad));
    expect(await read()).toEqual(before);
  });

  it('marks its entity until the insurer sends it again behind, while later events still apply', async () => {
    const event = await honest();
    await applied(event, saa);
    const flags = async () => (await bed.staff.get(`/v1/constats/${event.key}`)).data.flags;
    expect(await flags()).toEqual([]);
    const edit = (counter: number, on: string) =>
      composeEvent(
        on,
        { ...openedConstat(saa), constatId: event.key },
        { providerId: saa.id, revision: { [saa.id]: counter } },
      );
    const torn = await edit(2, topic());
    await quarantinedAt(bed, await bed.publish({ ...torn, value: torn.value.subarray(0, 40) }));
    expect(await flags()).toEqual(['QUARANTINED_EVENT']);
    await bed.publish(await edit(3, `${saa.id}-constat.updated`));
    await shownAt(bed, 'constats', event.key, `${saa.id}:3`);
    expect(await flags()).toEqual(['QUARANTINED_EVENT']);
    await bed.publish(await edit(4, topic()));
    await shownAt(bed, 'constats', event.key, `${saa.id}:4`);
    expect(await flags()).toEqual([]);
  });

  it("can not mark another insurer's entity", async () => {
    const event = await composeEvent(`${trust.id}-constat.created`, openedConstat(trust), {
      providerId: trust.id,
      revision: { [trust.id]: 1 },
    });
    await applied(event, trust);
    await quarantinedAt(bed, await bed.publish({ topic: topic(), key: event.key, value: Buffer.from('x') }));
    await quarantinedAt(bed, await bed.publish({ ...event, topic: topic() }));
    expect((await bed.staff.get(`/v1/constats/${event.key}`)).data.flags).toEqual([]);
  });
});
