import { describe, expect, it } from 'vitest';
import type { EventEpisode } from '../../../src/domain/explanation.ts';
import { HUB, type EntityEvent, type Outcome } from '../../../src/domain/event.ts';
import type { JsonObject } from '../../../src/domain/json.ts';
import type { EntityKind } from '../../../src/domain/kind.ts';
import type { Revision } from '../../../src/domain/revision.ts';
import { composeEpisodes, type Evidence } from '../../../src/explain/compose-episodes.ts';
import { composeSummary } from '../../../src/explain/compose-summary.ts';
import { sayTimeInAlgiers } from '../../../src/explain/say-time.ts';
import type { Conflict, DeliveryView, EventSource, HistoryView } from '../../../src/ports.ts';
import { parcel } from '../../contract/toy-kind.ts';

const NOON = Date.parse('2026-03-15T13:02:00.000Z');
const field = { shape: { type: 'scalar' } } as const;
const PARCEL: EntityKind = {
  ...parcel,
  shape: { type: 'record', fields: { label: field, order: field } },
  atoms: (state) => new Map(Object.entries(state).map(([name, value]) => [name, value ?? null])),
};
const TOPIC = 'saa-parcel.updated';

interface Told {
  readonly source: EventSource;
  readonly revision: Revision;
  readonly outcome?: Outcome;
  readonly state?: JsonObject;
  readonly pruned?: boolean;
}

/** Evidence of these events, a second apart. */
function evidenceOf(told: readonly Told[], more: Partial<Evidence> = {}): Evidence {
  const decoded = new Map<string, EntityEvent | null>();
  const events = told.map((one, i): HistoryView => {
    const { source, revision, outcome = 'applied', pruned = false } = one;
    const origin = source === 'topic' || source === 'pull' ? 'saa' : HUB;
    const eventId = `event-${i + 1}`;
    const meta = { correlationId: null, causationId: null } as EntityEvent['meta'];
    decoded.set(
      eventId,
      pruned ? null : { meta, state: one.state ?? {}, changedFields: [], changeReason: null },
    );
    return {
      ...{ eventId, kind: 'parcel', entityId: 'p', provider: 'saa', eventType: 'parcel.updated' },
      ...{ origin, source, topic: TOPIC, revision, digest: '', outcome, author: origin, schemaRef: 1 },
      ...{ partition: source === 'topic' ? 0 : null, offset: source === 'topic' ? BigInt(i) : null },
      ...{ occurredAtMs: NOON + i * 1_000, recordedAtMs: NOON + i * 1_000, sequence: BigInt(i) },
      ...{ bytes: pruned ? null : Buffer.alloc(0), published: null },
    };
  });
  const nothing = { deliveries: [], parked: [], conflicts: [], flags: [], quarantined: [], committed: [] };
  return {
    ...{ provider: 'SAA', erased: false, events, unshown: 0, decoded, kind: PARCEL, ...nothing },
    ...more,
  };
}

const eventsOf = (evidence: Evidence): EventEpisode[] =>
  composeEpisodes(evidence, (_atom, value) => value).filter((episode) => episode.what === 'event');
const whyOfLast = (told: readonly Told[], more?: Partial<Evidence>) =>
  eventsOf(evidenceOf(told, more)).at(-1)!.why;

const conflict = (change: Partial<Conflict>): Conflict => ({
  ...{ id: '7', kind: 'parcel', entityId: 'p', provider: 'saa', atom: 'label', eventId: 'event-3' },
  ...{ base: 'a', ours: 'b', theirs: 'c', stands: 'theirs', code: 'BOTH_CHANGED', severity: 'normal' },
  ...{
    oursAuthor: 'Amel',
    theirsAuthor: 'saa',
    oursAtMs: NOON,
    theirsAtMs: NOON,
    status: 'open',
    joined: [],
  },
  ...{ openedAtMs: NOON + 2_000, settledAtMs: null, settledBy: null, settlingEventId: null },
  settledReason: null,
  ...change,
});

describe('why an event came to its outcome', () => {
  const first: Told = { source: 'api', revision: { eassurance: 1 } };
  const edit: Told = { source: 'api', revision: { eassurance: 2 } };
  const merge: Told = { source: 'merge', revision: { eassurance: 3, saa: 1 } };

  it.each<[string, readonly Told[], string]>([
    ['opened here', [first], 'E-assurance opened it.'],
    ['edited here', [first, edit], 'An edit by E-assurance on top of eassurance:1.'],
    [
      'heard of first',
      [{ source: 'topic', revision: { saa: 1 } }],
      'The first that E-assurance heard of it.',
    ],
    [
      'newer',
      [first, { source: 'topic', revision: { eassurance: 1, saa: 1 } }],
      "Newer than what stood here (eassurance:1), and all that it changes is SAA's right.",
    ],
    [
      'older',
      [first, edit, { source: 'topic', revision: { eassurance: 1 }, outcome: 'stale' }],
      'Older than what stood here (eassurance:2): nothing was written.',
    ],
    [
      'the same again',
      [first, { source: 'pull', revision: { eassurance: 1 }, outcome: 'duplicate' }],
      'Says what was known already (eassurance:1): nothing was written.',
    ],
    [
      'sent again',
      [first, { source: 'republish', revision: { eassurance: 1 }, outcome: 'duplicate' }],
      'SAA did not have this state, so it was sent again; it says nothing new.',
    ],
  ])('%s', (_story, told, why) => {
    expect(whyOfLast(told)).toBe(why);
  });

  const merged = (revision: Revision, conflicts: readonly Conflict[] = []) =>
    eventsOf(
      evidenceOf([first, edit, { source: 'topic', revision, outcome: 'merged' }, merge], { conflicts }),
    )[2]!.why;

  it('concurrent: what met, what it became, and what is left to staff', () => {
    expect(merged({ eassurance: 1, saa: 1 }, [conflict({ eventId: 'event-4' })])).toBe(
      "Neither side had seen the other's edit: it has eassurance:1,saa:1, and here stood eassurance:2. They were merged into eassurance:3,saa:1. Left to staff: label (theirs stands).",
    );
  });

  it('newer, but not its right: which piece was put back', () => {
    const refused = conflict({ eventId: 'event-4', code: 'NOT_ALLOWED', stands: 'ours' });
    expect(merged({ eassurance: 2, saa: 1 }, [refused])).toContain("but label was not SAA's to change");
  });

  it('a counter that was used twice', () => {
    expect(merged({ eassurance: 2 })).toContain('was used before with another content (REVISION_REUSED)');
  });

  it('an erased entity stays erased', () => {
    const late: Told = { source: 'topic', revision: { eassurance: 1, saa: 1 }, outcome: 'stale' };
    expect(whyOfLast([first, late], { erased: true })).toBe('The entity was erased, and stays so.');
  });
});

describe('what an event changed', () => {
  const opened: Told = { source: 'api', revision: { eassurance: 1 }, state: { label: 'a', order: 1 } };
  const ours: Told = { source: 'api', revision: { eassurance: 2 }, state: { label: 'b', order: 1 } };
  const theirs: Told = {
    ...{ source: 'topic', revision: { eassurance: 1, saa: 1 }, outcome: 'merged' },
    state: { label: 'a', order: 2 },
  };

  it('is told against what stood here; of a merged one, against what its author had seen', () => {
    const [, edit, incoming] = eventsOf(evidenceOf([opened, ours, theirs]));
    expect(edit!.changes).toEqual([{ atom: 'label', before: 'a', after: 'b' }]);
    expect(incoming!.changes).toEqual([{ atom: 'order', before: 1, after: 2 }]);
  });

  it('is not known of the first, of an emptied one, of the one after it, and behind the limit', () => {
    const reasons = (evidence: Evidence) => eventsOf(evidence).map(({ changesUnknown }) => changesUnknown);
    expect(reasons(evidenceOf([opened, { ...ours, pruned: true }, theirs]))).toEqual([
      'It is the first state here: all of it is new.',
      'What it changed is not known: its bytes were emptied (pruned or erased).',
      null,
    ]);
    expect(reasons(evidenceOf([{ ...opened, pruned: true }, ours]))[1]).toBe(
      'What it changed is not known: the bytes of the state before it were emptied (pruned or erased).',
    );
    expect(reasons(evidenceOf([theirs, ours], { unshown: 1 }))).toEqual([
      'What it changed is not told: the state before it is not among the events that were read.',
    ]);
  });
});

it('keeps events in the order of the ledger though their times say otherwise, and conflicts behind their merge', () => {
  const evidence = evidenceOf([
    { source: 'api', revision: { eassurance: 1 } },
    { source: 'topic', revision: { saa: 1 }, outcome: 'merged' },
    { source: 'merge', revision: { eassurance: 2, saa: 1 } },
  ]);
  // A transaction that began earlier and committed later.
  const events = evidence.events.map((row, i) => (i === 2 ? { ...row, recordedAtMs: NOON - 50 } : row));
  const told = composeEpisodes(
    { ...evidence, events, conflicts: [conflict({ openedAtMs: NOON + 1_000 })] },
    (_atom, value) => value,
  );
  expect(told.map((episode) => (episode.what === 'event' ? episode.eventId : episode.what))).toEqual([
    'event-1',
    'event-2',
    'event-3',
    'conflict opened',
  ]);
});

describe('the sentence at the end', () => {
  const say = sayTimeInAlgiers(NOON + 60_000);
  const about = { provider: 'SAA', erased: false, groupPrefix: 'saa-' };
  const both: readonly Told[] = [
    { source: 'topic', revision: { saa: 1 } },
    { source: 'api', revision: { saa: 1, eassurance: 1 } },
  ];
  const published: DeliveryView = {
    ...{ eventId: 'event-2', topic: TOPIC, partition: 1, offset: 41n, outcome: 'published' },
    atMs: NOON + 2_000,
  };
  const group = (offset: bigint) => ({ group: 'saa-platform', topic: TOPIC, partition: 1, offset });
  const summary = (more: Partial<Evidence>, told = both) =>
    composeSummary(
      composeEpisodes(evidenceOf(told, more), (_atom, value) => value),
      about,
      say,
    );

  it.each<[string, Partial<Evidence>, string]>([
    ['waits', {}, 'waits in the outbox: Kafka has not acknowledged it yet (bridge lag)'],
    [
      'is parked',
      { parked: [{ eventId: 'event-2', atMs: NOON, code: 'MESSAGE_TOO_LARGE', cause: 'too large' }] },
      'was refused by Kafka for good (MESSAGE_TOO_LARGE) and is parked, so SAA does not have it',
    ],
    [
      'was read past',
      { deliveries: [published], committed: [group(42n)] },
      "was published at 14:02:02, and SAA's consumer has read past it (saa-platform)",
    ],
    [
      'was not read yet',
      { deliveries: [published], committed: [group(41n)] },
      "was published at 14:02:02, and SAA's consumer has not read it yet (saa-platform has 1 to read up to it)",
    ],
    [
      'is read by nobody',
      { deliveries: [published] },
      'was published at 14:02:02, and no consumer group saa-* has read anything of its partition yet',
    ],
    [
      'is published, and Kafka is away',
      { deliveries: [published], committed: null },
      'was published at 14:02:02; how far SAA has read is not known',
    ],
  ])('ours %s', (_story, more, end) => {
    expect(summary(more)).toBe(`SAA's edit of 14:02:00 is in; ours of 14:02:01 ${end}.`);
  });

  it('counts what waits for people, and begins with what is erased', () => {
    expect(summary({ conflicts: [conflict({}), conflict({ id: '8', status: 'settled' })] })).toMatch(
      /; a conflict waits for staff\.$/,
    );
    const sentence = composeSummary(
      composeEpisodes(evidenceOf(both), (_atom, value) => value),
      { ...about, erased: true },
      say,
    );
    expect(sentence).toMatch(/^It was erased: only its id and revision are kept; SAA's edit/);
  });

  it('names the day of what is not of today', () => {
    expect(sayTimeInAlgiers(NOON + 86_400_000)(NOON)).toBe('2026-03-15 14:02:00');
  });
});
