import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { digestOf, sealOf } from '../../../src/domain/canonical.ts';
import { HUB, type EntityEvent, type EventMeta } from '../../../src/domain/event.ts';
import {
  judge,
  needsHistory,
  QUARANTINE_EXPLANATIONS,
  type JudgedEntity,
  type JudgeInput,
} from '../../../src/domain/judge.ts';
import type { JsonObject } from '../../../src/domain/json.ts';
import type { Revision } from '../../../src/domain/revision.ts';
import { CONSTAT_ID, constatState, kinds, party, signedConstat } from './setup.ts';

const { constat } = kinds;
const EVENT_ID = '0197f3a0-9999-7abc-8def-000000000001';

interface Story {
  readonly meta?: Partial<EventMeta>;
  readonly state?: JsonObject;
  readonly stored?: (Partial<JudgedEntity> & { readonly state?: JsonObject }) | null;
  readonly input?: Partial<JudgeInput>;
}

/** An event of SAA at {eassurance: 1, saa: 1} upon our own first edit, {eassurance: 1}; a story changes what it is about. */
function tell({ meta, state = constatState({ status: 'SUBMITTED' }), stored, input }: Story): JudgeInput {
  const event: EntityEvent = {
    meta: {
      eventId: EVENT_ID,
      eventType: 'constat.updated',
      providerId: 'saa',
      origin: 'saa',
      entityType: 'constat',
      entityId: CONSTAT_ID,
      revision: { eassurance: 1, saa: 1 },
      occurredAt: '2026-05-04T09:00:00.000Z',
      correlationId: null,
      causationId: null,
      actor: 'USER',
      replay: false,
      ...meta,
    },
    state,
    changedFields: [],
    changeReason: null,
  };
  const { state: storedState = constatState(), ...summary } = stored ?? {};
  const entity: JudgedEntity | null =
    stored === null
      ? null
      : {
          provider: 'saa',
          revision: { eassurance: 1 },
          digest: digestOf(storedState, constat.shape),
          status: constat.status(storedState),
          seal: sealOf(constat, storedState),
          createdBy: 'eassurance',
          erased: false,
          ...summary,
        };
  return {
    kind: constat,
    event,
    digest: digestOf(state, constat.shape),
    seal: sealOf(constat, state, entity),
    source: 'topic',
    topicProvider: 'saa',
    writers: [HUB, 'saa'],
    allottedWriterIds: ['saa', 'saa.2'],
    stored: entity,
    known: null,
    history: null,
    issued: entity?.revision[HUB] ?? 0,
    ...input,
  };
}

function outcomeOf(story: Story): string {
  const judgement = judge(tell(story));
  if (judgement.outcome === 'quarantined') return judgement.code;
  return judgement.outcome === 'merged' ? `merged: ${judgement.why}` : judgement.outcome;
}

const submitted = constatState({ status: 'SUBMITTED' });
const submittedDigest = digestOf(submitted, constat.shape);
const known = { digest: submittedDigest, origin: 'saa', entityId: CONSTAT_ID };
const ours = { ...known, origin: HUB };
const signed = signedConstat();
const elsewhere = { ...(constatState()['accident'] as JsonObject), place: 'Oran' };
const at = (revision: Revision): Story => ({ meta: { revision } });
const later: Story['stored'] = { revision: { eassurance: 2, saa: 2 } };

const stories: readonly (readonly [string, string, Story])[] = [
  // Rule 1
  [
    '1.1 the state is of another constat than the meta record says',
    'UNDECODABLE',
    { state: constatState({ constatId: 'x' }) },
  ],
  ['1.2 the revision is empty', 'REVISION_INVALID', at({})],
  ['1.3 SAA counts from 0', 'REVISION_INVALID', at({ saa: 0 })],
  ['1.4 a counter is no whole number', 'REVISION_INVALID', at({ saa: 1.5 })],
  ['1.5 a counter is larger than we can count', 'REVISION_INVALID', at({ saa: 2 ** 53 })],
  ['1.6 SAA publishes without counting its own edit', 'REVISION_INVALID', at({ eassurance: 1 })],
  ['1.7 SAA writes under a writer id it was not given', 'REVISION_INVALID', at({ saa: 1, 'saa.3': 1 })],
  [
    '1.8 our own event came back without our counter',
    'REVISION_INVALID',
    { meta: { origin: HUB, revision: { saa: 1 } }, input: { known: ours } },
  ],
  [
    '1.9 a record is pulled at our own revision: it needs no author',
    'duplicate',
    { meta: { revision: { eassurance: 1 } }, state: constatState(), input: { source: 'pull' } },
  ],
  [
    '1.10 a record is pulled without a revision',
    'REVISION_INVALID',
    { ...at({}), input: { source: 'pull' } },
  ],
  [
    '1.11 a wrong counter is told before the wrong provider',
    'REVISION_INVALID',
    { meta: { providerId: 'trust', revision: { saa: 0 } } },
  ],
  // Rule 2
  ["2.1 SAA publishes an event of Trust's on its topic", 'WRONG_PROVIDER', { meta: { providerId: 'trust' } }],
  [
    "2.2 the same with Trust's revision, whose writer ids are not SAA's",
    'WRONG_PROVIDER',
    { meta: { providerId: 'trust', origin: 'trust', revision: { trust: 1 } } },
  ],
  [
    '2.3 the meta record says SAA, the state says Trust',
    'WRONG_PROVIDER',
    { state: constatState({ providerId: 'trust' }) },
  ],
  ["2.4 SAA claims a constat that is stored as Trust's", 'WRONG_PROVIDER', { stored: { provider: 'trust' } }],
  [
    "2.5 the same on top of Trust's counters",
    'WRONG_PROVIDER',
    { ...at({ trust: 3, saa: 1 }), stored: { provider: 'trust', revision: { trust: 3 } } },
  ],
  [
    '2.6 somebody else signs as the author',
    'WRONG_PROVIDER',
    { meta: { origin: 'nobody', revision: { nobody: 1 } } },
  ],
  ['2.7 SAA writes on a topic that is ours alone', 'WRONG_PROVIDER', { input: { writers: [HUB] } }],
  [
    '2.8 a pulled record is of another provider',
    'WRONG_PROVIDER',
    { state: constatState({ providerId: 'trust' }), input: { source: 'pull' } },
  ],
  ['2.9 SAA publishes in our name', 'ORIGIN_UNKNOWN', { meta: { origin: HUB } }],
  [
    "2.10 the same under the id of one of SAA's own events",
    'ORIGIN_UNKNOWN',
    { meta: { origin: HUB }, input: { known } },
  ],
  [
    '2.11 an event in our name stands on a topic that we never write',
    'ORIGIN_UNKNOWN',
    { meta: { origin: HUB }, input: { writers: ['saa'] } },
  ],
  ['2.12 SAA uses an event id twice', 'EVENT_ID_REUSED', { input: { known: { ...known, digest: 'other' } } }],
  [
    '2.13 SAA uses an event id for two constats',
    'EVENT_ID_REUSED',
    { input: { known: { ...known, entityId: 'other' } } },
  ],
  [
    '2.14 our event comes back altered',
    'EVENT_ID_REUSED',
    { meta: { origin: HUB }, input: { known: { ...ours, digest: 'other' } } },
  ],
  [
    '2.15 a reused id on the wrong topic is first of all on the wrong topic',
    'WRONG_PROVIDER',
    { meta: { providerId: 'trust' }, input: { known: { ...known, digest: 'other' } } },
  ],
  ['2.16 SAA has seen edits that we have not made', 'REVISION_FROM_FUTURE', at({ eassurance: 2, saa: 1 })],
  ['2.17 SAA opens a constat with a counter of ours', 'REVISION_FROM_FUTURE', { stored: null }],
  [
    '2.18 a reused id from the future is first of all reused',
    'EVENT_ID_REUSED',
    { ...at({ eassurance: 2, saa: 1 }), input: { known: { ...known, digest: 'other' } } },
  ],
  [
    '2.19 a pulled record in our name is attributed by its API',
    'applied',
    { meta: { origin: HUB, revision: { saa: 1, eassurance: 1 } }, input: { source: 'pull' } },
  ],
  // Rule 3
  ['3.1 Kafka delivers an event twice', 'duplicate', { input: { known } }],
  [
    '3.2 our own event comes back',
    'echo',
    { meta: { origin: HUB, revision: { eassurance: 1 } }, input: { known: ours } },
  ],
  [
    "3.2b SAA's own state that we republished comes back",
    'echo',
    { meta: { origin: HUB, revision: { saa: 1 }, replay: true }, input: { known: ours } },
  ],
  ['3.3 a record is pulled again', 'duplicate', { input: { known, source: 'pull' } }],
  ['3.4 an erased constat does not come back', 'stale', { stored: { erased: true } }],
  [
    '3.5 a known event of an erased constat is a duplicate',
    'duplicate',
    { stored: { erased: true }, input: { known } },
  ],
  ['3.6 an event that waited in quarantine is judged anew', 'applied', {}],
  // Rule 4
  ['4.1 SAA opens a constat', 'applied', { ...at({ saa: 1 }), stored: null }],
  ['4.2 updated arrives before created', 'applied', { ...at({ saa: 2 }), stored: null }],
  [
    '4.3 after a restored backup SAA opens one under its second writer id',
    'applied',
    { ...at({ 'saa.2': 1 }), stored: null },
  ],
  [
    '4.4 a first constat that breaks the form is accepted',
    'applied',
    { ...at({ saa: 1 }), stored: null, state: constatState({ parties: [] }) },
  ],
  // Rules 5 and 6
  [
    '5.1 the stored state is published again under a new id',
    'duplicate',
    {
      ...at({ eassurance: 1, saa: 1 }),
      state: submitted,
      stored: { revision: { eassurance: 1, saa: 1 }, state: submitted },
    },
  ],
  [
    '5.2 the same, but the row is a merge and the history holds it',
    'duplicate',
    { stored: { revision: { eassurance: 1, saa: 1 } }, input: { history: new Set([submittedDigest]) } },
  ],
  ['5.3 created arrives after updated', 'stale', { ...at({ saa: 1 }), stored: later }],
  [
    '5.4 an older state that the history holds',
    'stale',
    { ...at({ saa: 1 }), stored: later, input: { history: new Set([submittedDigest]) } },
  ],
  [
    '5.5 an older state of which the history holds nothing',
    'stale',
    { ...at({ saa: 1 }), stored: later, input: { history: new Set() } },
  ],
  [
    '6.1 the stored revision with another content',
    'merged: reused',
    { stored: { revision: { eassurance: 1, saa: 1 } } },
  ],
  [
    '6.2 an older revision with another content',
    'merged: reused',
    { ...at({ saa: 1 }), stored: later, input: { history: new Set(['other']) } },
  ],
  // Rule 7
  ['7.1 SAA submits our draft', 'applied', {}],
  [
    '7.2 two events of SAA were missed',
    'applied',
    { ...at({ eassurance: 1, saa: 3 }), state: constatState({ status: 'VALIDATED' }) },
  ],
  [
    '7.3 SAA validates a signed constat and leaves the front alone',
    'applied',
    { state: { ...signed, status: 'VALIDATED' }, stored: { state: signed } },
  ],
  [
    '7.4 SAA adds the police report beside a sealed front',
    'applied',
    {
      state: {
        ...signed,
        status: 'VALIDATED',
        accident: { ...(signed['accident'] as JsonObject), policeReport: { authority: 'DGSN' } },
      },
      stored: { state: signed },
    },
  ],
  [
    '7.5 box 18 is accepted: its violations are recorded',
    'applied',
    { state: constatState({ parties: [party('A', { circumstances: [18] }), party('B')] }) },
  ],
  // Rule 8
  [
    '8.1 SAA alters a sealed front',
    'merged: corrective',
    { state: { ...signed, accident: elsewhere }, stored: { state: signed } },
  ],
  [
    '8.2 SAA takes a signed constat back to draft',
    'merged: corrective',
    { state: { ...signed, status: 'DRAFT' }, stored: { state: signed } },
  ],
  [
    '8.3 SAA revives a cancelled constat',
    'merged: corrective',
    { stored: { state: constatState({ status: 'CANCELLED' }) } },
  ],
  [
    '8.4 SAA says that it opened our constat',
    'merged: corrective',
    { state: constatState({ createdBy: 'saa' }) },
  ],
  // Rule 9
  [
    '9.1 both sides have edited',
    'merged: concurrent',
    { ...at({ eassurance: 1, saa: 1 }), stored: { revision: { eassurance: 2 } } },
  ],
];

describe('judge', () => {
  it.each(stories)('%s: %s', (_title, expected, story) => {
    expect(outcomeOf(story)).toBe(expected);
  });

  it('gives a cause without personal data: no text of the state', () => {
    const state = signedConstat({ accident: elsewhere, providerId: 'trust' });
    const judgement = judge(tell({ state, stored: { state: signed } }));
    const { cause } = judgement as { cause: string };
    expect(cause).toContain('another provider');
    expect(cause).not.toMatch(/Oran|Améziane|12345|0197f3a0/);
  });

  it('has a sentence for every code', () => {
    for (const sentence of Object.values(QUARANTINE_EXPLANATIONS)) expect(sentence).toMatch(/^[A-Z].*\.$/);
  });

  it('has an answer for any state', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.boolean(), (garbage, first) => {
        const state = { ...(garbage as JsonObject), constatId: CONSTAT_ID, providerId: 'saa' };
        const story: Story = first ? { ...at({ saa: 1 }), stored: null } : { stored: { state: signed } };
        expect(['applied', 'merged: corrective']).toContain(outcomeOf({ ...story, state }));
      }),
    );
  });
});

describe('needsHistory', () => {
  it.each([
    ['the same', { saa: 2, eassurance: 2 }, true],
    ['an older', { saa: 1 }, true],
    ['a newer', { saa: 3, eassurance: 2 }, false],
    ['a concurrent', { saa: 3 }, false],
  ])('%s revision: %j', (_title, revision, expected) => {
    expect(needsHistory({ revision: { saa: 2, eassurance: 2 } }, revision)).toBe(expected);
  });
});
