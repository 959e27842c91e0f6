import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { applyBatch } from '../../../src/apply/apply-batch.ts';
import type { JsonObject } from '../../../src/domain/json.ts';
import { createSampleData } from '../../../src/simulator/sample-data.ts';
import { constat, CREATED, setup as setupApply, UPDATED } from './setup.ts';

const TRACEPARENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

/** The apply step with its log in memory. */
function setup(level: string) {
  const lines: Record<string, unknown>[] = [];
  const write = (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>);
  const told = (msg: string) => lines.filter((line) => line['msg'] === msg);
  return { ...setupApply(pino({ level, base: null }, { write })), told };
}

const sample = createSampleData({ seed: 3, providerId: 'saa', today: '2026-05-10' });

/** A constat that SAA has opened. */
function openedBySaa(letter: string): JsonObject {
  const at = '2026-05-09T10:00:00.000Z';
  const constatId = `0195f3a0-7c1e-7b52-9d7e-00000000000${letter}`;
  return {
    ...sample.constat(),
    constatId,
    providerId: 'saa',
    createdBy: 'saa',
    createdAt: at,
    updatedAt: at,
  };
}

/** Staff and SAA change the place of a constat at once. */
async function mergeOne(world: ReturnType<typeof setup>) {
  const { edits, arrival, deps } = world;
  const state = sample.constat();
  const context = { author: 'Amel', correlationId: 'from-the-request', traceparent: TRACEPARENT };
  const created = await edits.create({ kind: constat, provider: 'saa', state, context, idempotency: null });
  if (created.status !== 'created') throw new Error(JSON.stringify(created));
  const { entity } = created;
  const accident = (place: string) => ({ ...(entity.state['accident'] as object), place });
  const condition = { mode: 'based', revision: entity.revision } as const;
  await edits.patch({
    ...{ kind: constat, id: entity.id, providers: null, condition, changeReason: null, context },
    patch: { accident: { place: 'Hydra' } },
  });
  const theirs = await arrival(
    UPDATED,
    { ...entity.state, accident: accident('Kouba') },
    { eassurance: 1, saa: 1 },
    { correlationId: 'from-saa' },
  );
  const arrived = { ...theirs, headers: { ...theirs.headers, traceparent: TRACEPARENT } };
  const settled = await applyBatch([arrived], null, deps);
  expect(settled[0]!.outcome).toBe('merged');
  return { entity, arrived };
}

describe('what is logged of decisions', () => {
  it('ties each edit to its request by correlation id and trace', async () => {
    const world = setup('info');
    const { entity } = await mergeOne(world);
    expect(world.told('edit written')).toMatchObject([
      { entityId: entity.id, revision: 'eassurance:1', correlationId: 'from-the-request' },
      { entityId: entity.id, revision: 'eassurance:2', traceparent: TRACEPARENT },
    ]);
  });

  it('has a line for a merge and one for what it leaves to staff, without the values', async () => {
    const world = setup('info');
    const { entity, arrived } = await mergeOne(world);
    const [merged] = world.told('event merged');
    expect(merged).toMatchObject({
      ...{ topic: UPDATED, entityId: entity.id, eventId: arrived.event.meta.eventId, outcome: 'merged' },
      ...{ correlationId: 'from-saa', traceparent: TRACEPARENT, conflicts: 1 },
    });
    expect(world.told('conflict left to staff')).toMatchObject([
      { atom: 'accident/place', eventId: merged!['mergeEventId'], code: 'BOTH_CHANGED' },
    ]);
    expect(
      JSON.stringify([...world.told('event merged'), ...world.told('conflict left to staff')]),
    ).not.toMatch(/Hydra|Kouba/);
  });

  it('lets the merge go on in the trail of the event that caused it', async () => {
    const world = setup('info');
    const { arrived } = await mergeOne(world);
    const [merged] = world.told('event merged');
    const { outbox, events } = world.store.tables();
    const ofMerge = ({ eventId }: { eventId: string }) => eventId === merged!['mergeEventId'];
    expect(outbox.find(ofMerge)?.traceparent).toBe(TRACEPARENT);
    const { bytes, schemaRef } = events.find(ofMerge)!;
    const merge = await world.deps.codec.decodeStored(bytes, schemaRef);
    expect(merge.meta).toMatchObject({
      correlationId: 'from-saa',
      causationId: arrived.event.meta.eventId,
    });
  });

  it('has one line a batch at info, and one an event at debug alone', async () => {
    const batch = async (level: string) => {
      const world = setup(level);
      const arrivals = await Promise.all(
        ['a', 'b', 'c'].map((letter) => world.arrival(CREATED, openedBySaa(letter), { saa: 1 })),
      );
      await applyBatch(arrivals, null, world.deps);
      return world;
    };
    const quiet = await batch('info');
    expect(quiet.told('batch settled')).toMatchObject([{ topic: CREATED, events: 3, applied: 3 }]);
    expect(quiet.told('event settled')).toEqual([]);
    expect((await batch('debug')).told('event settled')).toHaveLength(3);
  });

  it('has a line for an event in quarantine, and no correlation id that is none', async () => {
    const world = setup('info');
    const bad = await world.arrival(
      CREATED,
      openedBySaa('d'),
      { saa: 1, stranger: 1 },
      { correlationId: 'M. Benali, 0555 12 34 56' },
    );
    await applyBatch([bad], null, world.deps);
    const [line] = world.told('event quarantined');
    expect(line).toMatchObject({ code: 'REVISION_INVALID', eventId: bad.event.meta.eventId });
    expect(line).not.toHaveProperty('correlationId');
  });
});
