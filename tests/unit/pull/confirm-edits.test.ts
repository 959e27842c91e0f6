import { describe, expect, it } from 'vitest';
import { PermanentError, TransientError } from '../../../src/domain/errors.ts';
import { recheckCursor } from '../../../src/pull/confirm-cursor.ts';
import { confirmEdits, newConfirmMemory } from '../../../src/pull/confirm-edits.ts';
import { apiRecord, constat, setup } from './setup.ts';

const MINUTE = 60_000;
const cursorKey = 'saa/constats/edits';

/** Edits of ours, written a second apart an hour ago; the provider has them unless `answers` says otherwise. */
function prepare(...ids: string[]) {
  const bundle = setup();
  const writtenMs = bundle.now.ms - 60 * MINUTE;
  bundle.hubEdits.push(...ids.map((id, i) => ({ id, updatedAtMs: writtenMs + i * 1_000 })));
  for (const id of ids)
    bundle.answers.set(`saa/${id}`, { status: 'found', record: apiRecord(id), etag: `"${id}"` });
  const start = () => {
    const memory = newConfirmMemory();
    return () => confirmEdits(bundle.api('saa'), constat, memory, bundle.deps, bundle.signal);
  };
  const lose = (id: string) => {
    bundle.answers.set(`saa/${id}`, { status: 'missing' });
    bundle.standings.set(id, 'republished');
  };
  const find = (id: string) => {
    bundle.answers.set(`saa/${id}`, { status: 'found', record: apiRecord(id), etag: null });
    bundle.standings.delete(id);
  };
  return { ...bundle, start, round: start(), lose, find, pass: (ms: number) => void (bundle.now.ms += ms) };
}

describe('confirmEdits', () => {
  it('asks about a few edits a round, goes on where it stopped, and asks about none twice', async () => {
    const { round, fetched, start } = prepare('a', 'b', 'c', 'd', 'e');
    expect(await round()).toEqual({ confirmed: 2, republished: 0, givenUp: 0 });
    expect(fetched).toEqual(['a', 'b']);
    await round();
    // A process that starts anew goes on as well.
    const next = start();
    await next();
    await next();
    expect(fetched).toEqual(['a', 'b', 'c', 'd', 'e']);
  });

  it('does not look at what may still be on its way', async () => {
    const { round, hubEdits, now, fetched, listed, pass } = prepare();
    hubEdits.push({ id: 'a', updatedAtMs: now.ms - MINUTE });
    await round();
    expect(fetched).toEqual([]);
    expect(listed[0]).toMatchObject({ provider: 'saa', untilMs: now.ms - MINUTE, limit: 2 });
    pass(1);
    await round();
    expect(fetched).toEqual(['a']);
  });

  it('takes the record through the rules like any other', async () => {
    const { round, applied, counted } = prepare('a');
    await round();
    expect(applied.flat().map(({ event }) => event.meta.entityId)).toEqual(['a']);
    expect(counted).toEqual(['saa constats applied 1']);
  });

  it('has republished what the provider lacks, and asks again after the grace until it has it', async () => {
    const { round, lose, find, fetched, shown, pass } = prepare('a', 'b');
    lose('a');
    expect(await round()).toEqual({ confirmed: 1, republished: 1, givenUp: 0 });
    expect(shown).toEqual([{ kind: constat, entityId: 'a', revision: null }]);
    await round();
    expect(fetched).toEqual(['a', 'b']);
    find('a');
    pass(MINUTE);
    expect(await round()).toEqual({ confirmed: 1, republished: 0, givenUp: 0 });
    pass(60 * MINUTE);
    await round();
    expect(fetched).toEqual(['a', 'b', 'a']);
  });

  it('keeps its cursor before what is unconfirmed, for a process that starts anew', async () => {
    const { round, start, lose, fetched } = prepare('a', 'b', 'c');
    lose('b');
    await round();
    await round();
    expect(fetched).toEqual(['a', 'b', 'c']);
    await start()();
    expect(fetched).toEqual(['a', 'b', 'c', 'b', 'c']);
  });

  it('gives up what the provider never takes, with a warning, and goes on', async () => {
    const { round, lose, lines, fetched, pass, start } = prepare('a');
    lose('a');
    const reports = [];
    for (let i = 0; i < 8; i++) {
      reports.push(await round());
      pass(60 * MINUTE);
    }
    expect(reports.reduce((sum, { republished }) => sum + republished, 0)).toBe(5);
    expect(reports.reduce((sum, { givenUp }) => sum + givenUp, 0)).toBe(1);
    expect(lines).toMatchObject([{ entityId: 'a', msg: 'the provider does not take our state' }]);
    await start()();
    expect(fetched).toHaveLength(5);
  });

  it('waits without an end for what has not been sent yet', async () => {
    const { round, answers, standings, lines, fetched, pass } = prepare('a');
    answers.set('saa/a', { status: 'missing' });
    standings.set('a', 'in-flight');
    for (let i = 0; i < 20; i++) {
      await round();
      pass(MINUTE);
    }
    expect(fetched).toHaveLength(20);
    expect(lines).toEqual([]);
  });

  it('asks with the ETag of the last answer: unchanged stands for the revision that it showed', async () => {
    const { round, answers, etagsAsked, shown, deps } = prepare('a');
    deps.etags.set('saa/constat/a', { etag: '"4"', revision: { saa: 4 } });
    answers.set('saa/a', { status: 'unchanged' });
    expect(await round()).toMatchObject({ confirmed: 1 });
    expect(etagsAsked).toEqual(['"4"']);
    expect(shown).toEqual([{ kind: constat, entityId: 'a', revision: { saa: 4 } }]);
  });

  it('goes on past an answer that cannot be read, and comes back to it', async () => {
    const { round, answers, find, fetched, counted, pass } = prepare('a', 'b');
    answers.set('saa/a', new PermanentError('PROVIDER_GARBAGE', 'nonsense'));
    expect(await round()).toMatchObject({ confirmed: 1 });
    expect(counted).toContain('saa constats failed 1');
    find('a');
    pass(MINUTE);
    await round();
    expect(fetched).toEqual(['a', 'b', 'a']);
  });

  it.each([
    new TransientError('CIRCUIT_OPEN', 'saa is left alone'),
    new PermanentError('PROVIDER_UNAUTHORISED', 'our key is wrong'),
  ])('stops where it is when the provider cannot be asked: %s', async (failure) => {
    const { round, answers, find, fetched, cursors } = prepare('a', 'b');
    answers.set('saa/b', failure);
    await expect(round()).rejects.toBe(failure);
    expect(cursors.has(cursorKey)).toBe(false);
    find('b');
    await round();
    expect(fetched).toEqual(['a', 'b', 'b']);
  });

  it('asks about everything again that was written before a backup of the provider was restored', async () => {
    const { round, start, cursors, fetched, listed, now } = prepare('a', 'b');
    await round();
    await round();
    const until = new Date(now.ms).toISOString();
    cursors.set(`saa/${recheckCursor('constats')}`, until);
    await round();
    expect(fetched).toEqual(['a', 'b', 'a', 'b']);
    expect(listed.map(({ allUntilMs }) => allUntilMs)).toEqual([0, 0, now.ms]);
    // Once: neither this process nor the next begins again.
    await round();
    await start()();
    expect(fetched).toHaveLength(4);
  });
});
