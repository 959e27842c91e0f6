import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import canonicalize from 'canonicalize';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  canonicalForm,
  canonicalText,
  digestOf,
  sealOf,
  type CanonicalShape,
} from '../../../src/domain/canonical.ts';
import type { Json, JsonObject } from '../../../src/domain/json.ts';
import { isSettled } from '../../../src/domain/write-scalar.ts';
import { constatState, kinds, party, SCHEMAS_DIR, signedConstat } from './setup.ts';

const SCALAR: CanonicalShape = { type: 'scalar' };
const ELEMENT: CanonicalShape = {
  type: 'record',
  fields: { id: { shape: SCALAR }, note: { shape: SCALAR, default: null } },
};
const SHAPE: CanonicalShape = {
  type: 'record',
  fields: {
    title: { shape: SCALAR },
    lang: { shape: SCALAR, default: 'fr' },
    count: { shape: SCALAR, default: 0 },
    boxes: { shape: { type: 'list', items: SCALAR, key: null }, default: [] },
    names: { shape: { type: 'list', items: SCALAR, key: null }, default: [] },
    people: { shape: { type: 'list', items: ELEMENT, key: 'id' }, default: [] },
    counters: { shape: { type: 'map', values: SCALAR } },
    inner: { shape: ELEMENT, default: null },
    createdAt: { shape: SCALAR },
  },
};

const text = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.string({ unit: 'binary' }),
  fc.string({ unit: 'binary-ascii' }),
);
const states = fc.record(
  {
    title: text,
    lang: fc.constantFrom('fr', 'ar', 'en'),
    count: fc.oneof(fc.integer(), fc.double({ noNaN: true, noDefaultInfinity: true })),
    boxes: fc.array(fc.integer({ min: 1, max: 17 })),
    names: fc.array(text),
    people: fc.uniqueArray(fc.record({ id: text, note: fc.option(text) }, { requiredKeys: ['id'] }), {
      selector: (person) => person.id.normalize('NFC'),
    }),
    counters: fc.dictionary(fc.constantFrom('saa', 'eassurance', 'trust'), fc.integer()),
    inner: fc.option(fc.record({ id: text, note: fc.option(text) }, { requiredKeys: [] })),
    createdAt: text,
    // A field that the contract lacks.
    surplus: fc.option(fc.oneof(text, fc.integer())),
  },
  { requiredKeys: [] },
);

/** The rules of docs/canonical-form.md once more, by building the reduced value for a general RFC 8785 library. */
function reduced(value: Json, shape: CanonicalShape, top = false): Json {
  if (typeof value === 'string') return value.normalize('NFC');
  if (value === null || typeof value !== 'object') return value;
  const order = (a: Json, b: Json) => (a! < b! ? -1 : a! > b! ? 1 : 0);
  if (shape.type === 'list') {
    const items = (value as readonly Json[]).map((item) => reduced(item, shape.items));
    const { key } = shape;
    if (key === null) return [...new Set(items)].sort(order);
    return items.sort((a, b) => order((a as JsonObject)[key]!, (b as JsonObject)[key]!));
  }
  const entries = Object.entries(value as JsonObject).flatMap(([name, content]): [string, Json][] => {
    if (content === undefined || content === null || (top && name === 'createdAt')) return [];
    const field = shape.type === 'record' ? shape.fields[name] : undefined;
    const inner = shape.type === 'map' ? shape.values : (field?.shape ?? SCALAR);
    const kept = reduced(content, inner);
    if (field?.default !== undefined && canonicalize(kept) === canonicalize(field.default)) return [];
    if (inner.type === 'map' && Object.keys(kept as JsonObject).length === 0) return [];
    return [[name, kept]];
  });
  return Object.fromEntries(entries);
}

/** The same content, told in another order and with nulls and decomposed characters. */
function retold(value: Json): Json {
  if (typeof value === 'string') return value.normalize('NFD');
  if (Array.isArray(value)) return (value as readonly Json[]).map(retold).reverse();
  if (value === null || typeof value !== 'object') return value;
  const entries = Object.entries(value as JsonObject).map(([name, content]) => [
    name,
    retold(content ?? null),
  ]);
  return Object.fromEntries(entries.reverse()) as JsonObject;
}

describe('canonicalForm', () => {
  it('writes the same bytes as a general RFC 8785 library on the reduced value', () => {
    fc.assert(
      fc.property(states, (state) => {
        expect(canonicalForm(state, SHAPE)).toBe(canonicalize(reduced(state, SHAPE, true)));
      }),
    );
  });

  it('does not depend on the order of names and elements, on decomposition, or on who writes nulls', () => {
    fc.assert(
      fc.property(states, (state) => {
        const other = {
          inner: null,
          surplus: null,
          ...(retold(state) as JsonObject),
          createdAt: 'another time',
        };
        expect(canonicalForm(other, SHAPE)).toBe(canonicalForm(state, SHAPE));
      }),
    );
  });

  it('is its own canonical form', () => {
    fc.assert(
      fc.property(states, (state) => {
        const form = canonicalForm(state, SHAPE);
        expect(canonicalForm(JSON.parse(form) as Json, SHAPE)).toBe(form);
      }),
    );
  });

  it('has an answer for any JSON value under any shape, and it is JSON', () => {
    const anything = fc.jsonValue() as fc.Arbitrary<Json>;
    fc.assert(
      fc.property(anything, fc.constantFrom(SHAPE, SCALAR, kinds.constat.shape), (value, shape) => {
        expect(() => JSON.parse(canonicalForm(value, shape)) as unknown).not.toThrow();
      }),
    );
  });

  it('tells states apart that differ in a field that the contract lacks', () => {
    expect(canonicalForm({ title: 'x', zone: 1 }, SHAPE)).not.toBe(canonicalForm({ title: 'x' }, SHAPE));
  });

  it('leaves out the timestamps of the state alone, not those of a part of it', () => {
    const state = { title: 'x', createdAt: '2026-05-04' };
    expect(canonicalForm(state, SHAPE)).toBe('{"title":"x"}');
    expect(canonicalText(state, SHAPE)).toBe('{"createdAt":"2026-05-04","title":"x"}');
  });

  it('orders elements with equal keys by their text, so that their order of arrival does not show', () => {
    const people = [
      { id: 'A', note: 'z' },
      { id: 'A', note: 'b' },
    ];
    expect(canonicalForm({ people }, SHAPE)).toBe(canonicalForm({ people: people.toReversed() }, SHAPE));
  });

  it('replaces half a surrogate pair as UTF-8 does', () => {
    expect(canonicalForm({ title: 'a\ud83d' }, SHAPE)).toBe('{"title":"a\ufffd"}');
  });

  it('keeps a record in which nothing is left, since it is there', () => {
    expect(canonicalForm({ inner: { note: null } }, SHAPE)).toBe('{"inner":{}}');
  });
});

describe('a form that outgrows the room kept for it', () => {
  it.each([1_000, 10_000])('is the same as any other, with %i elements', (count) => {
    const people = Array.from({ length: count }, (_, i) => ({ id: `${count - i}`, note: 'é"\n'.repeat(9) }));
    const state = { title: 'x'.repeat(40_000), boxes: people.map((_, i) => (i * 7) % count), people };
    expect(canonicalForm(state, SHAPE) === canonicalize(reduced(state, SHAPE, true))).toBe(true);
  });

  it('is the same where elements share a key', () => {
    const people = Array.from({ length: 5_000 }, (_, i) => ({
      id: 'A',
      note: `${i % 100}`.padStart(40, '0'),
    }));
    const sorted = people.toSorted((a, b) => (a.note < b.note ? -1 : a.note > b.note ? 1 : 0));
    expect(canonicalForm({ people }, SHAPE)).toBe(canonicalize({ people: sorted }));
  });
});

describe('isSettled', () => {
  it('holds only characters that NFC leaves as they are, alone and beside each other', () => {
    const settled = Array.from({ length: 0x10000 }, (_, code) => code)
      .filter(isSettled)
      .map((code) => String.fromCharCode(code));
    expect(settled.length).toBeGreaterThan(0x300);
    for (const first of settled) {
      const pairs = settled.map((second) => first + second).join('');
      expect(pairs.normalize('NFC') === pairs).toBe(true);
    }
  });
});

describe('sealOf', () => {
  const { constat } = kinds;
  const seal = sealOf(constat, signedConstat())!;

  it('is null until SIGNED appears, even when the state brings a hash of its own', () => {
    expect(sealOf(constat, constatState({ sealedContentHash: 'f'.repeat(64) }))).toBeNull();
    expect(seal).toMatch(/^[0-9a-f]{64}$/);
  });

  it('stays the same while what lies beside the front changes', () => {
    const parties = signedConstat()['parties'] as readonly JsonObject[];
    const noted = parties.map((own) => ({ ...own, remarks: 'Je roulais à 40.', isProviderInsured: true }));
    const accident = { ...(constatState()['accident'] as JsonObject), policeReport: { authority: 'DGSN' } };
    const later = signedConstat({
      parties: noted,
      accident,
      status: 'VALIDATED',
      claimId: 'c',
      attachments: [],
    });
    expect(sealOf(constat, later)).toBe(seal);
  });

  it('changes with any field of the front, a signature included', () => {
    const moved = signedConstat({
      accident: { ...(constatState()['accident'] as JsonObject), place: 'Oran' },
    });
    const unsigned = signedConstat({ parties: [party('A'), party('B')] });
    expect(new Set([seal, sealOf(constat, moved), sealOf(constat, unsigned)]).size).toBe(3);
  });

  it('is taken as if sealed when the stored entity is, whatever the state calls itself', () => {
    const reopened = signedConstat({ status: 'DRAFT' });
    expect(sealOf(constat, reopened)).toBeNull();
    expect(sealOf(constat, reopened, { seal })).toBe(seal);
  });

  it('is null for a kind that is never sealed', () => {
    expect(sealOf(kinds.claim, { status: 'CLOSED' }, { seal: 'x' })).toBeNull();
  });
});

interface Vector {
  readonly name: string;
  readonly state: JsonObject;
  readonly form: string;
  readonly digest: string;
  readonly seal: string | undefined;
}

const doc = readFileSync(fileURLToPath(new URL('../../../docs/canonical-form.md', import.meta.url)), 'utf8');
const vectors = doc
  .split(/^### /m)
  .slice(1)
  .map((section): Vector => {
    const block = (language: string) =>
      new RegExp('```' + language + '\\n([\\s\\S]*?)\\n```').exec(section)![1]!;
    return {
      name: section.split('\n')[0]!,
      state: JSON.parse(block('json')) as JsonObject,
      form: block('text'),
      digest: /SHA-256: `(\w+)`/.exec(section)![1]!,
      seal: /Sealed hash: `(\w+)`/.exec(section)?.[1],
    };
  });

const python = spawnSync('python3', ['--version']).status === 0;

describe('the test vectors of docs/canonical-form.md', () => {
  it('are three', () => expect(vectors).toHaveLength(3));

  it.each(vectors)('$name: is what the bridge computes', ({ state, form, digest, seal }) => {
    expect(canonicalForm(state, kinds.constat.shape)).toBe(form);
    expect(digestOf(state, kinds.constat.shape)).toBe(digest);
    expect(sealOf(kinds.constat, state)).toBe(seal ?? null);
  });

  it.skipIf(!python).each(vectors)(
    '$name: is what a few lines of Python compute',
    ({ state, form, digest }) => {
      const script = fileURLToPath(new URL('canonical_form.py', import.meta.url));
      const run = spawnSync('python3', [script, SCHEMAS_DIR, 'dz.eassurance.events.v1.Constat'], {
        input: JSON.stringify(state),
        encoding: 'utf8',
      });
      expect(run.stdout.trimEnd().split('\n')).toEqual([form, digest]);
    },
  );
});
