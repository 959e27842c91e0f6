import { describe, expect, it } from 'vitest';
import { credibleRevision } from '../../../src/apply/compose-correction.ts';
import { isSamePerson } from '../../../src/apply/edit-quarantined.ts';
import { putOnTop } from '../../../src/apply/put-on-top.ts';
import type { EventMeta } from '../../../src/domain/event.ts';
import { constatState } from '../domain/setup.ts';
import { constat } from './setup.ts';

describe('one person', () => {
  it.each(['amel haddad', ' Amel  Haddad ', 'AMEL HADDAD', 'Ａmel Haddad'])('is also %j', (name) => {
    expect(isSamePerson('Amel Haddad', name)).toBe(true);
  });
  it('is not another', () => {
    expect(isSamePerson('Amel Haddad', 'Amel Haddadi')).toBe(false);
  });
});

describe('what is believed of a revision in quarantine', () => {
  const believed = (meta: Partial<EventMeta>) =>
    credibleRevision(
      {
        meta: { providerId: 'saa', origin: 'saa', revision: {}, ...meta } as EventMeta,
        state: {},
        changedFields: [],
        changeReason: null,
      },
      'saa',
      { allottedWriterIds: () => ['saa', 'saa.2'] },
    );
  it.each<[string, Partial<EventMeta>, Record<string, number>]>([
    [
      'counters of ours and of allotted writers',
      { revision: { eassurance: 5, saa: 1, 'saa.2': 2 } },
      { eassurance: 5, saa: 1, 'saa.2': 2 },
    ],
    ['no writer that is not allotted', { revision: { saa: 1, stranger: 9 } }, { saa: 1 }],
    ['no counter that can not be one', { revision: { saa: 0, eassurance: 1.5, 'saa.2': 2 ** 60 } }, {}],
    [
      "what claims to be ours, for the insurer's platform holds it",
      { origin: 'eassurance', revision: { saa: 2 } },
      { saa: 2 },
    ],
    ["nothing of another insurer's event", { providerId: 'trust', revision: { saa: 2 } }, {}],
    ["nothing of another insurer's edit", { origin: 'trust', revision: { saa: 2 } }, {}],
  ])('%s', (_story, meta, revision) => {
    expect(believed(meta)).toEqual(revision);
  });
  it('nothing of what can not be read', () => {
    expect(credibleRevision(null, 'saa', { allottedWriterIds: () => ['saa'] })).toEqual({});
  });
});

describe('an edit put on top of how things stand now', () => {
  const base = constatState({ statusReason: 'un', providerReference: 'A' });
  it('keeps what others changed beside it', () => {
    const current = { ...base, statusReason: 'deux' };
    const placed = putOnTop(constat, { base, current, edited: { ...base, providerReference: 'B' } });
    expect(placed).toMatchObject({ state: { statusReason: 'deux', providerReference: 'B' } });
  });
  it('is refused with all three values where both changed the same to something else', () => {
    const placed = putOnTop(constat, {
      base,
      current: { ...base, providerReference: 'C' },
      edited: { ...base, providerReference: 'B' },
    });
    expect(placed).toEqual({ clashes: [{ atom: 'providerReference', base: 'A', theirs: 'C', yours: 'B' }] });
  });
  it('is no clash where both changed it to the same', () => {
    const same = { ...base, providerReference: 'B' };
    expect(putOnTop(constat, { base, current: same, edited: same })).toMatchObject({
      state: { providerReference: 'B' },
    });
  });
});
