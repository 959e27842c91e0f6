import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatRevision } from '../../../src/domain/revision.ts';
import { get, LEAVES, set } from './merge-edits.ts';
import { content, setup, type Message } from './merge-sides.ts';
import { constatState } from './setup.ts';

/** What has happened up to a state, by edits: which edit's value stands in each atom, and every edit it has seen. */
interface Past {
  readonly standing: ReadonlyMap<string, string>;
  readonly seen: ReadonlySet<string>;
}

const paths = Object.keys(LEAVES).slice(0, 4);
const START: Past = { standing: new Map(), seen: new Set() };

type Step =
  | { readonly do: 'edit'; readonly side: 'hub' | 'provider'; readonly path: string }
  | { readonly do: 'deliver'; readonly to: 'hub' | 'provider'; readonly nth: number };

const anyStep: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    do: fc.constant('edit' as const),
    side: fc.constantFrom('hub' as const, 'provider' as const),
    path: fc.constantFrom(...paths),
  }),
  fc.record({
    do: fc.constant('deliver' as const),
    to: fc.constantFrom('hub' as const, 'provider' as const),
    nth: fc.nat(5),
  }),
);

const anyOwners = fc.array(fc.constantFrom('provider' as const, 'eassurance' as const), {
  minLength: paths.length,
  maxLength: paths.length,
});

/** Both sides, with a reckoning of their own: not from the values of a base, but from who had seen which edit. */
function setupWithOracle(owners: readonly ('provider' | 'eassurance')[]) {
  const ownerOf = new Map(paths.map((path, i) => [LEAVES[path]!, owners[i]!]));
  const owner = (atom: string) => ownerOf.get(atom) ?? 'provider';
  const { hub, provider } = setup(constatState(), { owner });
  const pasts = new Map<string, Past>([[formatRevision(hub.held().revision), START]]);
  const pastOf = (message: Message): Past => pasts.get(formatRevision(message.revision))!;
  const sent: Message[] = [];
  let tokens = 0;

  const edit = (side: 'hub' | 'provider', path: string): void => {
    const on = side === 'hub' ? hub : provider;
    const token = `edit ${++tokens}`;
    const { standing, seen } = pastOf(on.held());
    const message = on.edit(set(path, token));
    pasts.set(formatRevision(message.revision), {
      standing: new Map(standing).set(path, token),
      seen: new Set(seen).add(token),
    });
    if (side === 'provider') sent.push(message);
  };

  const deliverToHub = (message: Message): void => {
    const [ours, theirs] = [pastOf(hub.held()), pastOf(message)];
    const before = hub.held();
    const { outcome, conflicts } = hub.receive(message);
    if (outcome !== 'merged') return;
    const standing = new Map<string, string>();
    const clashes: string[] = [];
    for (const path of paths) {
      const [own, other] = [ours.standing.get(path), theirs.standing.get(path)];
      const overtaken = own === undefined || theirs.seen.has(own);
      let token = own;
      if (own !== other && !(other === undefined || ours.seen.has(other))) {
        if (!overtaken) clashes.push(LEAVES[path]!);
        if (overtaken || owner(LEAVES[path]!) === 'provider') token = other;
      }
      if (token !== undefined) standing.set(path, token);
      const expected = token ?? get(constatState(), path);
      expect(get(hub.held().state, path), path).toBe(expected);
      for (const conflict of conflicts.filter(({ atom }) => atom === LEAVES[path])) {
        expect([conflict.ours, conflict.theirs]).toEqual([get(before.state, path), get(message.state, path)]);
      }
    }
    expect(conflicts.map(({ atom }) => atom).sort()).toEqual(clashes.sort());
    pasts.set(formatRevision(hub.held().revision), {
      standing,
      seen: new Set([...ours.seen, ...theirs.seen]),
    });
  };

  return { hub, provider, sent, edit, deliverToHub };
}

describe('a merge, reckoned from who had seen which edit', () => {
  it('keeps what the other had seen replaced, and opens exactly one conflict for what neither had seen', () => {
    fc.assert(
      fc.property(fc.array(anyStep, { minLength: 3, maxLength: 16 }), anyOwners, (steps, owners) => {
        const { hub, provider, sent, edit, deliverToHub } = setupWithOracle(owners);
        for (const step of steps) {
          if (step.do === 'edit') edit(step.side, step.path);
          else if (step.to === 'hub' && sent.length > 0) deliverToHub(sent[step.nth % sent.length]!);
          else if (step.to === 'provider' && hub.published.length > 0)
            provider.receive(hub.published[step.nth % hub.published.length]!);
        }
        for (const message of sent) deliverToHub(message);
        for (const message of hub.published) provider.receive(message);
        expect(content(provider.held().state)).toBe(content(hub.held().state));
        expect(provider.held().revision).toEqual(hub.held().revision);
      }),
      { numRuns: 300 },
    );
  });
});

const anyHistory = fc.record({
  hub: fc.array(fc.constantFrom(...paths), { minLength: 1, maxLength: 3 }),
  provider: fc.array(fc.constantFrom(...paths), { minLength: 5, maxLength: 5 }),
  owners: anyOwners,
});

describe('15. The same history in any delivery order ends in the same content', () => {
  it('for all permutations of five events of the insurer, whatever was edited here meanwhile', () => {
    fc.assert(
      fc.property(anyHistory, ({ hub: ourPaths, provider: theirPaths, owners }) => {
        const ends = permutations([0, 1, 2, 3, 4]).map((order) => {
          const { hub, sent, edit, deliverToHub } = setupWithOracle(owners);
          for (const path of ourPaths) edit('hub', path);
          for (const path of theirPaths) edit('provider', path);
          for (const i of order) deliverToHub(sent[i]!);
          return content(hub.held().state);
        });
        expect(new Set(ends).size).toBe(1);
      }),
      { numRuns: 10 },
    );
  });
});

function permutations<T>(items: readonly T[]): T[][] {
  if (items.length <= 1) return [[...items]];
  return items.flatMap((item, i) =>
    permutations(items.filter((_, j) => j !== i)).map((rest) => [item, ...rest]),
  );
}
