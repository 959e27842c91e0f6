import type { Json, JsonObject } from '../json.ts';
import { isRecord, list, record, text } from '../read-state.ts';
import { OPEN_STATUSES } from './lifecycle.ts';

/** The front of the form: what nobody changes once both drivers have signed (sections 1 to 13 and 15). */
const ON_THE_FRONT: readonly string[] = ['unilateral', 'accident', 'parties', 'witnesses', 'sketch'];

/** What stays open all the same: each driver's own declaration, and what insurers note for their own use. */
const BESIDE_THE_FRONT: readonly (readonly string[])[] = [
  ['accident', 'policeReport'],
  ['parties', '*', 'isProviderInsured'],
  ['parties', '*', 'remarks'],
  ['parties', '*', 'vehicle', 'vehicleId'],
  ['parties', '*', 'trailer', 'vehicleId'],
  ['parties', '*', 'insurance', 'guarantees'],
];

/** The front's fields, with their names and places in the state. */
export function constatFront(state: JsonObject): JsonObject {
  const fields: JsonObject = Object.fromEntries(ON_THE_FRONT.map((field) => [field, state[field] ?? null]));
  return record(BESIDE_THE_FRONT.reduce<Json>(without, fields));
}

/** Whether the front's own atom holds the atom of this name. The names of what is open and of the records around it are
 *  not the front's. */
export function isOnFront(atom: string): boolean {
  const names = atom.split('/');
  if (!ON_THE_FRONT.includes(names[0]!)) return false;
  return !BESIDE_THE_FRONT.some((path) => names.every((name, i) => path[i] === '*' || path[i] === name));
}

/** Whether a seal protects what stands under the atom's name: that it is there, what it is, and all of it but for what
 *  stays open. */
export function sealHolds(atom: string): boolean {
  const names = atom.split('/');
  if (!ON_THE_FRONT.includes(names[0]!)) return false;
  return !BESIDE_THE_FRONT.some((path) => path.every((name, i) => name === '*' || name === names[i]));
}

/** Sealed is what is SIGNED, and what has gone on from there: a later status with both signatures, or with the hash that
 *  signing left behind. The hash's value is never trusted, only that it is there. */
export function isSealed(state: JsonObject): boolean {
  const status = text(state['status']);
  if (status === 'SIGNED') return true;
  if (status === null || OPEN_STATUSES.has(status)) return false;
  return text(state['sealedContentHash']) !== null || isSignedByAll(state);
}

function isSignedByAll(state: JsonObject): boolean {
  const parties = list(state['parties']);
  return (
    parties.length > 0 && parties.every((party) => record(record(party)['signature'])['status'] === 'SIGNED')
  );
}

/** The value without the field at `path`; `*` stands for every element of a list. */
function without(value: Json, path: readonly string[]): Json {
  const [field, ...rest] = path;
  if (field === '*')
    return Array.isArray(value) ? list(value).map((element) => without(element, rest)) : value;
  if (!isRecord(value) || value[field!] === undefined) return value;
  const { [field!]: inner, ...others } = value;
  return rest.length === 0 ? others : { ...others, [field!]: without(inner ?? null, rest) };
}
