import { describe, expect, it } from 'vitest';
import { PermanentError, TransientError } from '../../../src/domain/errors.ts';
import { pullOnce } from '../../../src/pull/pull-once.ts';
import { toArrival, toPulledEvent } from '../../../src/pull/pulled-event.ts';
import { apiRecord, constat, page, setup } from './setup.ts';

const cursorKey = 'saa/constats';

describe('pullOnce', () => {
  it('walks page by page from the beginning when nothing was pulled before', async () => {
    const { deps, api, asked, applied, signal } = setup([
      page([apiRecord('c1')], { nextCursor: 'p2' }),
      page([apiRecord('c2')]),
    ]);
    const report = await pullOnce(api('saa'), constat, deps, signal);
    expect(asked).toEqual([
      { since: null, cursor: null },
      { since: null, cursor: 'p2' },
    ]);
    expect(applied.map((events) => events.map(({ event }) => event.meta.entityId))).toEqual([['c1'], ['c2']]);
    expect(report).toEqual({ pages: 2, records: 2, applied: 2, republished: 0, unreadable: 0 });
  });

  it('begins a little before the last walk, and keeps the time at which the provider began to answer', async () => {
    const { deps, api, asked, cursors, signal } = setup([
      page([apiRecord('c1')], { nextCursor: 'p2', asOf: '2026-03-01T10:00:00.000Z' }),
      page([apiRecord('c2')], { asOf: '2026-03-01T10:07:00.000Z' }),
    ]);
    cursors.set(cursorKey, '2026-03-01T09:00:00.000Z');
    await pullOnce(api('saa'), constat, deps, signal);
    expect(asked[0]?.since).toBe('2026-03-01T08:55:00.000Z');
    expect(cursors.get(cursorKey)).toBe('2026-03-01T10:00:00.000Z');
  });

  it('keeps its cursor when a later page fails, so that the walk is walked again', async () => {
    const failure = new TransientError('PROVIDER_UNAVAILABLE', 'saa is away');
    const { deps, api, cursors, signal } = setup([page([apiRecord('c1')], { nextCursor: 'p2' }), failure]);
    await expect(pullOnce(api('saa'), constat, deps, signal)).rejects.toBe(failure);
    expect(cursors.has(cursorKey)).toBe(false);
  });

  it('keeps its cursor when a page could not be applied', async () => {
    const failure = new TransientError('DATABASE_UNAVAILABLE', 'the database is away');
    const { deps, api, cursors, signal } = setup([page([apiRecord('c1')])]);
    await expect(
      pullOnce(api('saa'), constat, { ...deps, applyPulled: () => Promise.reject(failure) }, signal),
    ).rejects.toBe(failure);
    expect(cursors.has(cursorKey)).toBe(false);
  });

  it('never moves its cursor back', async () => {
    const { deps, api, cursors, signal } = setup([page([], { asOf: '2020-01-01T00:00:00.000Z' })]);
    cursors.set(cursorKey, '2026-03-01T09:00:00.000Z');
    await pullOnce(api('saa'), constat, deps, signal);
    expect(cursors.get(cursorKey)).toBe('2026-03-01T09:00:00.000Z');
  });

  it('leaves out what it cannot read, says so, counts it and applies the rest', async () => {
    const records = [
      apiRecord('c1'),
      apiRecord('c2', { status: 42 }),
      apiRecord('c3', { updatedAt: 'lately' }),
      apiRecord('c4'),
    ];
    const { deps, api, applied, counted, lines, cursors, signal } = setup([
      page(records, { unreadable: ['record 5: nonsense'] }),
    ]);
    const report = await pullOnce(api('saa'), constat, deps, signal);
    expect(applied.flat().map(({ event }) => event.meta.entityId)).toEqual(['c1', 'c4']);
    expect(report).toMatchObject({ records: 2, unreadable: 3 });
    expect(counted).toContain('saa constats failed 3');
    expect(lines.map(({ cause }) => cause)).toEqual([
      'record 5: nonsense',
      'constat "c2": status is not a string',
      'constat "c3": saa answered a constat without a readable updatedAt',
    ]);
    expect(cursors.has(cursorKey)).toBe(true);
  });

  it('finds only duplicates in what it pulled before', async () => {
    const { deps, api, counted, signal } = setup([page([apiRecord('c1')]), page([apiRecord('c1')])]);
    await pullOnce(api('saa'), constat, deps, signal);
    const again = await pullOnce(api('saa'), constat, deps, signal);
    expect(again.applied).toBe(0);
    expect(counted).toEqual(['saa constats applied 1', 'saa constats duplicate 1']);
  });

  it('shows what says nothing new to whoever republishes, and counts what was', async () => {
    const records = [apiRecord('c1'), apiRecord('c2', {}, { saa: 3 })];
    const { deps, api, shown, standings, signal } = setup([
      page(records),
      page([...records, apiRecord('c3')]),
    ]);
    standings.set('c2', 'republished');
    expect(await pullOnce(api('saa'), constat, deps, signal)).toMatchObject({ applied: 2, republished: 0 });
    expect(shown).toEqual([]);
    expect(await pullOnce(api('saa'), constat, deps, signal)).toMatchObject({ applied: 1, republished: 1 });
    expect(shown).toEqual([
      { kind: constat, entityId: 'c1', revision: { saa: 1 } },
      { kind: constat, entityId: 'c2', revision: { saa: 3 } },
    ]);
  });

  it('does not follow a provider in circles', async () => {
    const { deps, api, signal } = setup([page([], { nextCursor: 'p2' }), page([], { nextCursor: 'p2' })]);
    await expect(pullOnce(api('saa'), constat, deps, signal)).rejects.toThrow(PermanentError);
  });

  it('asks for no further page once it was told to stop', async () => {
    const { deps, api, asked } = setup([page([apiRecord('c1')], { nextCursor: 'p2' })]);
    const stop = new AbortController();
    const applyPulled: typeof deps.applyPulled = async (events) => {
      stop.abort('stop');
      return deps.applyPulled(events);
    };
    await expect(pullOnce(api('saa'), constat, { ...deps, applyPulled }, stop.signal)).rejects.toBe('stop');
    expect(asked).toHaveLength(1);
  });
});

describe('the event that a pulled record stands for', () => {
  const { deps } = setup();
  const pulled = (record = apiRecord('c1'), provider = 'saa') =>
    toPulledEvent(provider, constat, record, deps);

  it("is the provider's change of the whole record", async () => {
    const { event, topic } = await pulled();
    expect(topic).toBe('saa-constat.updated');
    expect(event.meta).toMatchObject({
      eventType: 'constat.updated',
      providerId: 'saa',
      origin: 'saa',
      entityType: 'constat',
      entityId: 'c1',
      revision: { saa: 1 },
      occurredAt: '2026-03-01T09:00:00.000Z',
      replay: false,
    });
    expect(event.state).toEqual(apiRecord('c1').state);
  });

  it('has the same id whenever the same content is pulled at the same revision', async () => {
    const first = await pulled(apiRecord('c1', {}, { eassurance: 1, saa: 2 }));
    const again = await pulled(
      apiRecord('c1', { updatedAt: '2026-04-01T09:00:00.000Z' }, { saa: 2, eassurance: 1 }),
    );
    expect(again.event.meta.eventId).toBe(first.event.meta.eventId);
    expect(first.event.meta.eventId).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-5/);
  });

  it('has another id for another provider, entity, revision or content', async () => {
    const others = await Promise.all([
      pulled(),
      pulled(apiRecord('c1'), 'trust'),
      pulled(apiRecord('c2')),
      pulled(apiRecord('c1', {}, { saa: 2 })),
      pulled(apiRecord('c1', { status: 'SUBMITTED' })),
    ]);
    expect(new Set(others.map(({ event }) => event.meta.eventId)).size).toBe(5);
  });

  it('goes through the rules as a pulled arrival without a position', async () => {
    expect(toArrival(await pulled())).toMatchObject({
      readable: true,
      source: 'pull',
      partition: null,
      offset: null,
      topic: 'saa-constat.updated',
    });
  });
});
