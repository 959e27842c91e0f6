import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createPrisma } from '../../src/postgres/create-prisma.ts';
import { createWriterIdTable } from '../../src/postgres/create-writer-id-table.ts';
import { waitFor } from '../support/wait-for.ts';
import { ledgerOf, quarantinedAt, settledTo, shownAt } from './actions.ts';
import { composeEvent, openedConstat, type ComposedEvent } from './compose-event.ts';
import { runBridge } from './run-child.ts';
import { setup, type Bed, type Insurer, type RawRecord } from './setup.ts';

/** Allotted on demand: until then events with it are REVISION_INVALID. */
const NEXT_WRITER = 2;

describe('working on quarantine', () => {
  let bed: Bed;
  let saa: Insurer;
  let operator: Awaited<ReturnType<Bed['apiAs']>>;
  beforeAll(async () => {
    bed = await setup();
    saa = bed.insurers[0]!;
    operator = await bed.apiAs('operator');
  });
  afterAll(() => bed.close());

  const created = () => `${saa.id}-constat.created`;
  const updated = () => `${saa.id}-constat.updated`;
  const bridge = async (...args: readonly string[]) => {
    const run = runBridge(['quarantine', ...args], bed.env);
    return { code: await run.exited, stdout: run.stdout(), stderr: run.stderr() };
  };
  const theirs = (
    topic: string,
    state = openedConstat(saa),
    revision: Record<string, number> = { [saa.id]: 1 },
  ) => composeEvent(topic, state, { providerId: saa.id, revision });
  /** The row's id, once the record lies in quarantine. */
  const quarantined = async (record: RawRecord): Promise<string> => {
    const position = await bed.publish(record);
    await quarantinedAt(bed, position);
    const { rows } = await bed.db.query<{ id: string }>(
      'select id from quarantine where topic = $1 and kafka_partition = $2 and kafka_offset = $3',
      [position.topic, position.partition, position.offset],
    );
    return rows[0]!.id;
  };
  const rowOf = async (id: string) =>
    (await bed.db.query('select settled_how, settled_by, attempts from quarantine where id = $1', [id]))
      .rows[0];
  const auditOf = async (subject: string) =>
    (
      await bed.db.query<{ actor: string; action: string }>(
        'select actor, action from audit where subject = $1 order by id',
        [subject],
      )
    ).rows;
  /** An event of a writer id that is not allotted yet. */
  const ofNextWriter = (topic: string, state = openedConstat(saa), counter = 1) =>
    theirs(topic, state, { [`${saa.id}.${NEXT_WRITER}`]: counter });
  const allotNextWriter = async () => {
    const table = createWriterIdTable({ prisma: createPrisma(bed.db) });
    await table.allot(saa.id, `${saa.id}.${NEXT_WRITER}`, [saa.id], 'test');
  };

  describe('retrying', () => {
    let first: ComposedEvent;
    let second: ComposedEvent;
    let ids: readonly [string, string];
    beforeAll(async () => {
      const state = openedConstat(saa);
      first = await ofNextWriter(created(), state, 1);
      second = await ofNextWriter(updated(), { ...state, providerReference: 'SIN-2' }, 2);
      // The newer one first: its id is the smaller.
      ids = [await quarantined(second), await quarantined(first)];
    });

    it('leaves a record where it is while the cause stands, and counts the attempt', async () => {
      const { code, stdout, stderr } = await bridge('retry', ids[0]);
      expect(stdout).toContain(`${ids[0]}  REVISION_INVALID: stays in quarantine`);
      expect(stderr).toContain('1 of 1 were not settled');
      expect(code).toBe(1);
      expect(await rowOf(ids[0])).toMatchObject({ settled_how: null, attempts: 2 });
    });

    it('applies it under its own event id once the cause is gone; an older one ends as stale', async () => {
      await allotNextWriter();
      expect(await bridge('retry', ids[0], '--by', 'Amel Haddad')).toMatchObject({
        code: 0,
        stdout: `${ids[0]}  applied\n`,
      });
      const { status, data } = await operator.post(`/v1/quarantine/entries/${ids[1]}/retry`);
      expect(status).toBe(200);
      expect(data).toMatchObject({
        outcome: 'stale',
        entry: { settled: { how: 'stale', by: 'Test operator' } },
      });
      await shownAt(bed, 'constats', first.key, `${saa.id}.${NEXT_WRITER}:2`);
      expect(await ledgerOf(bed, first.key)).toMatchObject([
        { event_id: second.eventId, source: 'topic', outcome: 'applied' },
        { event_id: first.eventId, source: 'topic', outcome: 'stale' },
      ]);
    });

    it('a second time changes nothing, and says so', async () => {
      const before = await ledgerOf(bed, first.key);
      const { code, stdout } = await bridge('retry', ids[0]);
      expect(stdout).toContain('was settled before; nothing was written');
      expect(code).toBe(0);
      const { status, data } = await operator.post(`/v1/quarantine/entries/${ids[1]}/retry`);
      expect(status).toBe(409);
      expect(data).toMatchObject({ type: 'urn:eassurance:problem:quarantine-settled' });
      expect(await ledgerOf(bed, first.key)).toEqual(before);
      expect(await rowOf(ids[0])).toMatchObject({ settled_how: 'applied', settled_by: 'Amel Haddad' });
    });

    it('is in the audit, each time that it did something', async () => {
      const user = (await auditOf(`quarantine/${ids[0]}`))[0]!.actor;
      expect(await auditOf(`quarantine/${ids[0]}`)).toEqual([
        { actor: user, action: 'quarantine.retry' },
        { actor: 'Amel Haddad', action: 'quarantine.retry' },
      ]);
      expect(await auditOf(`quarantine/${ids[1]}`)).toEqual([
        { actor: 'Test operator', action: 'quarantine.retry' },
      ]);
    });

    it('by two people at once has one outcome', async () => {
      const id = await quarantined(
        await theirs(created(), openedConstat(saa), { [saa.id]: 1, [`${saa.id}.3`]: 1 }),
      );
      const table = createWriterIdTable({ prisma: createPrisma(bed.db) });
      await table.allot(saa.id, `${saa.id}.3`, [saa.id, `${saa.id}.${NEXT_WRITER}`], 'test');
      const answers = await Promise.all(
        Array.from({ length: 4 }, () => operator.post(`/v1/quarantine/entries/${id}/retry`)),
      );
      expect(answers.map(({ status }) => status).sort()).toEqual([200, 409, 409, 409]);
      expect(await auditOf(`quarantine/${id}`)).toHaveLength(1);
    });

    it('all with one cause goes on behind those that stay, and counts the outcomes', async () => {
      const schemaId = 0x7ffffe00;
      const lost = await theirs(created());
      lost.value.writeInt32BE(schemaId, 1);
      await quarantined(lost);
      const known = await theirs(created());
      const entry = await quarantined({ ...known, value: Buffer.concat([known.value, Buffer.from([0])]) });
      const answer = await operator.post('/v1/quarantine/retry', {
        cause: 'UNKNOWN_SCHEMA',
        provider: saa.id,
      });
      expect(answer).toMatchObject({
        status: 200,
        data: { outcomes: { quarantined: 1 }, page: { hasMore: false } },
      });
      expect(await bridge('retry', '--cause', 'UNDECODABLE', '--topic', created())).toMatchObject({
        code: 1,
        stdout: '1 UNDECODABLE\n',
      });
      expect(await rowOf(entry)).toMatchObject({ settled_how: null, attempts: 2 });
    });
  });

  it('a record that comes again and settles by itself leaves quarantine', async () => {
    const writer = `${saa.id}.4`;
    const record = await theirs(created(), openedConstat(saa), { [writer]: 1 });
    const id = await quarantined(record);
    const table = createWriterIdTable({ prisma: createPrisma(bed.db) });
    const allotted = (await table.list()).get(saa.id)!;
    await table.allot(saa.id, writer, allotted, 'test');
    await bed.publish(record);
    await shownAt(bed, 'constats', record.key, `${writer}:1`);
    expect(await rowOf(id)).toEqual({ settled_how: 'applied', settled_by: null, attempts: 1 });
  });

  describe('looking', () => {
    it('groups what waits by cause, with counts, ages and the next command', async () => {
      const { code, stdout } = await bridge('list');
      expect(code).toBe(0);
      expect(stdout).toMatch(/UNKNOWN_SCHEMA .* 1 /);
      expect(stdout).toMatch(/\d s/);
      expect(stdout).toContain('bridge quarantine list --cause UNKNOWN_SCHEMA --records');
      const { data } = await operator.get('/v1/quarantine', { params: { topic: created() } });
      expect(data.data).toMatchObject([
        { cause: 'UNKNOWN_SCHEMA', topic: created(), provider: saa.id, count: 1, attempts: 2 },
        { cause: 'UNDECODABLE', topic: created(), provider: saa.id, count: 1, attempts: 2 },
      ]);
      expect(JSON.parse((await bridge('list', '--json')).stdout)).toEqual(data.data);
    });

    it('shows one with its position, headers and event, and nothing personal', async () => {
      const state = openedConstat(saa);
      const record = await theirs(created(), state, { [saa.id]: 1, stranger: 1 });
      const id = await quarantined({
        ...record,
        headers: { ...record.headers, note: 'Benali 0550 12 34 56' },
      });
      const { code, stdout } = await bridge('show', id);
      expect(code).toBe(0);
      expect(stdout).toContain(record.eventId);
      expect(stdout).toContain(`entity     constat ${record.key}, unverified`);
      expect(stdout).toContain('names a writer id that the hub has not allotted');
      expect(stdout).toContain(`ce_id: ${record.eventId}`);
      const { data } = await operator.get(`/v1/quarantine/entries/${id}`);
      expect(data.event.state.constatId).toBe(record.key);
      const place = (state['accident'] as { place: string }).place;
      for (const shown of [stdout, JSON.stringify(data)]) {
        expect(shown).not.toContain('Benali');
        expect(shown).not.toContain(place);
      }
    });

    it('shows nothing of bytes that can not be read', async () => {
      const record = await theirs(created());
      const id = await quarantined({
        ...record,
        key: 'Benali 0550 12 34 56',
        value: Buffer.from('Benali, né le 3 mars 1984'),
      });
      const { stdout } = await bridge('show', id);
      expect(stdout).toContain('The value does not begin with a zero byte and the id of a schema.');
      expect(stdout).toContain('26 bytes');
      expect(stdout).not.toContain('Benali');
      expect(JSON.stringify((await operator.get(`/v1/quarantine/entries/${id}`)).data)).not.toContain(
        'Benali',
      );
    });

    it('is for operators alone', async () => {
      const [staff, insurer] = [bed.staff, await bed.apiAs('provider', saa.id)];
      for (const api of [staff, insurer]) {
        expect((await api.get('/v1/quarantine')).status).toBe(403);
        expect((await api.get('/v1/quarantine/entries')).status).toBe(403);
        expect((await api.post('/v1/quarantine/entries/1/retry')).status).toBe(403);
      }
    });

    it('names what there is not', async () => {
      expect(await bridge('show', '999999')).toMatchObject({ code: 1, stdout: '' });
      expect((await operator.get('/v1/quarantine/entries/999999')).status).toBe(404);
      expect((await operator.post('/v1/quarantine/entries/x/retry')).status).toBe(404);
      expect((await operator.get('/v1/quarantine', { params: { cause: 'NONE' } })).status).toBe(400);
    });
  });

  describe('discarding', () => {
    it('needs a reason', async () => {
      const id = await quarantined({ ...(await theirs(created())), value: Buffer.from('one') });
      expect(await bridge('discard', id, '--reason', ' ')).toMatchObject({ code: 1 });
      const { status } = await operator.post(`/v1/quarantine/entries/${id}/discard`, { reason: '' });
      expect(status).toBe(422);
      expect(await rowOf(id)).toMatchObject({ settled_how: null });
    });

    it('settles a record for good, also when it comes again', async () => {
      const record = { ...(await theirs(created())), value: Buffer.from('two') };
      const id = await quarantined(record);
      const answer = await operator.post(`/v1/quarantine/entries/${id}/discard`, { reason: 'Envoi de test' });
      expect(answer).toMatchObject({
        status: 200,
        data: { entry: { settled: { how: 'discarded', reason: 'Envoi de test' } } },
      });
      await settledTo(bed, await bed.publish(record));
      expect(await rowOf(id)).toEqual({ settled_how: 'discarded', settled_by: 'Test operator', attempts: 2 });
      expect((await operator.post(`/v1/quarantine/entries/${id}/retry`)).status).toBe(409);
      expect(await auditOf(`quarantine/${id}`)).toEqual([
        { actor: 'Test operator', action: 'quarantine.discard' },
      ]);
    });

    it('all with one cause takes those of that topic', async () => {
      const { rows } = await bed.db.query(
        "select id from quarantine where code = 'UNDECODABLE' and settled_at is null",
      );
      const { code, stdout } = await bridge(
        'discard',
        '--cause',
        'UNDECODABLE',
        '--topic',
        created(),
        '--reason',
        'Envoi de test',
      );
      expect({ code, stdout }).toEqual({ code: 0, stdout: `discarded ${rows.length} of ${rows.length}\n` });
    });
  });

  describe('what people have settled', () => {
    it('is deleted 30 days later; what nobody has settled stays', async () => {
      const old = await quarantined({ ...(await theirs(created())), value: Buffer.from('old') });
      const waiting = await quarantined({ ...(await theirs(created())), value: Buffer.from('waiting') });
      await operator.post(`/v1/quarantine/entries/${old}/discard`, { reason: 'Envoi de test' });
      const recent = await quarantined({ ...(await theirs(created())), value: Buffer.from('recent') });
      await operator.post(`/v1/quarantine/entries/${recent}/discard`, { reason: 'Envoi de test' });
      await bed.db.query("update quarantine set settled_at = now() - interval '31 days' where id = $1", [
        old,
      ]);
      await bed.db.query("update quarantine set last_seen = now() - interval '1 year' where id = $1", [
        waiting,
      ]);
      await bed.stopBridge();
      await bed.startBridge();
      await waitFor('the old record is deleted', async () => (await rowOf(old)) === undefined);
      expect(await rowOf(recent)).toMatchObject({ settled_how: 'discarded' });
      expect(await rowOf(waiting)).toMatchObject({ settled_how: null });
      await expect(bed.db.query('delete from quarantine where id = $1', [waiting])).rejects.toThrow(
        'append-only',
      );
      expect(await auditOf(`quarantine/${old}`)).toHaveLength(1);
    });

    it('is never changed: the database refuses it', async () => {
      const id = await quarantined({ ...(await theirs(created())), value: Buffer.from('fixed') });
      await expect(
        bed.db.query('update quarantine set value = $2 where id = $1', [id, Buffer.from('other')]),
      ).rejects.toThrow('append-only');
      await expect(bed.db.query("update audit set actor = 'nobody'")).rejects.toThrow('append-only');
    });
  });
});
