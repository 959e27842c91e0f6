import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { conflictSchema } from '../../../src/api/conflict-document.ts';
import type { JsonObject } from '../../../src/domain/json.ts';
import { OUTBOX_CHANNEL } from '../../../src/postgres/outbox-channel.ts';
import { setup } from './setup.ts';

let bundle: Awaited<ReturnType<typeof setup>>;
beforeAll(async () => {
  bundle = await setup({ databaseUrl: inject('databaseUrl'), registryUrl: inject('registryUrl') });
});
afterAll(() => bundle.close());

/** A constat on which both sides have set the reference: SAA's stands, at eassurance:3,saa:1. */
async function clash() {
  const { post, patch, arrive, get } = bundle;
  const { body: opened } = await post();
  const { id } = opened;
  const state = opened.state as unknown as JsonObject;
  expect((await patch(id, { providerReference: 'mine' }, { 'If-Match': 'eassurance:1' })).status).toBe(200);
  expect(await arrive({ ...state, providerReference: 'theirs' }, { eassurance: 1, saa: 1 })).toBe('merged');
  const { body } = await get(`/v1/conflicts?entity=${id}&status=open`);
  expect(body.data).toHaveLength(1);
  return { id, state, conflict: body.data[0]!.id };
}

describe('a conflict', () => {
  it('is found, shown as described, settled by an edit that is published, and closed', async () => {
    const { get, settle, woken, count } = bundle;
    const { id, conflict } = await clash();
    const shown = await get(`/v1/conflicts/${conflict}`);
    expect(conflictSchema.safeParse(shown.body.conflict).error?.issues ?? []).toEqual([]);
    expect(shown.body).toMatchObject({
      revision: 'eassurance:3,saa:1',
      conflict: {
        atom: 'providerReference',
        stands: 'theirs',
        ours: { value: 'mine', author: 'Amel Haddad' },
        theirs: { value: 'theirs', author: 'saa' },
      },
    });
    expect((await get(`/v1/constats/${id}`)).body).toMatchObject({ openConflicts: 1, flags: [] });

    const outbox = await count('outbox');
    const settled = await settle(conflict, { choose: 'ours', reason: 'demandé' }, shown.body.revision);
    expect(settled.status, settled.text).toBe(200);
    expect(settled.body).toMatchObject({
      outcome: 'updated',
      revision: 'eassurance:4,saa:1',
      conflict: { status: 'settled', settledBy: 'Amel Haddad', settledReason: 'demandé' },
    });
    expect(await count('outbox')).toBe(outbox + 1);
    expect(woken.at(-1)).toBe('saa');
    const { body } = await get(`/v1/constats/${id}`);
    expect(body).toMatchObject({ openConflicts: 0, state: { providerReference: 'mine' } });
    const history = await get(`/v1/constats/${id}/history?limit=1`);
    expect(history.body.data[0]).toMatchObject({
      eventId: settled.body.conflict['settlingEventId'],
      author: 'Amel Haddad',
      changeReason: 'demandé',
      changedFields: ['providerReference'],
    });
  });

  it('is closed without an edit when the value that stands is chosen, and not twice', async () => {
    const { settle, count } = bundle;
    const { conflict } = await clash();
    const before = [await count('event'), await count('outbox')];
    const answer = await settle(conflict, { choose: 'theirs' }, 'eassurance:3,saa:1');
    expect(answer.body).toMatchObject({ outcome: 'unchanged', conflict: { settlingEventId: null } });
    expect([await count('event'), await count('outbox')]).toEqual(before);
    const again = await settle(conflict, { choose: 'ours' }, 'eassurance:3,saa:1');
    expect([again.status, again.body.type]).toEqual([409, 'urn:eassurance:problem:conflict-settled']);
    expect([await count('event'), await count('outbox')]).toEqual(before);
  });

  it('is settled once by many at once, whatever they choose', async () => {
    const { settle, count } = bundle;
    const { conflict } = await clash();
    const events = await count('event');
    const bodies = [{ choose: 'ours' }, { value: 'a third' }, { choose: 'theirs' }, { value: 'a fourth' }];
    const answers = await Promise.all(bodies.map((body) => settle(conflict, body, 'eassurance:3,saa:1')));
    const won = answers.filter(({ status }) => status === 200);
    expect(won, answers.map(({ text }) => text).join('\n')).toHaveLength(1);
    for (const { status } of answers) expect([200, 409, 412]).toContain(status);
    expect(await count('event')).toBe(events + (won[0]!.body.outcome === 'updated' ? 1 : 0));
  });

  it('is not settled on a revision that has moved, nor with a value that breaks a rule', async () => {
    const { settle, patch, get } = bundle;
    const { id, conflict } = await clash();
    const broken = await settle(conflict, { value: { not: 'a text' } }, 'eassurance:3,saa:1');
    expect([broken.status, broken.body.type]).toEqual([422, 'urn:eassurance:problem:validation']);
    await patch(id, { channel: 'PAPER' }, { 'Base-Revision': 'eassurance:3,saa:1' });
    const late = await settle(conflict, { choose: 'theirs' }, 'eassurance:3,saa:1');
    expect([late.status, late.body.current.revision]).toEqual([412, 'eassurance:4,saa:1']);
    expect((await get(`/v1/conflicts/${conflict}`)).body.conflict).toMatchObject({ status: 'open' });
  });

  it('is settled by an ordinary edit of its atom', async () => {
    const { patch, get } = bundle;
    const { id, conflict } = await clash();
    const base = { 'Base-Revision': 'eassurance:3,saa:1' };
    await patch(id, { channel: 'PAPER' }, base);
    expect((await get(`/v1/conflicts/${conflict}`)).body.conflict).toMatchObject({ status: 'open' });
    expect((await patch(id, { providerReference: 'final' }, base)).status).toBe(200);
    expect((await get(`/v1/conflicts/${conflict}`)).body.conflict).toMatchObject({
      status: 'settled',
      settledBy: 'Amel Haddad',
    });
  });
});

describe('bridge conflicts', () => {
  it('lists the worst first, shows one, and settles it, waking the relay', async () => {
    const { id, conflict } = await clash();
    await bundle.pool
      .query(`insert into conflict (kind, entity_id, provider, atom, event_id, newest_event_id, base, ours,
      theirs, stands, code, severity, ours_author, theirs_author, ours_at, theirs_at)
      select kind, entity_id, provider, 'status', event_id, newest_event_id, base, ours, theirs, 'theirs', 'STATUS_CLASH',
      'critical', 'x', 'y', now(), now() from conflict where id = ${conflict}`);
    const listed = await bridge('list', '--entity', id, '--json');
    expect((JSON.parse(listed.stdout) as { atom: string }[]).map(({ atom }) => atom)).toEqual([
      'status',
      'providerReference',
    ]);
    expect((await bridge('list', '--entity', id)).stdout).toMatch(/critical.*STATUS_CLASH[^]*normal/);
    const shown = await bridge('show', conflict);
    for (const part of ['"mine"', '"theirs"', 'Amel Haddad', 'eassurance:3,saa:1'])
      expect(shown.stdout).toContain(part);

    const heard = await listen();
    const settled = await bridge(
      'settle',
      conflict,
      '--choose',
      'ours',
      '--as',
      'Karim Ould',
      '--reason',
      'vu le PV',
    );
    expect(settled.stdout).toBe(`settled ${conflict}: constat ${id} is now at eassurance:4,saa:1\n`);
    expect(await heard.shard).toBe('saa');
    const { body } = await bundle.get(`/v1/conflicts/${conflict}`);
    expect(body.conflict).toMatchObject({ settledBy: 'Karim Ould', settledReason: 'vu le PV' });
    expect((await bundle.get(`/v1/constats/${id}`)).body.state.providerReference).toBe('mine');
  });

  it('says in a sentence why it settles nothing', async () => {
    const { conflict } = await clash();
    const refusals: [string[], RegExp][] = [
      [['settle', conflict, '--as', 'Karim'], /either --choose/],
      [['settle', conflict, '--value', 'Oran', '--as', 'Karim'], /not JSON/],
      [
        ['settle', conflict, '--choose', 'ours', '--as', 'Karim', '--revision', 'eassurance:2'],
        /has moved to/,
      ],
      [['settle', '999999', '--choose', 'ours', '--as', 'Karim'], /no conflict 999999/],
    ];
    for (const [args, message] of refusals) {
      const { code, stderr } = await bridge(...args);
      expect([code, stderr]).toEqual([1, expect.stringMatching(message)]);
      expect(stderr).not.toContain('    at ');
    }
  });
});

const MAIN = fileURLToPath(new URL('../../../src/main.ts', import.meta.url));

/** The command line as a process of its own. */
function bridge(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const env = {
    ...process.env,
    DATABASE_URL: bundle.databaseUrl,
    SCHEMA_REGISTRY_URL: inject('registryUrl'),
  };
  return new Promise((resolve) => {
    execFile(process.execPath, [MAIN, 'conflicts', ...args], { env }, (error, stdout, stderr) =>
      resolve({ code: Number(error?.code ?? 0), stdout, stderr }),
    );
  });
}

/** Resolves once it listens; `shard` is the next one that is woken. */
async function listen(): Promise<{ readonly shard: Promise<string> }> {
  const client = new pg.Client({ connectionString: bundle.databaseUrl });
  await client.connect();
  await client.query(`listen ${client.escapeIdentifier(OUTBOX_CHANNEL)}`);
  const heard = new Promise<string>((resolve) =>
    client.once('notification', ({ payload = '' }) => resolve(payload)),
  );
  return { shard: heard.finally(() => client.end()) };
}
