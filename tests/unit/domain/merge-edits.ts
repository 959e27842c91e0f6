import fc from 'fast-check';
import type { Json, JsonObject } from '../../../src/domain/json.ts';
import { list, record } from '../../../src/domain/read-state.ts';
import type { Change } from './merge-sides.ts';
import { SIGNATURE } from './setup.ts';

/** Sets the value at a path; a segment `role=A` is the element of a list with that key. Elements and records on the way
 *  that are not there are left alone: such an edit changes nothing. */
export function set(path: string, value: Json): Change {
  return (state) => setAt(state, path.split('/'), value) as JsonObject;
}

function setAt(at: Json | undefined, [name, ...rest]: string[], value: Json): Json | undefined {
  if (name === undefined) return value;
  const [key, wanted] = name.split('=');
  if (wanted !== undefined)
    return list(at).map((element) =>
      record(element)[key!] === wanted ? setAt(element, rest, value)! : element,
    );
  if (at === null || at === undefined) return at;
  return { ...record(at), [name]: setAt(record(at)[name], rest, value) };
}

export function get(state: JsonObject, path: string): Json | undefined {
  return path.split('/').reduce<Json | undefined>((at, name) => {
    const [key, wanted] = name.split('=');
    if (wanted === undefined) return record(at)[name];
    return list(at).find((element) => record(element)[key!] === wanted);
  }, state);
}

export function all(...changes: readonly Change[]): Change {
  return (state) => changes.reduce((changed, change) => change(changed), state);
}

export const addTo =
  (field: string, element: JsonObject): Change =>
  (state) => ({ ...state, [field]: [...list(state[field]), element] });

export const removeFrom =
  (field: string, key: string, value: string): Change =>
  (state) => ({ ...state, [field]: list(state[field]).filter((element) => record(element)[key] !== value) });

export const sign: Change = (state) => ({
  ...state,
  status: 'SIGNED',
  parties: list(state['parties']).map((party) => ({ ...record(party), signature: SIGNATURE })),
});

/** Plain fields, one atom each: path → name of the atom. */
export const LEAVES: Readonly<Record<string, string>> = {
  providerReference: 'providerReference',
  'accident/place': 'accident/place',
  'accident/country': 'accident/country',
  'parties/role=A/visibleDamage': 'parties/A/visibleDamage',
  'parties/role=A/remarks': 'parties/A/remarks',
  'parties/role=A/vehicle/vin': 'parties/A/vehicle/vin',
  'parties/role=A/policyholder/phone': 'parties/A/policyholder/phone',
  'parties/role=B/remarks': 'parties/B/remarks',
  'parties/role=B/driver/person/address': 'parties/B/driver/person/address',
  'parties/role=B/driver/licenceNumber': 'parties/B/driver/licenceNumber',
  'parties/role=B/insurance/policyNumber': 'parties/B/insurance/policyNumber',
};

const witnessRef = fc.constantFrom('w1', 'w2', 'w3', '0197f3a0-3333-7abc-8def-000000000001');
const coordinate = fc.double({ min: -180, max: 180, noNaN: true });
const word = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 6 }).map((text) => `e\u0301${text}`);
const role = fc.constantFrom('A', 'B');

/** One edit of anything that people edit on a constat, steps of its status included. */
export const anyEdit: fc.Arbitrary<Change> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.tuple(fc.constantFrom(...Object.keys(LEAVES)), word).map(([path, text]) => set(path, text)),
  },
  fc.constantFrom('YES', 'NO', 'UNKNOWN').map((answer) => set('accident/injuries', answer)),
  fc
    .tuple(coordinate, coordinate)
    .map(([latitude, longitude]) =>
      all(set('accident/latitude', latitude), set('accident/longitude', longitude)),
    ),
  fc
    .tuple(role, fc.uniqueArray(fc.integer({ min: 1, max: 17 })))
    .map(([column, boxes]) =>
      all(
        set(`parties/role=${column}/circumstances`, boxes),
        set(`parties/role=${column}/circumstanceCount`, boxes.length),
      ),
    ),
  fc.tuple(role, word).map(([column, plate]) => set(`parties/role=${column}/vehicle/plateRaw`, plate)),
  fc
    .tuple(role, fc.option(word))
    .map(([column, plate]) =>
      set(
        `parties/role=${column}/trailer`,
        plate === null ? null : { plateRaw: plate, plateType: 'ORDINARY' },
      ),
    ),
  fc
    .tuple(witnessRef, word)
    .map(([personRef, name]) =>
      all(removeFrom('witnesses', 'personRef', personRef), addTo('witnesses', { personRef, name })),
    ),
  witnessRef.map((personRef) => removeFrom('witnesses', 'personRef', personRef)),
  role.map((column) => removeFrom('parties', 'role', column)),
  fc.tuple(witnessRef, word).map(([personRef, name]) => addTo('witnesses', { personRef, name })),
  word.map((reason) => set('statusReason', reason)),
  fc
    .constantFrom('SUBMITTED', 'CANCELLED', 'VALIDATED', 'CONTESTED', 'REJECTED', 'DRAFT')
    .map((status) => set('status', status)),
  fc.constant(sign),
);

export const anyEdits = fc.array(anyEdit, { maxLength: 5 }).map((edits) => all(...edits));
