import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newId } from '../../src/runtime/new-id.ts';
import { settledTo, shownAt } from './actions.ts';
import { composeEvent } from './compose-event.ts';
import { setup, type Bed } from './setup.ts';

const toy = (folder: string) => [path.join(import.meta.dirname, 'toy-kind', folder)];

describe('a fifth kind, added with one folder, one schema, one migration and one entry in topics.yaml', () => {
  let bed: Bed;
  let id: string;
  beforeAll(async () => {
    bed = await setup({
      kindsDirs: toy('kinds'),
      schemasDirs: toy('schemas'),
      migrationsDirs: toy('migrations'),
      entities: { parcel: { sent: { writers: ['eassurance', 'provider'] } } },
    });
    id = bed.insurers[0]!.id;
  });
  afterAll(() => bed.close());

  const parcelOf = (label: string | null) => {
    const now = new Date().toISOString();
    const owner = { parcelId: newId(), providerId: id, createdBy: id };
    return { ...owner, label, weight: '2.50', createdAt: now, updatedAt: now };
  };
  const send = async (state: ReturnType<typeof parcelOf>, counter: number) => {
    const event = await composeEvent(`${id}-parcel.sent`, state, {
      providerId: id,
      revision: { [id]: counter },
    });
    return { eventId: event.eventId, position: await bed.publish(event) };
  };

  it('travels from its topic to its table and to the API', async () => {
    const state = parcelOf('Pièces du dossier');
    const { eventId } = await send(state, 1);
    const shown = await shownAt(bed, 'parcels', state.parcelId, `${id}:1`);
    expect(shown).toMatchObject({ kind: 'parcel', provider: id, violations: [], state });
    const { rows } = await bed.db.query('select event_id, label from parcel where id = $1', [state.parcelId]);
    expect(rows).toEqual([{ event_id: eventId, label: 'Pièces du dossier' }]);
  });

  it('is judged, searched and documented like the four', async () => {
    const state = parcelOf('Constat papier');
    await send(state, 1);
    await send({ ...state, label: null }, 2);
    const { violations } = await shownAt(bed, 'parcels', state.parcelId, `${id}:2`);
    expect(violations).toMatchObject([{ pointer: '/label', code: 'LABEL_MISSING' }]);
    const { position } = await send(state, 1);
    await settledTo(bed, position);
    const history = await bed.staff.get(`/v1/parcels/${state.parcelId}/history`);
    expect(history.data.data.map(({ outcome }: { outcome: string }) => outcome)).toEqual([
      'stale',
      'applied',
      'applied',
    ]);

    const other = parcelOf('Croquis');
    await send(other, 1);
    await shownAt(bed, 'parcels', other.parcelId, `${id}:1`);
    const found = await bed.staff.get('/v1/parcels', { params: { label: 'Croquis' } });
    expect(found.data.data.map((entity: { id: string }) => entity.id)).toEqual([other.parcelId]);
    const { data: openApi } = await bed.staff.get('/openapi.json');
    expect(Object.keys(openApi.paths)).toContain('/v1/parcels/{id}');
  });
});
