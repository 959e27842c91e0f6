import { keyOf, type AtomTable, type ListTable } from './atom-table.ts';
import type { Json, JsonObject } from './json.ts';
import type { EntityKind } from './kind.ts';
import { isRecord, list } from './read-state.ts';

/** The state with another value in one atom, named and valued as in a conflict: the fields of a group, a whole record or
 *  element (null takes it away), or for the sealed front a value for each of its atoms. Null when the state has no place
 *  for it (the party that it belongs to is gone), or when it is no value of such an atom. Whether the result is a state
 *  of the kind is for the caller to check. Total; leaves `state` as it is. */
export function writeAtom(kind: EntityKind, state: JsonObject, atom: string, value: Json): JsonObject | null {
  if (kind.merge?.seal === undefined || atom !== 'front')
    return writeAt(state, atom.split('/'), kind.merge?.table ?? {}, value);
  if (!isRecord(value)) return null;
  return Object.entries(value).reduce<JsonObject | null>(
    (written, [name, part]) =>
      written === null || name === 'front' ? null : writeAtom(kind, written, name, part ?? null),
    state,
  );
}

function writeAt(
  state: JsonObject,
  path: readonly string[],
  table: AtomTable,
  value: Json,
): JsonObject | null {
  const [name, ...inside] = path;
  if (name === undefined || name === '' || table.none?.includes(name)) return null;
  if (inside.length === 0) return writeWhole(state, name, table, value);

  const ofRecord = ownEntry(table.records, name);
  const ofList = ownEntry(table.lists, name);
  const current = state[name] ?? null;
  const written =
    ofRecord !== undefined && isRecord(current)
      ? writeAt(current, inside, ofRecord, value)
      : ofList !== undefined
        ? writeElement(list(current), inside, ofList, value)
        : null;
  return written === null ? null : withField(state, name, written);
}

function writeWhole(state: JsonObject, name: string, table: AtomTable, value: Json): JsonObject | null {
  const group = ownEntry(table.groups, name);
  if (group === undefined) {
    // An absent list is an empty one.
    return withField(state, name, value === null && ownEntry(table.lists, name) !== undefined ? [] : value);
  }
  if (!isRecord(value) || Object.keys(value).some((field) => !group.includes(field))) return null;
  return group.reduce((written, field) => withField(written, field, value[field] ?? null), state);
}

function writeElement(
  elements: readonly Json[],
  [key, ...inside]: readonly string[],
  table: ListTable,
  value: Json,
): readonly Json[] | null {
  const at = elements.findIndex((element) => keyOf(element, table) === key);
  const element = elements[at] ?? null;
  if (inside.length > 0) {
    if (table.element === undefined || !isRecord(element)) return null;
    const written = writeAt(element, inside, table.element, value);
    return written === null ? null : elements.with(at, written);
  }
  if (value === null) return elements.filter((_, i) => i !== at);
  if (keyOf(value, table) !== key) return null;
  return at === -1 ? [...elements, value] : elements.with(at, value);
}

function ownEntry<T>(entries: Readonly<Record<string, T>> | undefined, name: string): T | undefined {
  return entries !== undefined && Object.hasOwn(entries, name) ? entries[name] : undefined;
}

/** Defined, so that a field of any name is a field. */
function withField(state: JsonObject, name: string, value: Json): JsonObject {
  const written = { ...state };
  Object.defineProperty(written, name, { value, enumerable: true, writable: true, configurable: true });
  return written;
}
