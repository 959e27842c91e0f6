import type { Json, JsonObject } from '../../src/domain/json.ts';

/** One thing that people change on a constat: a merge patch that sets it to a text of one's own, made on the state that
 *  their form shows. Null where the state has nothing of the kind. */
export interface EditedAtom {
  readonly name: string;
  readonly patch: (state: JsonObject, value: string, pick: (n: number) => number) => Change | null;
}

export interface Change {
  readonly atom: string;
  readonly patch: JsonObject;
  readonly value: string | null;
}

const set = (name: string, patchOf: (state: JsonObject, value: string) => JsonObject): EditedAtom => ({
  name,
  patch: (state, value) => ({ atom: name, value, patch: patchOf(state, value) }),
});

export const ATOMS: readonly EditedAtom[] = [
  set('accident/place', (_, place) => ({ accident: { place } })),
  set('providerReference', (_, providerReference) => ({ providerReference })),
  set('statusReason', (_, statusReason) => ({ statusReason })),
  set('A/remarks', (state, remarks) => inParty(state, 'A', { remarks })),
  set('B/visibleDamage', (state, visibleDamage) => inParty(state, 'B', { visibleDamage })),
  {
    name: 'witness added',
    patch: (state, value) => {
      const personRef = uuidFrom(value);
      return {
        atom: `witnesses/${personRef}`,
        value,
        patch: { witnesses: [...witnessesOf(state), { personRef, name: value }] },
      };
    },
  },
  {
    name: 'witness edited',
    patch: (state, value, pick) => {
      const witnesses = witnessesOf(state);
      const chosen = witnesses[pick(witnesses.length)];
      if (chosen === undefined) return null;
      return {
        atom: `witnesses/${chosen['personRef'] as string}`,
        value,
        patch: {
          witnesses: witnesses.map((witness) => (witness === chosen ? { ...witness, name: value } : witness)),
        },
      };
    },
  },
  {
    name: 'witness deleted',
    patch: (state, _, pick) => {
      const witnesses = witnessesOf(state);
      const chosen = witnesses[pick(witnesses.length)];
      if (chosen === undefined) return null;
      return {
        atom: `witnesses/${chosen['personRef'] as string}`,
        value: null,
        patch: { witnesses: witnesses.filter((witness) => witness !== chosen) },
      };
    },
  },
];

/** Both drivers sign. `at` is unique, so that each sealing can be told from another. */
export function signature(state: JsonObject, at: string): Change {
  const given = { status: 'SIGNED', signedAt: at, attachmentId: null };
  const parties = partiesOf(state).map((party) => ({ ...party, signature: given }));
  return { atom: SIGNATURES, value: at, patch: { status: 'SIGNED', parties } };
}

export const SIGNATURES = 'signatures';

/** The value of an atom; null where there is none. */
export function readAtom(state: JsonObject, atom: string): Json {
  const [first, second] = atom.split('/') as [string, string | undefined];
  switch (first) {
    case SIGNATURES:
      return (partiesOf(state)[0]?.['signature'] as JsonObject | null)?.['signedAt'] ?? null;
    case 'A':
    case 'B':
      return partiesOf(state).find(({ role }) => role === first)?.[second!] ?? null;
    case 'accident':
      return (state['accident'] as JsonObject)[second!] ?? null;
    case 'witnesses':
      return witnessesOf(state).find(({ personRef }) => personRef === second)?.['name'] ?? null;
    default:
      return state[first] ?? null;
  }
}

function inParty(state: JsonObject, role: string, change: JsonObject): JsonObject {
  return {
    parties: partiesOf(state).map((party) => (party['role'] === role ? { ...party, ...change } : party)),
  };
}

const partiesOf = (state: JsonObject) => (state['parties'] ?? []) as readonly JsonObject[];
const witnessesOf = (state: JsonObject) => (state['witnesses'] ?? []) as readonly JsonObject[];

/** A person's reference that is as unique as the text. */
function uuidFrom(text: string): string {
  const digits = [...text].map((sign) => sign.charCodeAt(0).toString(16).padStart(2, '0')).join('');
  const hex = digits.padEnd(30, '0').slice(-30);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(12, 15)}-8${hex.slice(15, 18)}-${hex.slice(18, 30)}`;
}
