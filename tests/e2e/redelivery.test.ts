import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withKafkaAdmin } from '../support/kafka-admin.ts';
import { ledgerOf, recordConstat, settledTo, shownAt } from './actions.ts';
import { composeEvent, openedConstat } from './compose-event.ts';
import { setup, type Bed, type Insurer } from './setup.ts';

let bed: Bed;
let insurer: Insurer;
beforeAll(async () => {
  bed = await setup();
  insurer = bed.insurers[0]!;
});
afterAll(() => bed.close());

const created = () => `${insurer.id}-constat.created`;
const updated = () => `${insurer.id}-constat.updated`;
const honest = (counter: number) => ({ providerId: insurer.id, revision: { [insurer.id]: counter } });

const rowOf = async (id: string) => (await bed.db.query('select * from constat where id = $1', [id])).rows[0];
const deliveriesOf = async (eventIds: readonly string[]) => {
  const { rows } = await bed.db.query(
    `select event_id, outcome::text, kafka_offset::text as offset from delivery
     where event_id = any($1::uuid[]) order by id`,
    [eventIds],
  );
  return rows;
};

describe('an event', () => {
  it('that is delivered three times is applied once, and the other two are noted as duplicates', async () => {
    const event = await composeEvent(created(), openedConstat(insurer), honest(1));
    await bed.publish(event);
    await shownAt(bed, 'constats', event.key, `${insurer.id}:1`);
    const afterFirst = await rowOf(event.key);

    const second = await bed.publish(event);
    const third = await bed.publish(event);
    await settledTo(bed, third);
    expect(await ledgerOf(bed, event.key)).toEqual([
      { event_id: event.eventId, source: 'topic', outcome: 'applied' },
    ]);
    expect(await deliveriesOf([event.eventId])).toEqual([
      { event_id: event.eventId, outcome: 'duplicate', offset: second.offset },
      { event_id: event.eventId, outcome: 'duplicate', offset: third.offset },
    ]);
    expect(await rowOf(event.key)).toEqual(afterFirst);
  });

  it('that arrives before the one it follows wins, and the late one is stale', async () => {
    const state = openedConstat(insurer);
    const first = await composeEvent(created(), state, honest(1));
    const next = await composeEvent(updated(), { ...state, statusReason: 'Dossier complet' }, honest(2));
    await bed.publish(next);
    await shownAt(bed, 'constats', first.key, `${insurer.id}:2`);
    const afterNext = await rowOf(first.key);

    await settledTo(bed, await bed.publish(first));
    const shown = await shownAt(bed, 'constats', first.key, `${insurer.id}:2`);
    expect(shown.state['statusReason']).toBe('Dossier complet');
    expect(await rowOf(first.key)).toEqual(afterNext);
    expect(await ledgerOf(bed, first.key)).toEqual([
      { event_id: next.eventId, source: 'topic', outcome: 'applied' },
      { event_id: first.eventId, source: 'topic', outcome: 'stale' },
    ]);
  });
});

describe('the bridge, stopped and started again', () => {
  const send = async (partition: number) => {
    const event = await composeEvent(created(), openedConstat(insurer), honest(1));
    return { ...event, position: await bed.publish({ ...event, partition }) };
  };

  it('applies what came meanwhile, and nothing twice', async () => {
    const before = await send(1);
    await shownAt(bed, 'constats', before.key, `${insurer.id}:1`);
    const ours = await recordConstat(bed, insurer);
    await bed.stopBridge();
    const meanwhile = await send(1);
    await bed.startBridge();

    await shownAt(bed, 'constats', meanwhile.key, `${insurer.id}:1`);
    await insurer.platform.waitFor('constat', ours.id, () => true, 20_000);
    for (const { key, eventId } of [before, meanwhile]) {
      expect(await ledgerOf(bed, key)).toEqual([{ event_id: eventId, source: 'topic', outcome: 'applied' }]);
    }
    expect(await deliveriesOf([before.eventId, meanwhile.eventId])).toEqual([]);
    expect(await ledgerOf(bed, ours.id)).toHaveLength(1);
  });

  it('goes on from its own positions when the group was set back to the beginning', async () => {
    const before = [await send(0), await send(1), await send(2)];
    for (const event of before) await settledTo(bed, event.position);
    await bed.stopBridge();
    await withKafkaAdmin((admin) =>
      admin.setOffsets({
        groupId: `eassurance-${insurer.id}`,
        topic: created(),
        partitions: [0, 1, 2].map((partition) => ({ partition, offset: '0' })),
      }),
    );
    await bed.startBridge();

    const after = [await send(0), await send(1), await send(2)];
    for (const event of after) await settledTo(bed, event.position);
    for (const { key, eventId } of [...before, ...after]) {
      expect(await ledgerOf(bed, key)).toEqual([{ event_id: eventId, source: 'topic', outcome: 'applied' }]);
    }
    expect(await deliveriesOf([...before, ...after].map(({ eventId }) => eventId))).toEqual([]);
  });

  it('reads everything again when its positions are lost, and applies nothing twice', async () => {
    const before = await send(0);
    await settledTo(bed, before.position);
    const row = await rowOf(before.key);
    await bed.stopBridge();
    // The group is ahead of them then, as after a database that was restored from an older backup.
    await bed.db.query('delete from applied_offset');
    await bed.startBridge();

    const after = await send(0);
    await settledTo(bed, after.position);
    expect(await rowOf(before.key)).toEqual(row);
    expect(await deliveriesOf([before.eventId, after.eventId])).toEqual([
      { event_id: before.eventId, outcome: 'duplicate', offset: before.position.offset },
    ]);
  });
});
