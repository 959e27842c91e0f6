import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { prunableStates, type HeldEvent, type PruneRules } from '../../../src/domain/prunable-states.ts';
import { compareRevisions, joinRevisions, type Revision } from '../../../src/domain/revision.ts';

const OLD = 1_000;
const CUTOFF = 10_000;

/** Counters of hub and provider, as in SYNC.md. */
const at = (eassurance: number, saa: number): Revision => ({
  ...(eassurance > 0 && { eassurance }),
  ...(saa > 0 && { saa }),
});
const held = (eventId: string, revision: Revision, more: Partial<HeldEvent> = {}): HeldEvent => ({
  eventId,
  revision,
  received: false,
  isState: true,
  waiting: false,
  recordedAtMs: OLD,
  ...more,
});
const ours = held;
const theirs = (eventId: string, revision: Revision, more: Partial<HeldEvent> = {}) =>
  held(eventId, revision, { received: true, ...more });

interface Story {
  readonly story: string;
  readonly events: readonly HeldEvent[];
  readonly goes: readonly string[];
  /** The last event unless said. */
  readonly present?: string;
  readonly keepStates?: number;
}

const STORIES: readonly Story[] = [
  { story: 'nothing is known of the entity', events: [], goes: [] },
  {
    story: 'the provider never answered: everything may still be a base',
    events: [ours('h1', at(1, 0)), ours('h2', at(2, 0)), ours('h3', at(3, 0))],
    goes: [],
  },
  {
    story: 'the provider edited (1,0) and nothing since: its next edit is on top of (1,1)',
    events: [ours('h1', at(1, 0)), theirs('p1', at(1, 1)), ours('h2', at(2, 1)), ours('h3', at(3, 1))],
    goes: ['h1'],
  },
  {
    story: 'the newest received revision itself stays, as does all that is concurrent with it',
    events: [ours('h1', at(1, 0)), ours('h2', at(2, 0)), theirs('p1', at(1, 1)), ours('m', at(3, 1))],
    goes: ['h1'],
  },
  {
    story: 'two edits of the provider: the first one has had its day',
    events: [ours('h1', at(1, 0)), theirs('p1', at(1, 1)), theirs('p2', at(1, 2))],
    goes: ['h1', 'p1'],
  },
  {
    story: 'a stale event that arrives last does not lower L',
    events: [
      theirs('p1', at(0, 1)),
      theirs('p3', at(0, 3)),
      theirs('p2', at(0, 2), { isState: false }),
      ours('h', at(1, 3)),
    ],
    goes: ['p1', 'p2'],
  },
  {
    story: 'the row still points at an older event',
    events: [theirs('p1', at(0, 1)), theirs('p2', at(0, 2))],
    present: 'p1',
    goes: [],
  },
  {
    story: 'an event of ours waits to be sent',
    events: [ours('h1', at(1, 0), { waiting: true }), ours('h2', at(2, 0)), theirs('p', at(2, 1))],
    goes: ['h2'],
  },
  {
    story: 'it is too young to go',
    events: [ours('h1', at(1, 0), { recordedAtMs: CUTOFF }), ours('h2', at(2, 0)), theirs('p', at(2, 1))],
    goes: ['h2'],
  },
  {
    story: 'the last three states are kept, whatever else lies between them',
    events: [
      theirs('p1', at(0, 1)),
      theirs('p2', at(0, 2)),
      theirs('p3', at(0, 3)),
      theirs('again', at(0, 1), { isState: false }),
      theirs('p4', at(0, 4)),
    ],
    keepStates: 3,
    goes: ['p1', 'again'],
  },
  {
    story:
      'a restored backup with a new writer id forks the provider: only what both branches have seen goes',
    events: [
      ours('h1', at(1, 0)),
      theirs('p1', at(1, 1)),
      theirs('p2', at(1, 2)),
      theirs('p3', at(1, 3)),
      theirs('fork', { eassurance: 1, saa: 1, 'saa.2': 1 }),
      ours('m', { eassurance: 2, saa: 3, 'saa.2': 1 }),
    ],
    goes: ['h1', 'p1'],
  },
  {
    story: 'the provider has seen the merge: the fork is history',
    events: [
      theirs('p1', at(0, 1)),
      theirs('p2', at(0, 2)),
      theirs('fork', { saa: 1, 'saa.2': 1 }),
      ours('m', { eassurance: 1, saa: 2, 'saa.2': 1 }),
      theirs('next', { eassurance: 1, saa: 2, 'saa.2': 2 }),
    ],
    goes: ['p1', 'p2', 'fork', 'm'],
  },
];

const prune = (events: readonly HeldEvent[], more: Partial<PruneRules> = {}) =>
  prunableStates(events, {
    presentEventId: events.at(-1)?.eventId ?? 'none',
    recordedBeforeMs: CUTOFF,
    keepStates: 0,
    ...more,
  });

describe('prunableStates', () => {
  it.each(STORIES)('$story', ({ events, goes, present, keepStates = 0 }) => {
    expect(prune(events, { keepStates, ...(present && { presentEventId: present }) })).toEqual(goes);
  });

  it('never removes the base of an event still on its way', () => {
    // Two writers who edit, and see each other's edits late: the provider publishes in its order, the hub merges.
    const steps = fc.array(fc.constantFrom('hub', 'provider', 'to provider', 'to hub'), { maxLength: 40 });
    fc.assert(
      fc.property(steps, (script) => {
        const history: HeldEvent[] = [held('first', at(1, 0))];
        let provider = at(1, 0);
        const underWay: Revision[] = [];
        const top = () => history.at(-1)!.revision;
        const write = (revision: Revision, received: boolean) =>
          history.push(held(`e${history.length}`, revision, { received }));
        const bump = (revision: Revision, writer: string) => ({
          ...revision,
          [writer]: (revision[writer] ?? 0) + 1,
        });
        for (const step of script) {
          if (step === 'hub') write(bump(top(), 'eassurance'), false);
          if (step === 'provider') underWay.push((provider = bump(provider, 'saa')));
          if (step === 'to provider' && compareRevisions(top(), provider) === 'dominates') provider = top();
          if (step !== 'to hub' || underWay.length === 0) continue;
          const incoming = underWay.shift()!;
          const order = compareRevisions(incoming, top());
          const hub = top();
          write(incoming, true);
          if (order === 'concurrent') write(bump(joinRevisions(hub, incoming), 'eassurance'), false);
          else if (order !== 'dominates') return;
        }
        const gone = new Set(prune(history));
        const left = history.filter(({ eventId }) => !gone.has(eventId));
        for (const incoming of [...underWay, bump(provider, 'saa')]) {
          const base = (events: readonly HeldEvent[]) =>
            events
              .map(({ revision }) => revision)
              .filter((revision) =>
                [incoming, top()].every((other) =>
                  ['dominated', 'equal'].includes(compareRevisions(revision, other)),
                ),
              )
              .reduce<Revision>(
                (best, one) => (compareRevisions(one, best) === 'dominates' ? one : best),
                {},
              );
          expect(base(left)).toEqual(base(history));
        }
      }),
      { numRuns: 500 },
    );
  });
});
