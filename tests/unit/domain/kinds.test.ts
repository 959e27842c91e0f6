import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { digestOf } from '../../../src/domain/canonical.ts';
import { diffAtoms } from '../../../src/domain/diff-atoms.ts';
import { HUB } from '../../../src/domain/event.ts';
import type { Json, JsonObject } from '../../../src/domain/json.ts';
import type { EntityKind } from '../../../src/domain/kind.ts';
import { constatState, kinds, party, signedConstat, TODAY, WITNESS_ID } from './setup.ts';

/** Garbage that looks like a state: its fields are real ones, its values are anything. */
function garbageOf(kind: EntityKind): fc.Arbitrary<JsonObject> {
  const names = fieldNames(kind.shape);
  const leaf = fc.oneof(
    fc.jsonValue({ maxDepth: 2 }),
    fc.constantFrom(
      'SIGNED',
      'A',
      'B',
      '2026-05-04',
      '9999-99-99',
      '\u0000',
      '\ud800',
      'UNKNOWN',
      'DZ',
      1e300,
    ),
  );
  const { state } = fc.letrec<{ state: JsonObject; value: Json }>((tie) => ({
    state: fc.dictionary(fc.constantFrom(...names), tie('value'), { maxKeys: 6 }),
    value: fc.oneof(
      { depthSize: 'xsmall', maxDepth: 4 },
      leaf as fc.Arbitrary<Json>,
      tie('state'),
      fc.array(tie('state'), { maxLength: 2 }),
    ),
  }));
  return state;
}

function fieldNames(shape: EntityKind['shape']): string[] {
  if (shape.type === 'list') return fieldNames(shape.items);
  if (shape.type !== 'record') return [];
  return [
    ...new Set(Object.entries(shape.fields).flatMap(([name, field]) => [name, ...fieldNames(field.shape)])),
  ];
}

/** In no atom: timestamps never, and the hash that the hub itself sets only within a sealed front. */
const UNOWNED = new Set(['createdAt', 'updatedAt', 'sealedContentHash']);
const RUNS = { numRuns: 50 };

const all = Object.values(kinds).map((kind) => [kind.name, kind] as const);

describe.each(all)('the kind %s', (_name, kind) => {
  it('has an answer for any JSON object, and whatever it returns can be stored', () => {
    const anything = fc.oneof(
      garbageOf(kind),
      fc.dictionary(fc.string(), fc.jsonValue()) as fc.Arbitrary<JsonObject>,
    );
    fc.assert(
      fc.property(anything, anything, (state, other) => {
        for (const column of kind.columns) {
          const value = column.value(state);
          if (value === null) continue;
          if (column.type === 'text') expect(value).toMatch(/^[^\u0000]{1,200}$/su);
          else if (column.type === 'date')
            expect(new Date(`${value}T00:00:00Z`).toISOString()).toContain(value);
          else expect(new Date(String(value)).getTime()).not.toBeNaN();
        }
        const violations = kind.violations(state, { today: TODAY });
        expect(violations.length).toBeLessThanOrEqual(100);
        for (const { pointer } of violations) expect(pointer).toMatch(/^(\/[A-Za-z0-9]+)+$/);
        kind.status(state);
        kind.createdBy(state);
        kind.sealedFront(state);
        kind.front?.(state);
        kind.atoms(state);
        kind.refusedChanges({ status: 'DRAFT', seal: 'x', createdBy: 'saa' }, state, null, 'saa');
        expect(diffAtoms(kind, state, state)).toEqual([]);
        expect(diffAtoms(kind, state, other)).toEqual(diffAtoms(kind, other, state));
      }),
      RUNS,
    );
  });

  it('differs in an atom exactly where the content differs', () => {
    const fields = Object.keys((kind.shape as { fields: object }).fields).filter(
      (field) => !UNOWNED.has(field),
    );
    const edits = fc.record({ field: fc.constantFrom(...fields), value: fc.jsonValue({ maxDepth: 2 }) });
    fc.assert(
      fc.property(garbageOf(kind), edits, (state, { field, value }) => {
        const changed: JsonObject = { ...state, [field]: value };
        const same = digestOf(state, kind.shape) === digestOf(changed, kind.shape);
        expect(diffAtoms(kind, state, changed).length === 0).toBe(same);
      }),
      RUNS,
    );
  });

  it('names columns and filters that exist', () => {
    const columns = kind.columns.map((column) => column.name);
    expect(new Set(columns).size).toBe(columns.length);
    for (const filter of Object.values(kind.filters)) {
      for (const column of filter.columns) expect(columns).toContain(column);
    }
  });
});

describe('search columns', () => {
  it('of a constat are its reference and what stands in columns A and B', () => {
    const state = constatState({
      parties: [party('B'), party('A', { vehicle: { plateRaw: '١٢٣ ١١٥ ١٦' } })],
    });
    const found = Object.fromEntries(
      kinds.constat.columns.map((column) => [column.name, column.value(state)]),
    );
    expect(found).toEqual({
      reference: 'SAA-16-2026-000123',
      plate_a: '12311516',
      plate_b: '6789012031',
      vin_a: null,
      vin_b: '1M8GDM9AXKP042788',
      policy_a: 'SAA-2026-0001',
      policy_b: 'TR-2026-0002',
      accident_date: '2026-05-04',
    });
  });

  it('without roles take the parties in their order', () => {
    const state = constatState({
      parties: [{ vehicle: { plateRaw: 'A-1' } }, { vehicle: { plateRaw: 'B-2' } }],
    });
    const value = (name: string) =>
      kinds.constat.columns.find((column) => column.name === name)!.value(state);
    expect([value('plate_a'), value('plate_b')]).toEqual(['A1', 'B2']);
  });

  it('are found by a filter however the plate is written', () => {
    const { columns, normalize } = kinds.constat.filters['plate']!;
    expect(columns).toEqual(['plate_a', 'plate_b']);
    expect(normalize!('12345 115 16')).toBe(kinds.constat.columns[1]!.value(constatState()));
  });
});

const WITNESS = `witnesses/${WITNESS_ID}`;
const atomsOf = (a: JsonObject, b: JsonObject) => diffAtoms(kinds.constat, a, b);

describe('atoms of a constat', () => {
  const accident = constatState()['accident'] as JsonObject;
  const parties = constatState()['parties'] as readonly JsonObject[];
  const withA = (changes: JsonObject) =>
    constatState({ parties: [parties[1]!, { ...parties[0], ...changes }] });
  const witness = (constatState()['witnesses'] as readonly JsonObject[])[0]!;
  const noted = (remarks: string) => withA({ remarks });

  it.each<[string, JsonObject, string[]]>([
    ['timestamps', { updatedAt: '2026-05-05T00:00:00.000Z', createdAt: '2020-01-01T00:00:00.000Z' }, []],
    ['the order of the parties', { parties: parties.toReversed() }, []],
    ['a field', { providerReference: 'X' }, ['providerReference']],
    ['the place', { accident: { ...accident, place: 'Oran' } }, ['accident/place']],
    ['one coordinate', { accident: { ...accident, latitude: 35 } }, ['accident/position']],
    ['the status', { status: 'SUBMITTED' }, ['status']],
    ['a witness corrected', { witnesses: [{ ...witness, name: 'B' }] }, [WITNESS]],
    ['a witness gone', { witnesses: [] }, [WITNESS]],
  ])('differ by %s', (_title, changes, expected) => {
    expect(atomsOf(constatState(), constatState(changes))).toEqual(expected);
  });

  it('keep boxes and their count together, as a set', () => {
    expect(atomsOf(constatState(), withA({ circumstances: [12, 8] }))).toEqual([]);
    expect(atomsOf(constatState(), withA({ circumstances: [8], circumstanceCount: 1 }))).toEqual([
      'parties/A/circumstances',
    ]);
  });

  it('tell edits of two parties apart', () => {
    expect(atomsOf(constatState(), noted('…'))).toEqual(['parties/A/remarks']);
  });

  it('change all of a party whose plate changed, for it is another one', () => {
    const vehicle = { ...(parties[0]!['vehicle'] as JsonObject), plateRaw: '99999-120-16' };
    const changed = atomsOf(constatState(), withA({ vehicle }));
    expect(changed).toContain('parties/A/remarks');
    expect(changed).toContain('parties/A/vehicle/plate');
    expect(changed.every((atom) => atom.startsWith('parties/A'))).toBe(true);
  });

  it('change all of a party that was added', () => {
    const alone = constatState({ parties: [parties[0]!] });
    expect(atomsOf(alone, constatState()).every((atom) => atom.startsWith('parties/B'))).toBe(true);
  });

  it('are the whole list when a role stands there twice', () => {
    const twice = constatState({ parties: [parties[0]!, parties[0]!] });
    expect([...kinds.constat.atoms(twice).keys()]).toContain('parties');
    expect(atomsOf(twice, constatState())).toContain('parties');
  });

  it('hold the sealed front, signatures and status in one, and leave the rest apart', () => {
    const moved = signedConstat({ accident: { ...accident, place: 'Oran' } });
    expect(atomsOf(signedConstat(), moved)).toEqual(['front']);
    expect(atomsOf(signedConstat(), signedConstat({ status: 'VALIDATED' }))).toEqual(['front']);
    expect(atomsOf(signedConstat(), signedConstat({ claimId: 'c' }))).toEqual(['claimId']);
    const signedParties = signedConstat()['parties'] as readonly JsonObject[];
    const remarked = signedConstat({ parties: [{ ...signedParties[0], remarks: '…' }, signedParties[1]!] });
    expect(atomsOf(signedConstat(), remarked)).toEqual(['parties/A/remarks']);
  });

  it('let a declaration be edited while the other side seals', () => {
    const sealed = new Set(atomsOf(constatState(), signedConstat()));
    expect(sealed.has('front') && sealed.has('accident/place')).toBe(true);
    expect(atomsOf(constatState(), noted('…')).some((atom) => sealed.has(atom))).toBe(false);
  });
});

describe('rights', () => {
  const may = (from: string | null, to: string, originator: string, createdBy = HUB) =>
    kinds.constat
      .refusedChanges({ status: from, seal: null, createdBy }, { status: to, createdBy }, null, originator)
      .every(({ atom }) => atom !== 'status');

  it.each<[string | null, string, boolean, boolean]>([
    // from, to, E-assurance, the provider; opened by E-assurance
    [null, 'DRAFT', true, true],
    [null, 'VALIDATED', false, true],
    ['DRAFT', 'SUBMITTED', true, true],
    ['DRAFT', 'SIGNED', true, true],
    ['SUBMITTED', 'SIGNED', true, true],
    ['SUBMITTED', 'DRAFT', false, false],
    ['SIGNED', 'SUBMITTED', false, false],
    ['SIGNED', 'CANCELLED', true, true],
    ['VALIDATED', 'CANCELLED', false, false],
    ['CANCELLED', 'DRAFT', false, false],
    ['CANCELLED', 'REOPENED', false, false],
    ['SUBMITTED', 'VALIDATED', false, true],
    ['SIGNED', 'VALIDATED', false, true],
    ['VALIDATED', 'REJECTED', false, true],
    ['VALIDATED', 'UNDER_ASSESSMENT', false, true],
    ['VALIDATED', 'CONTESTED', true, true],
    ['UNDER_ASSESSMENT', 'CONTESTED', true, true],
    ['CONTESTED', 'CLOSED', false, true],
    ['CLOSED', 'REOPENED', false, true],
    ['REJECTED', 'REOPENED', false, true],
    ['DRAFT', 'CLOSED', false, true],
    ['CLOSED', 'VALIDATED', false, true],
    ['VALIDATED', 'UNKNOWN', false, false],
    ['UNKNOWN', 'VALIDATED', false, true],
    ['UNKNOWN', 'UNKNOWN', true, true],
  ])('from %s to %s: E-assurance %s, the provider %s', (from, to, hub, provider) => {
    expect([may(from, to, HUB), may(from, to, 'saa')]).toEqual([hub, provider]);
  });

  it('let whoever opened a constat cancel it, and not the other one while it is a draft of E-assurance for SAA', () => {
    expect(may('DRAFT', 'CANCELLED', 'saa', 'saa')).toBe(true);
    expect(may('SIGNED', 'CANCELLED', HUB, 'saa')).toBe(false);
  });

  it('of a claim leave the decision to the insurer', () => {
    const refused = (from: string | null, to: string | null, originator: string) =>
      kinds.claim.refusedChanges(
        { status: from, seal: null, createdBy: 'saa' },
        { status: to },
        null,
        originator,
      ).length;
    expect([
      refused(null, 'OPENED', HUB),
      refused('OPENED', 'OPENED', HUB),
      refused('OPENED', 'SETTLED', 'saa'),
    ]).toEqual([0, 0, 0]);
    expect([refused('OPENED', 'ACCEPTED', HUB), refused(null, 'SETTLED', HUB)]).toEqual([1, 1]);
  });

  it('of a policy are its insurer’s alone', () => {
    const stored = { status: 'ACTIVE', seal: null, createdBy: 'saa' };
    expect(kinds.policy.refusedChanges(stored, { status: 'CANCELLED' }, null, 'saa')).toEqual([]);
    expect(kinds.policy.refusedChanges(stored, { status: 'ACTIVE' }, null, HUB)).toHaveLength(1);
  });
});
