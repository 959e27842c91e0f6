import { identityOf, keyOf, type AtomTable, type ListTable, type RecordTable } from './atom-table.ts';
import type { CanonicalShape } from './canonical.ts';
import type { Json, JsonObject } from './json.ts';
import type { AtomVersions } from './atom-versions.ts';
import { mergeAtom, type AtomMerge } from './merge-atom.ts';
import { isRecord, list, record } from './read-state.ts';
import {
  elementOf,
  fieldOf,
  sameContent,
  sameIdentity,
  sameStructure,
  type FieldShape,
} from './same-content.ts';

type Content = Json | undefined;

/** The same place in every state that a merge looks at. */
export interface Versions<T = Content> {
  readonly base: T;
  readonly ours: T;
  readonly theirs: T;
  readonly hub: readonly T[];
  readonly edits: readonly T[];
}

/** Walks the states along the atom table and puts the merged atoms together again (SYNC.md, Atoms). What is equal on both
 *  sides is not looked at twice; fields that no atom holds are ours. Names of atoms are those of `tabulateAtoms`. Total. */
export function mergeFields(
  prefix: string,
  versions: Versions<JsonObject>,
  table: AtomTable,
  shape: CanonicalShape,
  merge: AtomMerge,
): JsonObject {
  const { ours, theirs } = versions;
  const merged: Record<string, Content> = { ...ours };
  for (const name in table.groups)
    mergeGroup(merged, prefix + name, table.groups[name]!, versions, shape, merge);
  const grouped = groupedFields(table);
  for (const field in ours) {
    if (!grouped.has(field)) mergeField(merged, prefix, field, versions, table, shape, merge);
  }
  for (const field in theirs) {
    if (!Object.hasOwn(ours, field) && !grouped.has(field))
      mergeField(merged, prefix, field, versions, table, shape, merge);
  }
  return merged;
}

function mergeField(
  merged: Record<string, Content>,
  prefix: string,
  field: string,
  versions: Versions<JsonObject>,
  table: AtomTable,
  shape: CanonicalShape,
  merge: AtomMerge,
): void {
  const ours = versions.ours[field];
  const fieldShape = fieldOf(shape, field);
  if (sameStructure(ours, versions.theirs[field])) return;
  const inside = within(versions, (state) => state[field]);
  const name = prefix + field;
  const ofRecord = ownEntry(table.records, field);
  const ofList = ownEntry(table.lists, field);
  const value =
    ofRecord !== undefined
      ? mergeRecord(name, inside, ofRecord, fieldShape, merge)
      : ofList !== undefined
        ? mergeList(name, inside, ofList, fieldShape, merge)
        : mergeWhole(name, inside, fieldShape, merge);
  if (value !== ours) setField(merged, field, value);
}

/** Fields that are only valid together come from one side. */
function mergeGroup(
  merged: Record<string, Content>,
  name: string,
  fields: readonly string[],
  inside: Versions<JsonObject>,
  shape: CanonicalShape,
  merge: AtomMerge,
): void {
  const { ours, theirs } = inside;
  const isSame = (a: JsonObject, b: JsonObject): boolean =>
    fields.every((field) => sameContent(a[field], b[field], fieldOf(shape, field)));
  if (isSame(ours, theirs)) return;
  const take = (state: JsonObject): JsonObject =>
    Object.fromEntries(fields.map((field) => [field, state[field] ?? null]));
  const versions: AtomVersions = {
    ...within(inside, take),
    same: (a, b) => isSame(record(a), record(b)),
  };
  const value = mergeAtom(name, versions, merge);
  if (value === versions.theirs) for (const field of fields) setField(merged, field, theirs[field]);
}

/** A record whose fields are atoms, as long as it is the same thing in every state; else it is one atom, whole. */
function mergeRecord(
  name: string,
  versions: Versions,
  table: RecordTable,
  field: FieldShape,
  merge: AtomMerge,
  isElement = false,
): Content {
  if (!isSameThing(versions, table, merge)) return mergeWhole(name, versions, field, merge, isElement);
  return mergeFields(`${name}/`, within(versions, record), table, field.shape, merge);
}

/** Whether the record is there, as the same thing, in every state. */
function isSameThing(
  { base, ours, theirs, hub, edits }: Versions,
  table: RecordTable,
  merge: AtomMerge,
): boolean {
  const own = identityOf(record(ours), table);
  const isOurs = (value: Content): boolean => isRecord(value) && sameIdentity(identityOf(value, table), own);
  return (
    isOurs(ours) &&
    isOurs(theirs) &&
    (merge.baseMissing || (isOurs(base) && [...hub, ...edits].every(isOurs)))
  );
}

/** A list by the keys of its elements, ours first; one atom when a key is used twice or when it is no list. */
function mergeList(
  name: string,
  versions: Versions,
  table: ListTable,
  field: FieldShape,
  merge: AtomMerge,
): Content {
  const [base, ours, theirs] = [versions.base, versions.ours, versions.theirs].map((value) =>
    byKey(value, table),
  );
  const [hub, edits] = [versions.hub, versions.edits].map((values) =>
    values.map((value) => byKey(value, table)),
  );
  if (!base || !ours || !theirs || hub!.includes(null) || edits!.includes(null))
    return mergeWhole(name, versions, field, merge);

  const element = elementOf(field.shape);
  const merged: Json[] = [];
  for (const key of new Set([...ours.keys(), ...theirs.keys()])) {
    const own = ours.get(key);
    const inside = {
      base: base.get(key),
      ours: own,
      theirs: theirs.get(key),
      hub: hub!.map((state) => state!.get(key)),
      edits: edits!.map((state) => state!.get(key)),
    };
    const value = sameStructure(own, inside.theirs)
      ? own
      : table.element === undefined
        ? mergeWhole(`${name}/${key}`, inside, element, merge, true)
        : mergeRecord(`${name}/${key}`, inside, table.element, element, merge, true);
    if (value !== undefined) merged.push(value);
  }
  return merged;
}

/** Null when the list can't be merged by key. */
function byKey(value: Content, table: ListTable): ReadonlyMap<string, Json> | null {
  if (value === undefined || value === null) return NO_ELEMENTS;
  if (!Array.isArray(value)) return null;
  const elements = list(value);
  const keyed = new Map(elements.map((element) => [keyOf(element, table), element]));
  return keyed.size === elements.length ? keyed : null;
}

const NO_ELEMENTS: ReadonlyMap<string, Json> = new Map();

function mergeWhole(
  name: string,
  versions: Versions,
  field: FieldShape,
  merge: AtomMerge,
  isElement = false,
): Content {
  return mergeAtom(name, { ...versions, same: (a, b) => sameContent(a, b, field) }, merge, isElement);
}

function within<T, U>({ base, ours, theirs, hub, edits }: Versions<T>, take: (state: T) => U): Versions<U> {
  return {
    base: take(base),
    ours: take(ours),
    theirs: take(theirs),
    hub: hub.map(take),
    edits: edits.map(take),
  };
}

const groupedByTable = new WeakMap<AtomTable, ReadonlySet<string>>();

/** Fields that are no atom of their own. */
function groupedFields(table: AtomTable): ReadonlySet<string> {
  let fields = groupedByTable.get(table);
  if (fields === undefined) {
    fields = new Set([...(table.none ?? []), ...Object.values(table.groups ?? {}).flat()]);
    groupedByTable.set(table, fields);
  }
  return fields;
}

function ownEntry<T>(entries: Readonly<Record<string, T>> | undefined, name: string): T | undefined {
  return entries !== undefined && Object.hasOwn(entries, name) ? entries[name] : undefined;
}

/** Defined, so that a field of any name is a field. */
function setField(fields: Record<string, Content>, name: string, value: Content): void {
  if (value === undefined) delete fields[name];
  else Object.defineProperty(fields, name, { value, enumerable: true, writable: true, configurable: true });
}
