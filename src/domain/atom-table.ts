import type { Json, JsonObject } from './json.ts';
import { isRecord, list } from './read-state.ts';

/** Which fields of a record are only valid together (SYNC.md, Atoms). A field that the table does not name is an atom of
 *  its own, whole. */
export interface AtomTable {
  /** Atom → the fields that it holds. */
  readonly groups?: Readonly<Record<string, readonly string[]>>;
  /** Records whose fields are atoms; presence and `identity` are an atom under the record's own name. */
  readonly records?: Readonly<Record<string, RecordTable>>;
  /** Lists merged by key, and what their elements are made of. */
  readonly lists?: Readonly<Record<string, ListTable>>;
  /** Fields that no atom holds. */
  readonly none?: readonly string[];
}

export interface RecordTable extends AtomTable {
  /** What makes this the same thing as before, as paths: when it changes, the whole record has changed. */
  readonly identity?: readonly (readonly string[])[];
}

export interface ListTable {
  readonly key: string;
  /** The key of an element that lacks one: the contract's default. */
  readonly defaultKey?: string;
  /** Absent: an element is one atom, whole. */
  readonly element?: RecordTable;
}

/** The atoms of a record: name → value, in the order of its fields. Names are paths (`parties/A/vehicle/plate`); the
 *  value under a record's or element's own name says that it is there and what identifies it. Total. */
export function tabulateAtoms(state: JsonObject, table: AtomTable): Map<string, Json> {
  const atoms = new Map<string, Json>();
  addFields(atoms, '', state, table);
  return atoms;
}

function addFields(atoms: Map<string, Json>, prefix: string, state: JsonObject, table: AtomTable): void {
  const { groups, grouped } = groupsOf(table);
  for (const [name, fields] of groups) {
    const group: Record<string, Json> = {};
    for (const field of fields) group[field] = state[field] ?? null;
    atoms.set(prefix + name, group);
  }
  for (const field of Object.keys(state)) {
    if (grouped.has(field)) continue;
    const value = state[field] ?? null;
    const name = prefix + field;
    const ofRecord = table.records?.[field];
    const ofList = table.lists?.[field];
    if (ofRecord !== undefined && isRecord(value)) addRecord(atoms, name, value, ofRecord);
    else if (ofList !== undefined && Array.isArray(value)) addList(atoms, name, list(value), ofList);
    else atoms.set(name, value);
  }
}

interface Groups {
  readonly groups: readonly (readonly [name: string, fields: readonly string[]])[];
  /** Fields that are no atoms of their own. */
  readonly grouped: ReadonlySet<string>;
}

/** A table is walked for every state of every edit and merge. */
const knownGroups = new WeakMap<AtomTable, Groups>();

function groupsOf(table: AtomTable): Groups {
  let known = knownGroups.get(table);
  if (known === undefined) {
    const groups = Object.entries(table.groups ?? {});
    const grouped = new Set([...(table.none ?? []), ...groups.flatMap(([, fields]) => fields)]);
    knownGroups.set(table, (known = { groups, grouped }));
  }
  return known;
}

function addRecord(atoms: Map<string, Json>, name: string, value: JsonObject, table: RecordTable): void {
  atoms.set(name, identityOf(value, table));
  addFields(atoms, `${name}/`, value, table);
}

/** What makes the record the same thing as before; empty for one that is only there or not. */
export function identityOf(value: JsonObject, table: RecordTable): readonly Json[] {
  return (table.identity ?? []).map((path) => follow(value, path));
}

/** A list that can't be merged by key, because one is used twice or an element is nothing at all, is one atom. */
function addList(atoms: Map<string, Json>, name: string, elements: readonly Json[], table: ListTable): void {
  const keys = elements.map((element) => keyOf(element, table));
  if (new Set(keys).size < keys.length || elements.includes(null)) {
    atoms.set(name, elements);
    return;
  }
  elements.forEach((element, i) => {
    const own = `${name}/${keys[i]}`;
    if (table.element !== undefined && isRecord(element)) addRecord(atoms, own, element, table.element);
    else atoms.set(own, element);
  });
}

/** The key of an element as it stands in the names of its atoms. */
export function keyOf(element: Json, table: ListTable): string {
  const key = isRecord(element) ? element[table.key] : undefined;
  const named = typeof key === 'string' || typeof key === 'number' ? String(key) : (table.defaultKey ?? '');
  // RFC 6901, so that no key can be mistaken for a path.
  return /[~/]/.test(named) ? named.replaceAll('~', '~0').replaceAll('/', '~1') : named;
}

function follow(value: Json, path: readonly string[]): Json {
  return path.reduce<Json>((at, field) => (isRecord(at) ? (at[field] ?? null) : null), value);
}
