import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LoggedEvent } from '../../../src/simulator/record.ts';
import { readTopic } from '../../support/kafka-admin.ts';
import { waitFor } from '../../support/wait-for.ts';
import { setup } from './setup.ts';
import type { PlatformBed } from './setup.ts';

let bed: PlatformBed;
beforeAll(async () => {
  bed = await setup();
});
afterAll(() => bed?.close());

/** The events of one record on a topic, in the order in which they stand there. */
async function published(eventType: string, id: string, count = 1) {
  const topic = `${bed.platform.providerId}-${eventType}`;
  const records = await waitFor(
    `${count} events of ${id} on ${topic}`,
    async () => (await readTopic(topic)).filter((record) => record.key === id),
    (found) => found.length >= count,
  );
  return records.map((record) => ({ ...record, event: bed.decode(eventType, record.value!) }));
}

async function logged(eventId: string, direction: 'sent' | 'received'): Promise<LoggedEvent> {
  const line = await waitFor(`${eventId} ${direction}`, async () =>
    (await bed.platform.events('0', 1_000)).find(
      (entry) => entry.eventId === eventId && entry.direction === direction,
    ),
  );
  return line!;
}

describe('what an agent of the insurer does', () => {
  it('is published with the record in one transaction, keyed by its id, at the position that the log shows', async () => {
    const record = await bed.platform.create('constat', bed.sample.constat());
    const [first] = await published('constat.created', record.id);

    expect(record.revision).toEqual({ [bed.platform.providerId]: 1 });
    expect(first!.event.meta).toMatchObject({
      origin: bed.platform.providerId,
      providerId: bed.platform.providerId,
      entityId: record.id,
      revision: record.revision,
      eventId: record.eventId,
    });
    expect(first!.event.constat).toEqual(record.state);
    const sent = await logged(record.eventId!, 'sent');
    expect(sent).toMatchObject({ partition: first!.partition, offset: first!.offset, outcome: 'sent' });
  });

  it('is refused with the newer state when E-assurance edited after the form was opened', async () => {
    const { providerId } = bed.platform;
    const opened = await bed.platform.create('constat', bed.sample.constat());
    const state = { ...opened.state, statusReason: 'vu par le siège' };
    await bed.publishAsHub({
      eventType: 'constat.updated',
      id: opened.id,
      revision: { ...opened.revision, eassurance: 1 },
      state,
    });
    await bed.platform.waitFor('constat', opened.id, (record) => record.revision.eassurance === 1, 20_000);

    const late = bed.platform.edit(
      'constat',
      opened.id,
      { providerReference: 'X' },
      { baseRevision: opened.revision },
    );
    await expect(late).rejects.toMatchObject({
      status: 409,
      code: 'REVISION_MOVED',
      current: { revision: { eassurance: 1, [providerId]: 1 } },
    });
    const onTop = await bed.platform.edit(
      'constat',
      opened.id,
      { providerReference: 'X' },
      { baseRevision: { eassurance: 1, [providerId]: 1 } },
    );
    expect(onTop.revision).toEqual({ eassurance: 1, [providerId]: 2 });
    expect(onTop.state.statusReason).toBe('vu par le siège');
  });

  it('signs and validates a constat, and then keeps its front', async () => {
    const { id } = await bed.platform.create('constat', bed.sample.constat());
    const signed = await bed.platform.sign(id);
    expect(signed.state).toMatchObject({
      status: 'SIGNED',
    });
    expect(signed.state.sealedContentHash).toMatch(/^[0-9a-f]{64}$/);
    expect((await bed.platform.validate(id)).state.status).toBe('VALIDATED');

    const accident = { place: 'ailleurs' };
    await expect(bed.platform.edit('constat', id, { accident })).rejects.toMatchObject({
      code: 'FRONT_SEALED',
    });
    const events = await published('constat.updated', id, 2);
    expect(events.map(({ event }) => event.meta.revision)).toEqual([
      { [bed.platform.providerId]: 2 },
      { [bed.platform.providerId]: 3 },
    ]);
  });

  it('travels for the other kinds too', async () => {
    const policy = await bed.platform.create('policy', bed.sample.policy());
    const vehicle = await bed.platform.create('vehicle', bed.sample.vehicle());
    const claim = await bed.platform.create('claim', bed.sample.claim());
    await bed.platform.edit('claim', claim.id, { status: 'SETTLED', settledAmount: '125000.5' });

    expect((await published('policy.updated', policy.id))[0]!.event.policy).toEqual(policy.state);
    expect((await published('vehicle.verified', vehicle.id))[0]!.event.vehicle).toEqual(vehicle.state);
    expect((await published('claim.processed', claim.id))[0]!.event.claim).toMatchObject({
      settledAmount: '125000.50',
    });
  });

  it('stays at home when it is done silently', async () => {
    const silent = await bed.platform.createSilently('constat', bed.sample.constat());
    const loud = await bed.platform.create('constat', bed.sample.constat());
    await logged(loud.eventId!, 'sent');

    expect(silent.eventId).toBeNull();
    expect(
      (await readTopic(`${bed.platform.providerId}-constat.created`)).map((record) => record.key),
    ).not.toContain(silent.id);
  });
});

describe('what arrives from E-assurance', () => {
  it('is applied when it dominates, and ignored when it does not, whatever the order', async () => {
    const id = randomUUID();
    const { state } = await bed.platform.create('constat', bed.sample.constat());
    const version = (eassurance: number, own: number, statusReason: string) => ({
      ...{ id, revision: { eassurance, [bed.platform.providerId]: own }, eventType: 'constat.updated' },
      state: { ...state, constatId: id, statusReason },
    });
    const outcomes: string[] = [];
    for (const event of [
      version(2, 0, 'second'),
      version(1, 0, 'first'),
      version(2, 0, 'again'),
      version(1, 1, 'beside'),
      version(3, 1, 'last'),
    ]) {
      outcomes.push((await logged(await bed.publishAsHub(event), 'received')).outcome);
    }

    expect(outcomes).toEqual(['applied', 'ignored', 'ignored', 'ignored', 'applied']);
    expect(await bed.platform.find('constat', id)).toMatchObject({
      revision: { eassurance: 3, [bed.platform.providerId]: 1 },
      state: { statusReason: 'last' },
    });
  });

  it('is applied once when it comes twice', async () => {
    const { state } = await bed.platform.create('constat', bed.sample.constat());
    const id = randomUUID();
    const event = {
      eventType: 'constat.created',
      id,
      revision: { eassurance: 1 },
      state: { ...state, constatId: id },
      eventId: randomUUID(),
    };
    await bed.publishAsHub(event);
    await bed.publishAsHub(event);

    const arrivals = () =>
      bed.db.query<{ outcome: string; arrivals: number }>(
        'SELECT outcome, arrivals FROM inbox WHERE event_id = $1',
        [event.eventId],
      );
    const { rows } = await waitFor(
      'the second arrival',
      arrivals,
      (result) => result.rows[0]?.arrivals === 2,
    );
    expect(rows).toEqual([{ outcome: 'applied', arrivals: 2 }]);
  });

  it('is set aside when it can not be read, and the next one still comes through', async () => {
    const { state } = await bed.platform.create('constat', bed.sample.constat());
    const id = randomUUID();
    await bed.send('constat.created', id, Buffer.from('{"not": "avro"}'));
    await bed.publishAsHub({
      eventType: 'constat.created',
      id,
      revision: { eassurance: 1 },
      state: { ...state, constatId: id },
    });

    await bed.platform.waitFor('constat', id, (record) => record.revision.eassurance === 1, 20_000);
    const aside = (await bed.platform.events('0', 1_000)).filter((line) => line.outcome === 'unreadable');
    expect(aside).toMatchObject([{ cause: 'not in Confluent framing' }]);
  });

  it('is the platform’s own event come back, and changes nothing', async () => {
    const record = await bed.platform.create('constat', bed.sample.constat());
    expect((await logged(record.eventId!, 'received')).outcome).toBe('own');
    expect(await bed.platform.find('constat', record.id)).toEqual(record);
  });
});
