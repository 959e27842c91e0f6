import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { readTopic } from '../../support/kafka-admin.ts';
import { waitFor } from '../../support/wait-for.ts';
import { headersOf } from '../../support/headers-of.ts';
import { setup } from './setup.ts';
import type { PlatformBed } from './setup.ts';

let bed: PlatformBed;
beforeAll(async () => {
  bed = await setup();
});
afterEach(() => bed.platform.faults.clear());
afterAll(() => bed?.close());

/** What stands on the constat's topics, created before updated, once `count` are there. */
async function onTopics(id: string, count: number) {
  const read = async () => {
    const types = ['constat.created', 'constat.updated'];
    const all = await Promise.all(
      types.map(async (type) =>
        (await readTopic(`${bed.platform.providerId}-${type}`)).map((record) => ({ ...record, type })),
      ),
    );
    return all.flat().filter((record) => record.key === id);
  };
  return waitFor(`${count} events of ${id}`, read, (found) => found.length >= count);
}
async function metas(id: string, count: number) {
  return (await onTopics(id, count)).map(({ type, value }) => bed.decode(type, value!).meta);
}
const open = () => bed.platform.create('constat', bed.sample.constat());

it('publishes twice under one event id', async () => {
  bed.platform.faults.set({ publishTwice: 1 });
  const { id, eventId } = await open();
  expect((await metas(id, 2)).map((meta) => meta.eventId)).toEqual([eventId, eventId]);
});

it('sends the newest of a batch first', async () => {
  const { id } = await open();
  await onTopics(id, 1);
  bed.platform.faults.set({ reorderBatches: 1 });
  await bed.platform.edit('constat', id, { providerReference: '1' });
  await bed.platform.edit('constat', id, { providerReference: '2' });
  const own = bed.platform.providerId;
  expect((await metas(id, 3)).map((meta) => (meta.revision as Record<string, number>)[own])).toEqual([
    1, 3, 2,
  ]);
});

it('edits an older state without having seen the edit of E-assurance', async () => {
  const own = bed.platform.providerId;
  const { id, state } = await open();
  await bed.publishAsHub({
    eventType: 'constat.updated',
    id,
    revision: { [own]: 1, eassurance: 1 },
    state: { ...state, statusReason: 'vu' },
  });
  await bed.platform.waitFor('constat', id, (record) => record.revision.eassurance === 1, 20_000);
  bed.platform.faults.set({ staleEdits: 1 });

  const edited = await bed.platform.edit('constat', id, { providerReference: 'vieux' });
  expect(edited).toMatchObject({
    revision: { [own]: 2 },
    state: { statusReason: null, providerReference: 'vieux' },
  });
  expect(edited.revision).not.toHaveProperty('eassurance');
});

it('sends an older state once more under a new id', async () => {
  const { id, eventId } = await open();
  bed.platform.faults.set({ publishOlder: 1 });
  await bed.platform.edit('constat', id, { providerReference: '1' });
  const own = bed.platform.providerId;
  const found = await metas(id, 3);
  expect(found.map((meta) => meta.revision)).toEqual([{ [own]: 1 }, { [own]: 2 }, { [own]: 1 }]);
  expect(found[2]!.eventId).not.toBe(eventId);
});

it('alters a sealed front, and says that it is still sealed', async () => {
  const { id } = await open();
  const sealed = await bed.platform.sign(id);
  bed.platform.faults.set({ tamperSealedFront: 1 });
  const altered = await bed.platform.edit('constat', id, { accident: { place: 'autre lieu' } });
  expect(altered.state).toMatchObject({
    status: 'SIGNED',
    sealedContentHash: sealed.state.sealedContentHash,
    accident: { place: 'autre lieu' },
  });
  await expect(bed.platform.edit('constat', id, { accident: { place: 'encore' } })).rejects.toMatchObject({
    code: 'FRONT_SEALED',
  });
});

it('gives two contents one counter', async () => {
  const opened = await open();
  bed.platform.faults.set({ reuseCounters: 1 });
  const edited = await bed.platform.edit('constat', opened.id, { providerReference: 'autre' });
  expect(edited.revision).toEqual(opened.revision);
  expect(edited.digest).not.toBe(opened.digest);
});

it('claims another origin, another insurer, a used event id, an impossible revision', async () => {
  const own = bed.platform.providerId;
  const { id, eventId } = await open();
  bed.platform.faults.set({ forgedOrigin: 1 });
  await bed.platform.edit('constat', id, { providerReference: '1' });
  bed.platform.faults.set({ foreignProvider: 1 });
  const second = await bed.platform.edit('constat', id, { providerReference: '2' });
  bed.platform.faults.set({ reusedEventId: 1 });
  await bed.platform.edit('constat', id, { providerReference: '3' });
  bed.platform.faults.set({ invalidRevision: 1 });
  await bed.platform.edit('constat', id, { providerReference: '4' });
  bed.platform.faults.set({ futureRevision: 1 });
  await bed.platform.edit('constat', id, { providerReference: '5' });

  const [, forged, foreign, reused, invalid, future] = await metas(id, 6);
  expect(forged).toMatchObject({ origin: 'eassurance', providerId: own });
  expect(forged!.eventId).not.toBe(eventId);
  expect(foreign!.providerId).not.toBe(own);
  expect(reused!.eventId).toBe(second.eventId);
  expect(invalid!.revision).toEqual({});
  expect(future!.revision).toEqual({ [own]: 6, eassurance: 1_000 });
});

it('leaves bytes that no one can read, and a schema id that no registry has', async () => {
  bed.platform.faults.set({ undecodableBytes: 1 });
  const cut = await open();
  bed.platform.faults.set({ unknownSchemaId: 1 });
  const unknown = await open();
  const whole = await open();

  const [[cutRecord], [unknownRecord], [wholeRecord]] = await Promise.all([
    onTopics(cut.id, 1),
    onTopics(unknown.id, 1),
    onTopics(whole.id, 1),
  ]);
  expect(() => bed.decode('constat.created', cutRecord!.value!)).toThrow();
  expect(unknownRecord!.value!.readInt32BE(1)).not.toBe(wholeRecord!.value!.readInt32BE(1));
  const lines = await waitFor(
    'both set aside',
    () => bed.platform.events('0', 1_000),
    (log) => log.filter((line) => line.outcome === 'unreadable').length === 2,
  );
  expect(lines.filter((line) => line.outcome === 'unreadable').map((line) => line.cause)).toContainEqual(
    expect.stringContaining('knows no schema'),
  );
});

it('loses its headers on the way', async () => {
  const whole = await open();
  bed.platform.faults.set({ stripHeaders: 1 });
  const bare = await open();
  const topic = `${bed.platform.providerId}-constat.created`;

  expect(await headersOf(topic, whole.id)).toMatchObject({
    ce_specversion: '1.0',
    ce_id: whole.eventId,
    ce_subject: whole.id,
    'content-type': 'application/avro',
  });
  expect(await headersOf(topic, bare.id)).toEqual({});
});
