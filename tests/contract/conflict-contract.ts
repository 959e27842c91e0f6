import { describe, expect, it } from 'vitest';
import { MovedError } from '../../src/domain/errors.ts';
import type { Revision } from '../../src/domain/revision.ts';
import type { Conflict, ConflictQuery, ConflictRow, FlagRow, SettlementRow } from '../../src/ports.ts';
import type { StoreUnderTest } from './store-contract.ts';
import { applyPlanOf, emptyPlan, eventAt, newId, parcel } from './toy-kind.ts';

const EVERYTHING: ConflictQuery = {
  providers: null,
  status: null,
  severity: null,
  kind: null,
  entityId: null,
  after: null,
  limit: 100,
};

/** What every Store and ConflictReader promise about conflicts and flags. */
export function describeConflicts(setup: () => StoreUnderTest): void {
  const inPlan = (plan: Partial<typeof emptyPlan>) =>
    setup().store.transaction((tx) => tx.write({ ...emptyPlan, ...plan }));
  const list = (query: Partial<ConflictQuery>) => setup().conflicts.list({ ...EVERYTHING, ...query });
  const only = async (query: Partial<ConflictQuery>): Promise<Conflict> => {
    const found = await list(query);
    expect(found).toHaveLength(1);
    return found[0]!;
  };

  /** A merge that finds these clashes on one entity, with the event that it makes. */
  async function merge(
    entityId: string,
    hub: number,
    ...found: Partial<ConflictRow>[]
  ): Promise<ConflictRow[]> {
    const event = eventAt(entityId, { eassurance: hub, saa: hub }, { origin: 'eassurance', source: 'merge' });
    const conflicts = found.map((more) => conflictOf(entityId, { eventId: event.eventId, ...more }));
    await inPlan({ events: [event], conflicts });
    return conflicts;
  }

  describe('conflicts', () => {
    it('open with both values, what stands and why', async () => {
      const entityId = newId();
      const [row] = await merge(entityId, 2, { base: null, ours: { a: [1, 'é'] }, theirs: 'b' });
      const conflict = await only({ entityId });
      expect(conflict).toMatchObject({
        ...row,
        status: 'open',
        joined: [],
        settledAtMs: null,
        settledBy: null,
        settlingEventId: null,
        settledReason: null,
      });
      expect(conflict.openedAtMs).toBeGreaterThan(Date.now() - 60_000);
      expect(await setup().conflicts.find(conflict.id)).toEqual(conflict);
    });

    it('are one per entity and atom: what clashes later joins, and renews what stands', async () => {
      const entityId = newId();
      await merge(entityId, 2, { ours: 'o1', theirs: 't1', severity: 'critical' }, { atom: 'other' });
      await merge(entityId, 3, {
        ours: 'o2',
        theirs: 't2',
        stands: 'theirs',
        code: 'STATUS_CLASH',
        theirsAuthor: 'trust',
        theirsAtMs: 77,
      });
      const found = await list({ entityId });
      expect(found.map(({ atom }) => atom).sort()).toEqual(['label', 'other']);
      expect(found.find(({ atom }) => atom === 'label')).toMatchObject({
        ours: 'o1',
        theirs: 't1',
        stands: 'theirs',
        code: 'STATUS_CLASH',
        severity: 'critical',
        joined: [{ ours: 'o2', theirs: 't2', theirsAuthor: 'trust', atMs: 77 }],
      });
    });

    it('join in order when one batch finds several on an atom, open before or not', async () => {
      const entityId = newId();
      await merge(
        entityId,
        2,
        { theirs: 1 },
        { theirs: 2 },
        { theirs: 3, stands: 'theirs', severity: 'critical' },
      );
      await merge(entityId, 3, { theirs: 4 }, { theirs: 5 });
      const conflict = await only({ entityId });
      expect(conflict).toMatchObject({ theirs: 1, stands: 'ours', severity: 'critical' });
      expect(conflict.joined.map(({ theirs }) => theirs)).toEqual([2, 3, 4, 5]);
    });

    it('are settled by an edit on their atoms, and only those', async () => {
      const entityId = newId();
      await merge(entityId, 2, {}, { atom: 'other' });
      const eventId = newId();
      await inPlan({
        settlements: [
          settlementOf(entityId, { eventId, reason: 'asked \0 the driver', seen: { eassurance: 2, saa: 2 } }),
        ],
      });
      expect(await only({ entityId, status: 'settled' })).toMatchObject({
        atom: 'label',
        settledBy: 'Amina',
        settlingEventId: eventId,
        settledReason: expect.stringMatching(/^asked . the driver$/s),
      });
      expect(await only({ entityId, status: 'open' })).toMatchObject({ atom: 'other', settledBy: null });
    });

    it('stay open for an edit whose author had not seen their newest values', async () => {
      const entityId = newId();
      await merge(entityId, 2, {});
      await merge(entityId, 3, {});
      const unread: Revision[] = [{ eassurance: 2, saa: 2 }, { eassurance: 9 }, {}];
      for (const seen of unread) {
        await inPlan({ settlements: [settlementOf(entityId, { seen })] });
        expect((await only({ entityId })).status).toBe('open');
      }
      await inPlan({ settlements: [settlementOf(entityId, { seen: { saa: 3, eassurance: 4, other: 1 } })] });
      expect((await only({ entityId })).status).toBe('settled');
    });

    it('open anew after they were settled, also in the plan that settles', async () => {
      const entityId = newId();
      await merge(entityId, 2, { theirs: 'old' });
      await inPlan({
        settlements: [settlementOf(entityId)],
        conflicts: [conflictOf(entityId, { theirs: 'new' })],
      });
      expect(await only({ entityId, status: 'settled' })).toMatchObject({ theirs: 'old', joined: [] });
      expect(await only({ entityId, status: 'open' })).toMatchObject({ theirs: 'new', joined: [] });
    });

    it('settle once: whoever names one that is closed has moved, and writes nothing', async () => {
      const entityId = newId();
      await merge(entityId, 2, {});
      const { id: conflictId } = await only({ entityId });
      await inPlan({ settlements: [settlementOf(entityId, { conflictId, eventId: null })] });
      const event = eventAt(newId(), { saa: 1 });
      const again = inPlan({
        ...applyPlanOf(event, null),
        settlements: [settlementOf(entityId, { conflictId, by: 'Karim' })],
      });
      await expect(again).rejects.toSatisfy(
        (error) => error instanceof MovedError && error.what === 'conflict',
      );
      expect(await only({ entityId })).toMatchObject({ settledBy: 'Amina', settlingEventId: null });
      const found = await setup().store.transaction((tx) => tx.readEntities(parcel, [event.entityId]));
      expect(found.size).toBe(0);
    });

    it('leave others alone when one is named', async () => {
      const entityId = newId();
      await merge(entityId, 2, {}, { atom: 'other' });
      const named = (await list({ entityId })).find(({ atom }) => atom === 'other')!;
      const settlement = settlementOf(entityId, { atoms: ['label', 'other'], conflictId: named.id });
      await inPlan({ settlements: [settlement] });
      expect((await list({ entityId, status: 'settled' })).map(({ id }) => id)).toEqual([named.id]);
    });

    it('are listed page by page, oldest first, by every filter', async () => {
      const provider = newId();
      const entityId = newId();
      await inPlan({
        conflicts: [
          conflictOf(entityId, { provider, atom: 'a', severity: 'critical' }),
          conflictOf(entityId, { provider, atom: 'b' }),
          conflictOf(newId(), { provider, atom: 'c', kind: 'letter' }),
        ],
      });
      const all = await list({ providers: [provider] });
      expect(all).toHaveLength(3);
      expect(all.map(({ id }) => BigInt(id))).toEqual(
        all.map(({ id }) => BigInt(id)).toSorted((a, b) => Number(a - b)),
      );
      const paged: string[] = [];
      for (let after: string | null = null; ; after = paged.at(-1)!) {
        const page = await list({ providers: [provider], after, limit: 2 });
        paged.push(...page.map(({ id }) => id));
        if (page.length < 2) break;
      }
      expect(paged).toEqual(all.map(({ id }) => id));
      const atoms = async (query: Partial<ConflictQuery>) =>
        (await list({ providers: [provider], ...query })).map(({ atom }) => atom).sort();
      expect(await atoms({ severity: 'critical' })).toEqual(['a']);
      expect(await atoms({ kind: 'letter' })).toEqual(['c']);
      expect(await atoms({ entityId })).toEqual(['a', 'b']);
      expect(await atoms({ status: 'settled' })).toEqual([]);
      expect(await list({ providers: [] })).toEqual([]);
    });

    it('are nothing under an id that none can have', async () => {
      for (const id of ['0', '-1', 'x', '1e3', '99999999999999999999', ''])
        expect(await setup().conflicts.find(id), id).toBeNull();
      expect(await list({ entityId: 'no uuid' })).toEqual([]);
    });
  });

  describe('flags', () => {
    it('are raised once per entity and code, by the event that was first', async () => {
      const [entityId, other] = [newId(), newId()];
      const [first, second] = [flagOf(entityId), flagOf(entityId)];
      await inPlan({ flags: [first, second, flagOf(other)] });
      await inPlan({ flags: [flagOf(entityId)] });
      const raised = await setup().flags(entityId);
      expect(raised).toHaveLength(1);
      expect(raised[0]).toMatchObject({ code: 'REVISION_REUSED', eventId: first.eventId });
      expect(await setup().flags(other)).toHaveLength(1);
    });
  });
}

function conflictOf(entityId: string, more: Partial<ConflictRow> = {}): ConflictRow {
  return {
    kind: parcel.name,
    entityId,
    provider: 'saa',
    atom: 'label',
    eventId: newId(),
    base: 'base',
    ours: 'ours',
    theirs: 'theirs',
    stands: 'ours',
    code: 'BOTH_CHANGED',
    severity: 'normal',
    oursAuthor: 'Karim',
    theirsAuthor: 'saa',
    oursAtMs: Date.UTC(2025, 0, 2, 3, 4, 5, 6),
    theirsAtMs: Date.UTC(2025, 0, 2, 3, 4, 5, 7),
    ...more,
  };
}

function settlementOf(entityId: string, more: Partial<SettlementRow> = {}): SettlementRow {
  const seen = { eassurance: 1_000, saa: 1_000 };
  return {
    kind: parcel.name,
    entityId,
    atoms: ['label'],
    eventId: newId(),
    by: 'Amina',
    reason: null,
    seen,
    ...more,
  };
}

function flagOf(entityId: string): FlagRow {
  return { kind: parcel.name, entityId, provider: 'saa', code: 'REVISION_REUSED', eventId: newId() };
}
