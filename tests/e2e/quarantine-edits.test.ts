import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { AxiosInstance } from 'axios';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/domain/json.ts';
import { waitFor } from '../support/wait-for.ts';
import { ledgerOf } from './actions.ts';
import { runBridge } from './run-child.ts';
import { setup, type Bed, type Insurer } from './setup.ts';
import { atRest, expectLevel, sharedConstat, staffEdit } from './sides.ts';

type Fault = 'forgedOrigin' | 'futureRevision' | 'undecodableBytes' | 'foreignProvider';

describe('editing a record in quarantine', () => {
  let bed: Bed;
  let saa: Insurer;
  let amel: AxiosInstance;
  let karim: AxiosInstance;
  let folder: string;
  beforeAll(async () => {
    bed = await setup();
    saa = bed.insurers[0]!;
    amel = await bed.apiAs('operator', undefined, 'Amel Haddad');
    karim = await bed.apiAs('operator', undefined, 'Karim Meziane');
    folder = await mkdtemp(path.join(tmpdir(), 'bridge-edits-'));
  });
  afterAll(async () => {
    await bed.close();
    await rm(folder, { recursive: true });
  });

  const bridge = async (...args: readonly string[]) => {
    const run = runBridge(['quarantine', ...args], bed.env);
    return { code: await run.exited, stdout: run.stdout(), stderr: run.stderr() };
  };
  const place = (state: JsonObject, text: string): JsonObject => ({
    ...state,
    accident: { ...(state['accident'] as JsonObject), place: text },
  });
  /** A constat that both sides hold at (1,0), an edit by the insurer that went wrong on its way, and the record's id. */
  const spoiled = async (fault: Fault, patch: JsonObject) => {
    const constat = await sharedConstat(bed, saa);
    saa.platform.faults.set({ [fault]: 1 });
    const { state } = await saa.platform.edit('constat', constat.id, patch);
    const id = await waitFor('the record lies in quarantine', async () => {
      const { rows } = await bed.db.query<{ id: string }>(
        'select id from quarantine where key = $1 and settled_at is null',
        [Buffer.from(constat.id)],
      );
      return rows[0]!.id;
    });
    return { constat, state, id };
  };
  const propose = (api: AxiosInstance, id: string, state: JsonObject) =>
    api.post(`/v1/quarantine/entries/${id}/edit`, { state, reason: 'Corrigé avec la SAA' });
  const decide = (api: AxiosInstance, edit: string, verb: 'approve' | 'reject') =>
    api.post(
      `/v1/quarantine/edits/${edit}/${verb}`,
      ...(verb === 'reject' ? [{ reason: 'Mauvaise date' }] : []),
    );
  const auditOf = async (id: string) =>
    (
      await bed.db.query<{ actor: string; action: string }>(
        'select actor, action from audit where subject = $1 order by id',
        [`quarantine/${id}`],
      )
    ).rows;

  it('takes two people, and both sides then hold the corrected state', async () => {
    const { constat, state, id } = await spoiled('forgedOrigin', { providerReference: 'SIN-1' });
    const before = (await bed.db.query('select key, value, headers from quarantine where id = $1', [id]))
      .rows;
    const proposed = await propose(amel, id, place(state, 'Rue Larbi Ben M’hidi'));
    expect(proposed.status).toBe(201);
    expect(proposed.data).toMatchObject({
      status: 'waiting',
      proposedBy: 'Amel Haddad',
      base: 'eassurance:1',
    });
    expect(proposed.data.againstRecord).toEqual([{ atom: 'accident/place', before: '•••', after: '•••' }]);
    expect(proposed.data.againstCurrent.map(({ atom }: { atom: string }) => atom)).toEqual([
      'accident/place',
      'providerReference',
    ]);
    // Nothing has happened yet.
    expect((await ledgerOf(bed, constat.id)).length).toBe(1);

    const edit = proposed.data.id;
    expect(await propose(karim, id, state)).toMatchObject({
      status: 409,
      data: { type: expect.stringContaining('edit-waiting') },
    });
    for (const api of [amel, await bed.apiAs('operator', undefined, ' amel  HADDAD ')])
      expect(await decide(api, edit, 'approve')).toMatchObject({
        status: 409,
        data: { type: expect.stringContaining('second-person-needed') },
      });

    const approved = await decide(karim, edit, 'approve');
    expect(approved).toMatchObject({
      status: 200,
      data: {
        revision: `eassurance:2,${saa.id}:1`,
        edit: { status: 'approved', decidedBy: 'Karim Meziane' },
      },
    });
    const level = await expectLevel(bed, saa, constat.id, { hub: 2, provider: 1 });
    expect(level.state).toMatchObject({
      providerReference: 'SIN-1',
      accident: { place: 'Rue Larbi Ben M’hidi' },
    });

    expect((await ledgerOf(bed, constat.id)).at(-1)).toEqual({
      event_id: approved.data.edit.eventId,
      source: 'api',
      outcome: 'applied',
    });
    expect(
      (await bed.db.query('select key, value, headers from quarantine where id = $1', [id])).rows,
    ).toEqual(before);
    const entry = (await amel.get(`/v1/quarantine/entries/${id}`)).data;
    expect(entry.settled).toMatchObject({
      how: 'edited',
      by: 'Karim Meziane',
      reason: 'Corrigé avec la SAA',
    });
    expect((await decide(karim, edit, 'approve')).status).toBe(409);
    expect((await amel.post(`/v1/quarantine/entries/${id}/retry`)).status).toBe(409);
    expect(await auditOf(id)).toEqual([
      { actor: 'Amel Haddad', action: 'quarantine.edit.propose' },
      { actor: 'Karim Meziane', action: 'quarantine.edit.approve' },
    ]);
  });

  it('has a revision above what the record claims, so that the insurer takes it', async () => {
    const { constat, state, id } = await spoiled('futureRevision', { providerReference: 'SIN-2' });
    const { data } = await propose(amel, id, state);
    expect(await decide(karim, data.id, 'approve')).toMatchObject({
      data: { revision: `eassurance:1002,${saa.id}:1` },
    });
    await expectLevel(bed, saa, constat.id, { hub: 1002, provider: 1 });
    await saa.platform.edit('constat', constat.id, { providerReference: 'SIN-3' });
    await expectLevel(bed, saa, constat.id, { hub: 1002, provider: 2 });
  });

  it('of bytes that can not be read is level with the insurer once that has edited again', async () => {
    const { constat, state, id } = await spoiled('undecodableBytes', { providerReference: 'SIN-4' });
    const { status, data } = await propose(amel, id, state);
    expect(status).toBe(201);
    expect(data.againstRecord).toBeNull();
    expect((await decide(karim, data.id, 'approve')).status).toBe(200);
    await atRest(bed, saa);
    await saa.platform.edit('constat', constat.id, { statusReason: 'complet' });
    const level = await expectLevel(bed, saa, constat.id, { hub: 3, provider: 2 });
    expect(level.state).toMatchObject({ providerReference: 'SIN-4', statusReason: 'complet' });
  });

  it('keeps what staff have changed meanwhile, and is refused where both changed the same', async () => {
    const { constat, state, id } = await spoiled('forgedOrigin', { providerReference: 'SIN-5' });
    const edited = await staffEdit(bed, constat, { statusReason: 'vu' });
    const { data } = await propose(amel, id, place(state, 'Place Audin'));
    // Made on what the insurer had seen: the edit by staff is not in it, and not taken back.
    expect(data.base).toBe('eassurance:1');
    await staffEdit(bed, edited, { accident: { place: 'Rue Didouche Mourad' } });
    const clash = await decide(karim, data.id, 'approve');
    expect(clash).toMatchObject({
      status: 409,
      data: { type: expect.stringContaining('clash'), atoms: ['accident/place'] },
    });
    expect(JSON.stringify(clash.data)).not.toContain('Audin');
    expect((await decide(karim, data.id, 'reject')).status).toBe(200);
    expect((await decide(karim, data.id, 'reject')).status).toBe(409);

    const again = await propose(amel, id, place(state, 'Rue Didouche Mourad'));
    expect((await decide(karim, again.data.id, 'approve')).status).toBe(200);
    const level = await expectLevel(bed, saa, constat.id, { hub: 4, provider: 1 });
    expect(level.state).toMatchObject({
      providerReference: 'SIN-5',
      statusReason: 'vu',
      accident: { place: 'Rue Didouche Mourad' },
    });
  });

  it('is held to the rules of any edit of ours', async () => {
    const { state, id } = await spoiled('forgedOrigin', { providerReference: 'SIN-6' });
    const tomorrow = new Date(Date.now() + 2 * 86_400_000).toISOString().slice(0, 10);
    const wrong = { ...state, accident: { ...(state['accident'] as JsonObject), accidentDate: tomorrow } };
    const broken = await propose(amel, id, wrong);
    expect(broken.status).toBe(422);
    expect(broken.data.violations).toMatchObject([{ pointer: '/accident/accidentDate' }]);
    expect((await propose(amel, id, { ...state, speed: 90 })).status).toBe(422);
    expect(
      await propose(amel, id, { ...state, constatId: '0195f3a0-7c1e-7b52-9d7e-3f2a8c4b1e60' }),
    ).toMatchObject({
      status: 409,
      data: { type: expect.stringContaining('unattributable') },
    });
    expect((await propose(amel, '999999', state)).status).toBe(404);
    expect((await bed.staff.get('/v1/quarantine/edits')).status).toBe(403);
  });

  it('of a record that is discarded meanwhile comes to nothing', async () => {
    const { constat, state, id } = await spoiled('forgedOrigin', { providerReference: 'SIN-7' });
    const { data } = await propose(amel, id, state);
    await amel.post(`/v1/quarantine/entries/${id}/discard`, { reason: 'Envoi de test' });
    expect((await decide(karim, data.id, 'approve')).status).toBe(409);
    expect((await amel.get(`/v1/quarantine/edits/${data.id}`)).data).toMatchObject({ status: 'rejected' });
    expect(await ledgerOf(bed, constat.id)).toHaveLength(1);
  });

  it('is done on the command line from the state that the record says, taken out for a reason', async () => {
    const { constat, id } = await spoiled('forgedOrigin', { providerReference: 'SIN-8' });
    const file = path.join(folder, 'state.json');
    expect(await bridge('show', id, '--state-to', file)).toMatchObject({ code: 1 });
    const taken = await bridge(
      'show',
      id,
      '--state-to',
      file,
      '--reason',
      'Correction',
      '--by',
      'Amel Haddad',
    );
    expect(taken.code).toBe(0);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    const state = JSON.parse(await readFile(file, 'utf8')) as JsonObject;
    await writeFile(file, JSON.stringify(place(state, 'Bab El Oued')));

    const { stdout } = await bridge(
      'edit',
      id,
      '--state',
      file,
      '--by',
      'Amel Haddad',
      '--reason',
      'Vu la SAA',
    );
    expect(stdout).toContain('accident/place: "•••" → "•••"   (they differ under the mask)');
    expect(stdout).not.toContain('Bab El Oued');
    const edit = /^edit (\d+) /.exec(stdout)![1]!;
    expect((await bridge('approve', edit, '--by', 'amel haddad')).stderr).toContain(
      'somebody else has to approve it',
    );
    const approved = await bridge('approve', edit, '--by', 'Karim Meziane');
    expect(approved.stdout).toContain(`constat ${constat.id} is now at eassurance:2,${saa.id}:1`);
    await expectLevel(bed, saa, constat.id, { hub: 2, provider: 1 });
    expect(await auditOf(id)).toEqual([
      { actor: 'Amel Haddad', action: 'quarantine.unmask' },
      { actor: 'Amel Haddad', action: 'quarantine.edit.propose' },
      { actor: 'Karim Meziane', action: 'quarantine.edit.approve' },
    ]);
  });
});
