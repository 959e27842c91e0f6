import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { tabulateAtoms } from '../../../src/domain/atom-table.ts';
import { canonicalForm, canonicalText, sealOf } from '../../../src/domain/canonical.ts';
import type { ConflictDraft } from '../../../src/domain/conflict.ts';
import { CONSTAT_ATOMS } from '../../../src/domain/constat/atoms.ts';
import { isSealed } from '../../../src/domain/constat/front.ts';
import { HUB } from '../../../src/domain/event.ts';
import type { Json, JsonObject } from '../../../src/domain/json.ts';
import { mergeStates, type MergeInput } from '../../../src/domain/merge-states.ts';
import { list, record } from '../../../src/domain/read-state.ts';
import { anyEdit, anyEdits } from './merge-edits.ts';
import { content } from './merge-sides.ts';
import { constatState, kinds, signedConstat } from './setup.ts';

const kind = kinds.constat;
const RUNS = { numRuns: 200 };

/** As the hub stores it: with its own hash exactly when it is sealed. */
function stored(state: JsonObject): JsonObject {
  return { ...state, sealedContentHash: sealOf(kind, state) };
}

const anyBase = fc
  .tuple(
    fc.constantFrom(
      constatState(),
      constatState({ status: 'SUBMITTED' }),
      signedConstat(),
      signedConstat({ status: 'VALIDATED' }),
      constatState({ status: 'CANCELLED' }),
    ),
    anyEdits,
  )
  .map(([state, edit]) => stored(edit(state)));

const anyOwner = fc
  .func(fc.constantFrom('provider' as const, 'eassurance' as const))
  .map((owner) => (atom: string) => owner(atom));

interface Sides {
  readonly base: JsonObject;
  readonly ours: JsonObject;
  readonly hubStates: readonly JsonObject[];
  readonly theirs: JsonObject;
  readonly owner: MergeInput['owner'];
}

const anySides: fc.Arbitrary<Sides> = fc
  .tuple(anyBase, fc.array(anyEdit, { minLength: 1, maxLength: 4 }), anyEdits, anyOwner)
  .map(([base, edits, theirEdit, owner]) => {
    const hubStates: JsonObject[] = [];
    for (const edit of edits) {
      const before = hubStates.at(-1) ?? base;
      const after = stored(edit(before));
      hubStates.push(isAllowed(before, after) ? after : before);
    }
    return { base, ours: hubStates.at(-1)!, hubStates, theirs: theirEdit(base), owner };
  });

/** What the hub's own API lets staff save. */
function isAllowed(before: JsonObject, after: JsonObject): boolean {
  const seal = sealOf(kind, before);
  const summary = { status: kind.status(before), seal, createdBy: HUB };
  return kind.refusedChanges(summary, after, sealOf(kind, after, { seal }), HUB).length === 0;
}

function merge(
  sides: Partial<Sides> & Pick<Sides, 'base' | 'ours' | 'theirs'>,
  more: Partial<MergeInput> = {},
) {
  const owner = () => 'provider' as const;
  const input = { kind, baseMissing: false, hubStates: [sides.ours], owner, provider: 'saa', createdBy: HUB };
  return mergeStates({ ...input, ...sides, ...more });
}

/** Text of each atom in canonical form, whether sealed or not. */
function atomsOf(state: JsonObject): Map<string, string> {
  const canonical = record(JSON.parse(canonicalForm(state, kind.shape)) as Json);
  return new Map(
    [...tabulateAtoms(canonical, CONSTAT_ATOMS)].map(([name, value]) => [name, canonicalText(value)]),
  );
}

function isLostIn(conflicts: readonly ConflictDraft[], atom: string): boolean {
  const covers = (name: string): boolean =>
    atom === name || atom.startsWith(`${name}/`) || name.startsWith(`${atom}/`);
  return conflicts.some(
    (conflict) =>
      covers(conflict.atom) || (conflict.atom === 'front' && Object.keys(record(conflict.ours)).some(covers)),
  );
}

describe('merging two states', () => {
  it('of the same content changes nothing, whoever else has edited', () => {
    fc.assert(
      fc.property(anySides, ({ base, ours, hubStates, owner }) => {
        const result = merge({ base, ours, hubStates, theirs: structuredClone(ours), owner });
        expect(content(result.state)).toBe(content(ours));
        expect(result.conflicts).toEqual([]);
      }),
      RUNS,
    );
  });

  it('takes what only one side changed, whole', () => {
    fc.assert(
      fc.property(anySides, ({ base, ours, hubStates, owner }) => {
        const result = merge({ base, ours, hubStates, theirs: structuredClone(base), owner });
        expect(content(result.state)).toBe(content(ours));
        expect(result.conflicts).toEqual([]);
        const mirrored = merge({ base, ours: base, hubStates: [base], theirs: ours, owner });
        if (isAllowedForProvider(base, ours)) {
          expect(content(mirrored.state)).toBe(content(ours));
          expect(mirrored.conflicts).toEqual([]);
        }
      }),
      RUNS,
    );
  });

  it('is idempotent: the same event, or one that changes nothing upon it, finds nothing more to do', () => {
    fc.assert(
      fc.property(anySides, (sides) => {
        const once = merge(sides);
        const again = merge({ ...sides, ours: once.state, hubStates: [...sides.hubStates, once.state] });
        expect(content(again.state)).toBe(content(once.state));
        const next = merge({ ...sides, base: sides.theirs, ours: once.state, hubStates: [once.state] });
        expect(content(next.state)).toBe(content(once.state));
        expect(next.conflicts).toEqual([]);
      }),
      RUNS,
    );
  });

  it('never invents a value: every atom is ours, theirs or of the base', () => {
    fc.assert(
      fc.property(anySides, (sides) => {
        const { state } = merge(sides);
        const known = [sides.ours, sides.theirs, sides.base].map(atomsOf);
        for (const [name, text] of atomsOf(state)) {
          if (name === 'status' && isSealed(state)) continue;
          expect(
            known.map((atoms) => atoms.get(name)),
            name,
          ).toContain(text);
        }
      }),
      RUNS,
    );
  });

  it('loses no edit silently: what is in neither the state nor seen by the other stands in one conflict', () => {
    fc.assert(
      fc.property(anySides, (sides) => {
        const { state, conflicts } = merge(sides);
        const [merged, base] = [atomsOf(state), atomsOf(sides.base)];
        for (const side of [sides.ours, sides.theirs]) {
          const own = atomsOf(side);
          for (const name of new Set([...own.keys(), ...base.keys()])) {
            // One status may follow the other; UNKNOWN is not a value that was meant.
            if (name === 'status' || own.get(name) === base.get(name) || own.get(name) === merged.get(name))
              continue;
            if (name === 'accident/injuries' && !own.has(name)) continue;
            expect(isLostIn(conflicts, name), name).toBe(true);
          }
        }
      }),
      RUNS,
    );
  });

  it('opens one conflict at most per atom, none within another, with two different values', () => {
    fc.assert(
      fc.property(anySides, fc.boolean(), (sides, baseMissing) => {
        const { conflicts } = merge(sides, { baseMissing });
        const names = conflicts.map((conflict) => conflict.atom);
        expect(new Set(names).size).toBe(names.length);
        for (const name of names) expect(names.filter((other) => other.startsWith(`${name}/`))).toEqual([]);
        for (const { atom, ours, theirs, severity } of conflicts) {
          expect(canonicalText(ours)).not.toBe(canonicalText(theirs));
          expect(severity).toBe(atom === 'front' || atom === 'status' ? 'critical' : 'normal');
        }
      }),
      RUNS,
    );
  });

  it('leaves a hash exactly when the front is sealed, computed here, and no half elements', () => {
    fc.assert(
      fc.property(anySides, fc.boolean(), (sides, baseMissing) => {
        const { state } = merge(sides, { baseMissing });
        expect(state['sealedContentHash'] ?? null).toBe(sealOf(kind, state));
        if (state['status'] === 'SIGNED') expect(state['sealedContentHash']).toMatch(/^[0-9a-f]{64}$/);
        const witnesses = [sides.ours, sides.theirs].flatMap((side) =>
          list(side['witnesses']).map((w) => canonicalText(w)),
        );
        for (const witness of list(state['witnesses'])) expect(witnesses).toContain(canonicalText(witness));
        for (const party of list(state['parties'])) {
          const { circumstances, circumstanceCount } = record(party);
          if (circumstanceCount !== undefined)
            expect(list(circumstances)).toHaveLength(circumstanceCount as number);
        }
      }),
      RUNS,
    );
  });

  it('gives a state that is the same after a round trip through JSON, and the same state each time', () => {
    fc.assert(
      fc.property(anySides, (sides) => {
        const { state, conflicts } = merge(sides);
        expect(canonicalForm(JSON.parse(JSON.stringify(state)) as Json, kind.shape)).toBe(
          canonicalForm(state, kind.shape),
        );
        expect(merge(structuredClone({ ...sides, owner: null }) as never, { owner: sides.owner })).toEqual({
          state,
          conflicts,
        });
      }),
      RUNS,
    );
  });

  it('keeps a sealed base, whatever is done to its front', () => {
    fc.assert(
      fc.property(anySides, (sides) => {
        if (!isSealed(sides.base)) return;
        const { state } = merge(sides);
        expect(sealOf(kind, state)).toBe(sealOf(kind, sides.base));
      }),
      RUNS,
    );
  });

  it.each(Object.values(kinds))('has an answer for anything that can be decoded: $name', (anyKind) => {
    const fields = Object.keys((anyKind.shape as { fields: object }).fields);
    const garbage = fc.dictionary(fc.constantFrom(...fields, 'constructor', '__proto__'), fc.jsonValue(), {
      maxKeys: 8,
    });
    const value = fc.oneof(
      garbage,
      fc.tuple(fc.constantFrom(constatState(), signedConstat()), garbage).map(([a, b]) => ({ ...a, ...b })),
    ) as fc.Arbitrary<JsonObject>;
    const paths = fc.array(
      fc.constantFrom(...fields).map((field) => `${field}/*/${field}`),
      { maxLength: 3 },
    );
    fc.assert(
      fc.property(
        value,
        value,
        value,
        paths,
        fc.boolean(),
        (base, ours, theirs, absentFields, baseMissing) => {
          const input = { kind: anyKind, hubStates: [base, ours], absentFields, baseMissing };
          const { state } = merge({ base, ours, theirs }, input);
          expect(merge({ base, ours, theirs }, input).state).toEqual(state);
        },
      ),
      { numRuns: 100 },
    );
  });
});

function isAllowedForProvider(before: JsonObject, after: JsonObject): boolean {
  const summary = { status: kind.status(before), seal: null, createdBy: HUB };
  return (
    kind.refusedChanges(summary, after, null, 'saa').length === 0 &&
    // An answer that becomes UNKNOWN is no change of a provider's.
    record(after['accident'])['injuries'] === record(before['accident'])['injuries']
  );
}
