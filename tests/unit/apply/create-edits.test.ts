import { describe, expect, it } from 'vitest';
import type { CreateEdit } from '../../../src/apply/edit.ts';
import { PermanentError } from '../../../src/domain/errors.ts';
import type { JsonObject } from '../../../src/domain/json.ts';
import { constatState } from '../domain/setup.ts';
import { AUTHOR, constat, interleave, setup, topology, UPDATED } from './setup.ts';

const form = (change: JsonObject = {}): JsonObject => {
  const {
    constatId: _id,
    providerId: _provider,
    createdBy: _by,
    createdAt: _at,
    updatedAt: _then,
    ...fields
  } = constatState();
  return { ...fields, ...change };
};
const edit = (more: Partial<CreateEdit> = {}): CreateEdit => ({
  kind: constat,
  provider: 'saa',
  state: form(),
  context: AUTHOR,
  idempotency: null,
  ...more,
});
const keyed = (requestDigest = 'd') => edit({ idempotency: { key: 'k', apiKeyId: 'a', requestDigest } });

/** A bed with one constat of ours at eassurance:1. */
async function opened() {
  const bed = setup();
  const result = await bed.edits.create(edit());
  if (result.status !== 'created') throw new Error(`opening it came to ${result.status}`);
  const { entity } = result;
  /** SAA's edit on top of what is stored. */
  const theirEdit = async (change: JsonObject, counter = 1) => {
    const { state, revision } = await bed.stored(entity.id);
    return bed.outcomes([await bed.arrival(UPDATED, { ...state, ...change }, { ...revision, saa: counter })]);
  };
  return { ...bed, entity, theirEdit };
}
const exact = (revision: Record<string, number>) => ({ mode: 'exact', revision }) as const;
const based = (revision: Record<string, number>) => ({ mode: 'based', revision }) as const;

describe('opening a constat', () => {
  it('writes event, entity and outbox row together and wakes its relay', async () => {
    const { store, woken, entity } = await opened();
    const { events, outbox, entities } = store.tables();
    expect(events).toMatchObject([
      {
        source: 'api',
        author: 'Nadia',
        origin: 'eassurance',
        topic: 'saa-constat.created',
        outcome: 'applied',
      },
    ]);
    expect(outbox).toMatchObject([{ eventId: events[0]!.eventId, shard: 'saa' }]);
    expect([...entities.values()]).toMatchObject([
      { id: entity.id, provider: 'saa', revision: { eassurance: 1 }, eventId: events[0]!.eventId },
    ]);
    expect(woken).toEqual(['saa']);
  });

  it('sets itself what no author may set', async () => {
    const bed = setup();
    const state = form({
      constatId: 'mine',
      createdBy: 'saa',
      sealedContentHash: 'forged',
      providerId: 'trust',
    });
    const result = await bed.edits.create(edit({ state }));
    expect(result).toMatchObject({
      status: 'created',
      entity: {
        state: { providerId: 'saa', createdBy: 'eassurance', createdAt: '2026-05-10T12:00:00.000Z' },
      },
    });
    expect(result).not.toMatchObject({ entity: { id: 'mine' } });
  });

  it.each([
    ['breaks a rule of the form', form({ parties: [] }), '/parties'],
    ["gives a status that is the insurer's alone to give", form({ status: 'VALIDATED' }), '/status'],
    ['has a field of another type', form({ unilateral: 'no' }), ''],
  ])('that %s is refused with a pointer, and nothing is written', async (_story, state, pointer) => {
    const { edits, store } = setup();
    const result = await edits.create(edit({ state }));
    expect(result).toMatchObject({ status: 'invalid', violations: [expect.objectContaining({ pointer })] });
    expect(store.tables().events).toEqual([]);
  });

  it('that the topic would not take is refused before anything is written', async () => {
    const { edits, store } = setup();
    const witnesses = Array.from({ length: 20_000 }, (_, i) => ({
      personRef: `0197f3a0-3333-7abc-8def-${String(i).padStart(12, '0')}`,
      name: 'Amina Haddad',
    }));
    const result = await edits.create(edit({ state: form({ witnesses }) }));
    const { maxMessageBytes } = topology.routes.get('saa-constat.created')!;
    expect(result).toMatchObject({ status: 'too-large' });
    if (result.status !== 'too-large') return;
    expect(result.bytes).toBeGreaterThan(result.limit);
    expect(result.limit).toBeLessThan(maxMessageBytes);
    expect(store.tables()).toMatchObject({ events: [], outbox: [] });
  });

  it('for a topic that E-assurance may not write is refused', async () => {
    const { edits } = setup();
    const policy = topology.kinds.get('policy')!;
    await expect(edits.create(edit({ kind: policy }))).rejects.toThrow(PermanentError);
  });
});

describe('the same request again', () => {
  it('is answered with what the first one opened, and writes nothing', async () => {
    const { edits, store } = setup();
    const first = await edits.create(keyed());
    const before = store.tables();
    const second = await edits.create(keyed());
    expect(first.status).toBe('created');
    expect(second).toMatchObject({
      status: 'repeated',
      entity: { id: 'entity' in first ? first.entity.id : '' },
    });
    expect(store.tables()).toEqual(before);
  });

  it('answers with the first revision, also when the constat has moved since', async () => {
    const { edits, patch } = setup();
    const first = await edits.create(keyed());
    if (first.status !== 'created') throw new Error(first.status);
    await patch(first.entity.id, { statusReason: 'Lu' }, exact({ eassurance: 1 }));
    expect(await edits.create(keyed())).toMatchObject({
      status: 'repeated',
      entity: { revision: { eassurance: 1 }, state: { statusReason: null } },
    });
  });

  it('at the same moment opens one constat', async () => {
    const { edits, store } = setup();
    interleave(store, () => edits.create(keyed()));
    expect(await edits.create(keyed())).toMatchObject({ status: 'repeated' });
    expect(store.tables().entities.size).toBe(1);
  });

  it('with another body is refused', async () => {
    const { edits, store } = setup();
    await edits.create(keyed());
    expect(await edits.create(keyed('another'))).toEqual({ status: 'key-reused' });
    expect(store.tables().entities.size).toBe(1);
  });
});

describe('a patch', () => {
  it('on the revision that it names writes the next one', async () => {
    const { entity, patch, stored, store } = await opened();
    expect(await patch(entity.id, { statusReason: 'Lu' }, exact({ eassurance: 1 }))).toMatchObject({
      status: 'updated',
      entity: { revision: { eassurance: 2 } },
    });
    expect(await stored(entity.id)).toMatchObject({
      revision: { eassurance: 2 },
      state: { statusReason: 'Lu' },
    });
    expect(store.tables().events.at(-1)).toMatchObject({ topic: UPDATED, author: 'Nadia' });
    expect(store.tables().outbox).toHaveLength(2);
  });

  it('that insists on a revision which has moved gets the current state instead', async () => {
    const { entity, patch, theirEdit } = await opened();
    await theirEdit({ statusReason: 'Reçu' });
    expect(await patch(entity.id, { channel: 'PAPER' }, exact({ eassurance: 1 }))).toMatchObject({
      status: 'moved',
      current: { revision: { eassurance: 1, saa: 1 }, state: { statusReason: 'Reçu' } },
    });
  });

  it('based on an older revision lands on the current one when it touches something else', async () => {
    const { entity, patch, stored, theirEdit } = await opened();
    await theirEdit({ statusReason: 'Reçu' });
    expect(await patch(entity.id, { channel: 'PAPER' }, based({ eassurance: 1 }))).toMatchObject({
      status: 'updated',
      entity: { revision: { eassurance: 2, saa: 1 } },
    });
    expect((await stored(entity.id)).state).toMatchObject({ statusReason: 'Reçu', channel: 'PAPER' });
  });

  it('based on an older revision is refused with all three values when it touches the same', async () => {
    const { entity, patch, theirEdit, store } = await opened();
    await theirEdit({ providerReference: 'SAA-1' });
    const before = store.tables();
    const result = await patch(entity.id, { providerReference: 'E-1' }, based({ eassurance: 1 }));
    expect(result).toMatchObject({
      status: 'clash',
      atoms: [{ base: 'SAA-16-2026-000123', theirs: 'SAA-1', yours: 'E-1' }],
    });
    expect(store.tables()).toEqual(before);
  });

  it('based on a revision that the history does not hold is refused', async () => {
    const { entity, patch } = await opened();
    expect(await patch(entity.id, { channel: 'PAPER' }, based({ eassurance: 9 }))).toMatchObject({
      status: 'unknown-base',
      current: { revision: { eassurance: 1 } },
    });
  });

  it('that changes nothing writes nothing', async () => {
    const { entity, patch, store } = await opened();
    const before = store.tables();
    expect(await patch(entity.id, { status: 'DRAFT' }, exact({ eassurance: 1 }))).toMatchObject({
      status: 'unchanged',
      entity: { revision: { eassurance: 1 } },
    });
    expect(store.tables()).toEqual(before);
  });

  it('that loses the race to their edit is judged again and lands on top of it', async () => {
    const { entity, patch, stored, store, theirEdit } = await opened();
    interleave(store, () => theirEdit({ statusReason: 'Reçu' }));
    expect(await patch(entity.id, { channel: 'PAPER' }, based({ eassurance: 1 }))).toMatchObject({
      status: 'updated',
      entity: { revision: { eassurance: 2, saa: 1 } },
    });
    expect((await stored(entity.id)).state).toMatchObject({ statusReason: 'Reçu', channel: 'PAPER' });
  });

  it("of another provider's constat finds nothing", async () => {
    const { entity, patch } = await opened();
    const condition = exact({ eassurance: 1 });
    const asTrust = { providers: ['trust'] };
    expect(await patch(entity.id, { channel: 'PAPER' }, condition, asTrust)).toEqual({ status: 'missing' });
    expect(await patch('0197f3a0-0000-7abc-8def-000000000000', {}, condition)).toEqual({ status: 'missing' });
  });

  it("to a status that is the insurer's alone to give is not allowed", async () => {
    const { entity, patch } = await opened();
    expect(await patch(entity.id, { status: 'VALIDATED' }, exact({ eassurance: 1 }))).toMatchObject({
      status: 'invalid',
      violations: [{ pointer: '/status', code: 'NOT_ALLOWED' }],
    });
  });

  it('is not held up by what the insurer broke before, nor may it break more', async () => {
    const { entity, patch, theirEdit } = await opened();
    const [a, b] = entity.state['parties'] as [JsonObject, JsonObject];
    const broken = { ...a, circumstances: [18], circumstanceCount: 1 };
    expect(await theirEdit({ parties: [broken, b] })).toEqual(['applied']);
    const now = { eassurance: 1, saa: 1 };
    expect(
      await patch(entity.id, { accident: { place: '' }, status: 'SUBMITTED' }, exact(now)),
    ).toMatchObject({
      status: 'invalid',
      violations: [{ pointer: '/accident/place' }],
    });
    expect(await patch(entity.id, { channel: 'PAPER' }, exact(now))).toMatchObject({ status: 'updated' });
  });
});
