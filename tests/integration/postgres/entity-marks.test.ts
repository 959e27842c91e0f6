import { describe, expect, it } from 'vitest';
import type { Revision } from '../../../src/domain/revision.ts';
import type { EventRow, QuarantineRow } from '../../../src/ports.ts';
import { createEntityReader } from '../../../src/postgres/create-entity-reader.ts';
import { emptyPlan, eventAt, newId, parcel, writeOf } from '../../contract/toy-kind.ts';
import { setupPostgres } from './setup-postgres.ts';

const fixture = setupPostgres();
const TOPIC = 'saa-parcel.sent';

/** One parcel of SAA's at (1,1), and records about it that went to quarantine, at offset 10. */
async function setup() {
  const { pool, store } = fixture;
  const reader = createEntityReader({ pool });
  const id = newId();
  const at = { topic: TOPIC, partition: 0 };
  let before: Revision | null = null;
  const apply = async (revision: Revision, more: Partial<EventRow> = {}) => {
    const event = eventAt(id, revision, { ...at, source: 'topic', ...more });
    await store.transaction((tx) =>
      tx.write({ ...emptyPlan, events: [event], entities: [writeOf(event, before)] }),
    );
    before = revision;
  };
  await apply({ eassurance: 1, saa: 1 }, { offset: 1n });
  const quarantine = (row: Partial<QuarantineRow>) =>
    store.transaction((tx) => tx.write({ ...emptyPlan, quarantined: [{ ...quarantined(id), ...row }] }));
  const flags = async () => {
    const [shown, [listed]] = [
      await reader.find(parcel, id),
      (
        await reader.list(parcel, {
          ...{ providers: null, filters: {}, updatedSinceMs: null, limit: 10_000, after: null },
        })
      ).filter((entity) => entity.id === id),
    ];
    expect(listed!.flags).toEqual(shown!.flags);
    return shown!.flags;
  };
  return { id, pool, apply, quarantine, flags };
}

function quarantined(entityId: string): QuarantineRow {
  return {
    ...{ code: 'UNDECODABLE', cause: 'not Avro', topic: TOPIC, partition: 0, offset: 10n },
    ...{ key: Buffer.from(entityId), value: Buffer.from('x'), headers: {}, schemaId: null },
    ...{ provider: 'saa', eventId: null, kind: 'parcel', entityId, revision: null },
  };
}

const MARKED = ['QUARANTINED_EVENT'];

describe('an entity with an event in quarantine', () => {
  it.each([
    ['unreadable, and later than all we have', {}],
    ['from the future', { code: 'REVISION_FROM_FUTURE', revision: { eassurance: 9, saa: 2 } }],
    ['newer than the state', { code: 'EVENT_ID_REUSED', revision: { eassurance: 1, saa: 2 } }],
    [
      'with the same revision and another content',
      { code: 'EVENT_ID_REUSED', revision: { eassurance: 1, saa: 1 } },
    ],
  ])('is marked when it is %s', async (_story, row) => {
    const { quarantine, flags } = await setup();
    expect(await flags()).toEqual([]);
    await quarantine(row);
    expect(await flags()).toEqual(MARKED);
  });

  it.each([
    ['older than the state', { code: 'EVENT_ID_REUSED', revision: { saa: 1 } }],
    ["in another insurer's topic", { provider: 'trust', topic: 'trust-parcel.sent' }],
    ["said to be another insurer's", { code: 'WRONG_PROVIDER', revision: { saa: 2 } }],
    ['said to be ours', { code: 'ORIGIN_UNKNOWN', revision: { eassurance: 2 } }],
    ['of another kind', { kind: 'letter' }],
  ])('is not marked when it is %s', async (_story, row) => {
    const { quarantine, flags } = await setup();
    await quarantine(row);
    expect(await flags()).toEqual([]);
  });

  it('loses the mark with a state that dominates it, and not with one that does not', async () => {
    const { apply, quarantine, flags } = await setup();
    await quarantine({ code: 'REVISION_FROM_FUTURE', revision: { eassurance: 3, saa: 2 } });
    await apply({ eassurance: 2, saa: 9 });
    expect(await flags()).toEqual(MARKED);
    await apply({ eassurance: 3, saa: 9 });
    expect(await flags()).toEqual([]);
  });

  it('loses the mark of an unreadable one with a later record of its partition alone', async () => {
    const { apply, quarantine, flags } = await setup();
    await quarantine({});
    await apply({ eassurance: 1, saa: 2 }, { offset: 9n });
    await apply({ eassurance: 1, saa: 3 }, { offset: 11n, partition: 1 });
    await apply({ eassurance: 1, saa: 4 }, { offset: 11n, topic: 'saa-parcel.moved' });
    await apply({ eassurance: 2, saa: 4 }, { offset: null, partition: null, source: 'api' });
    expect(await flags()).toEqual(MARKED);
    await apply({ eassurance: 2, saa: 5 }, { offset: 11n });
    expect(await flags()).toEqual([]);
  });

  it('loses the mark when people settle the record', async () => {
    const { id, pool, quarantine, flags } = await setup();
    await quarantine({});
    await pool.query(
      `update quarantine set settled_at = now(), settled_how = 'discarded' where entity_id = $1`,
      [id],
    );
    expect(await flags()).toEqual([]);
  });
});
