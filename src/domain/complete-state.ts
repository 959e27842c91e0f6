import { identityOf, keyOf, type AtomTable, type RecordTable } from './atom-table.ts';
import type { CanonicalShape } from './canonical.ts';
import type { Json, JsonObject } from './json.ts';
import type { EntityKind } from './kind.ts';
import { isRecord, list } from './read-state.ts';
import { elementOf, fieldOf, sameContent, sameIdentity, type FieldShape } from './same-content.ts';

/** What an older contract reads a symbol as that it doesn't know. */
const UNKNOWN = 'UNKNOWN';

/** The state as its author meant it (SYNC.md, Schema skew): a field that the writer's schema lacks is unchanged from
 *  `previous`, not deleted, and the symbol UNKNOWN never overwrites a known one. `absentFields` are paths of field names,
 *  joined by a slash, with an asterisk for the elements of a list. A record that has become another thing (another
 *  person) takes nothing over from the one before it; elements are matched by their key. Returns `state` itself when
 *  nothing was missing. Total. */
export function restoreAbsent(
  kind: EntityKind,
  state: JsonObject,
  previous: JsonObject | null,
  absentFields: readonly string[] = [],
): JsonObject {
  if (previous === null) return state;
  const table = kind.merge?.table ?? {};
  return completeRecord(state, previous, table, kind.shape, plant(absentFields));
}

/** Paths as a tree; an empty branch is where one ends. */
interface Paths {
  readonly [field: string]: Paths;
}
const NO_PATHS: Paths = {};

function plant(paths: readonly string[]): Paths {
  if (paths.length === 0) return NO_PATHS;
  const root: Record<string, Paths> = Object.create(null) as Record<string, Paths>;
  for (const path of paths) {
    let at = root;
    for (const field of path.split('/')) {
      at = at[field] ??= Object.create(null) as Paths;
    }
  }
  return root;
}

function completeRecord(
  state: JsonObject,
  previous: JsonObject,
  table: RecordTable,
  shape: CanonicalShape,
  absent: Paths,
): JsonObject {
  if (shape.type !== 'record' || isAnotherThing(state, previous, table)) return state;
  let completed = state;
  for (const name in shape.fields) {
    const gone = absent === NO_PATHS ? undefined : absent[name];
    if (gone === undefined && isComplete(state[name] ?? shape.fields[name]!.default)) continue;
    const value = completeField(name, state, previous, table, shape, gone);
    if (value === state[name]) continue;
    if (completed === state) completed = { ...state };
    (completed as Record<string, Json | undefined>)[name] = value;
  }
  return completed;
}

/** A value that nothing could be missing from: none, or a scalar that is not the unknown symbol. */
function isComplete(value: Json | undefined): boolean {
  return typeof value === 'string' ? value !== UNKNOWN : typeof value !== 'object' || value === null;
}

function completeField(
  name: string,
  state: JsonObject,
  previous: JsonObject,
  table: AtomTable,
  shape: CanonicalShape,
  absent: Paths | undefined,
): Json | undefined {
  const [value, before] = [state[name], previous[name]];
  if (before === undefined || before === null) return value;
  if (absent !== undefined && isEmpty(absent)) return before;
  const field = fieldOf(shape, name);
  if (field.shape.type === 'scalar') return isKnown(name, state, previous, table, shape) ? value : before;
  if (isRecord(value) && isRecord(before))
    return completeRecord(value, before, table.records?.[name] ?? {}, field.shape, absent ?? NO_PATHS);
  if (Array.isArray(value) && Array.isArray(before))
    return completeList(list(value), list(before), name, table, field, absent?.['*'] ?? NO_PATHS);
  return value;
}

function completeList(
  values: readonly Json[],
  previous: readonly Json[],
  name: string,
  table: AtomTable,
  { shape }: FieldShape,
  absent: Paths,
): readonly Json[] {
  if (shape.type !== 'list' || shape.items.type !== 'record' || shape.key === null) return values;
  const listTable = table.lists?.[name] ?? { key: shape.key };
  const before = new Map(previous.map((element) => [keyOf(element, listTable), element]));
  if (before.size < previous.length) return values;
  const completed = values.map((value) => {
    const counterpart = before.get(keyOf(value, listTable));
    if (!isRecord(value) || !isRecord(counterpart)) return value;
    const element = { ...listTable.element, identity: [] };
    return completeRecord(value, counterpart, element, elementOf(shape).shape, absent);
  });
  return completed.every((value, i) => value === values[i]) ? values : completed;
}

/** By what identifies it in itself: a column of the form is still that column when another person drives. */
function isAnotherThing(state: JsonObject, previous: JsonObject, table: RecordTable): boolean {
  if (table.identity === undefined || table.identity.length === 0) return false;
  return !sameIdentity(identityOf(state, table), identityOf(previous, table));
}

/** False for a symbol that its writer doesn't know. Where it is only valid together with others and one of those has
 *  changed, it belongs to the new ones. */
function isKnown(
  name: string,
  state: JsonObject,
  previous: JsonObject,
  table: AtomTable,
  shape: CanonicalShape,
): boolean {
  const field = fieldOf(shape, name);
  if (typeof previous[name] !== 'string' || (state[name] ?? field.default) !== UNKNOWN) return true;
  const group = Object.values(table.groups ?? {}).find((fields) => fields.includes(name)) ?? [];
  return group.some(
    (other) => other !== name && !sameContent(state[other], previous[other], fieldOf(shape, other)),
  );
}

function isEmpty(paths: Paths): boolean {
  for (const _ in paths) return false;
  return true;
}
