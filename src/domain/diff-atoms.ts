import { canonicalForm, canonicalText, type CanonicalShape } from './canonical.ts';
import type { Json, JsonObject } from './json.ts';
import type { EntityKind } from './kind.ts';
import { isRecord, list, record } from './read-state.ts';

/** Names of the atoms in which two states differ, sorted. What is equal in canonical form differs in none. Where a record
 *  or element came, went or became another one, everything in it counts as changed. */
export function diffAtoms(kind: EntityKind, a: JsonObject, b: JsonObject): string[] {
  const [before, after] = [canonicalAtoms(kind, a), canonicalAtoms(kind, b)];
  const names = [...new Set([...before.keys(), ...after.keys()])].sort();
  const changed = new Set(names.filter((name) => textOf(before, name) !== textOf(after, name)));
  return names.filter(
    (name) => changed.has(name) || ancestors(name).some((ancestor) => changed.has(ancestor)),
  );
}

/** Atoms of the canonical form, so that order, defaults and empty lists make no difference, with every field that the
 *  contract has, so that a field which neither state fills still belongs to a record that changed. */
function canonicalAtoms(kind: EntityKind, state: JsonObject): ReadonlyMap<string, Json> {
  const content = JSON.parse(canonicalForm(state, kind.shape)) as Json;
  return kind.atoms(record(withEveryField(content, kind.shape)));
}

function withEveryField(value: Json, shape: CanonicalShape): Json {
  if (shape.type === 'list')
    return Array.isArray(value) ? list(value).map((item) => withEveryField(item, shape.items)) : value;
  if (shape.type !== 'record' || !isRecord(value)) return value;
  const fields = Object.entries(shape.fields).map(([name, field]): [string, Json] => [
    name,
    withEveryField(value[name] ?? null, field.shape),
  ]);
  return { ...value, ...Object.fromEntries(fields) };
}

function textOf(atoms: ReadonlyMap<string, Json>, name: string): string {
  return canonicalText(atoms.get(name) ?? null);
}

/** `parties/A/driver` → `parties`, `parties/A`. */
function ancestors(name: string): string[] {
  const parts = name.split('/');
  return parts.slice(1).map((_, i) => parts.slice(0, i + 1).join('/'));
}
