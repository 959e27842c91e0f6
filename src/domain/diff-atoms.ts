import { canonicalForm, canonicalText, type CanonicalShape } from './canonical.ts';
import type { Json, JsonObject } from './json.ts';
import type { EntityKind } from './kind.ts';
import { isRecord, list, record } from './read-state.ts';

/** Names of the atoms in which two states differ, sorted. What is equal in canonical form differs in none. Where a record
 *  or element came, went or became another one, everything in it counts as changed. */
export function diffAtoms(kind: EntityKind, a: JsonObject, b: JsonObject): string[] {
  return diffContents(kind.atoms, contentOf(kind, a), contentOf(kind, b));
}

/** The canonical form of a state, so that order, defaults and empty lists make no difference, with every field that the
 *  contract has, so that a field which neither of two states fills still belongs to a record that changed. */
export function contentOf({ shape }: EntityKind, state: JsonObject): JsonObject {
  return record(withEveryField(JSON.parse(canonicalForm(state, shape)) as Json, shape));
}

/** As `diffAtoms`, of two contents and by any rule for what an atom is. */
export function diffContents(atoms: EntityKind['atoms'], a: JsonObject, b: JsonObject): string[] {
  const [before, after] = [atoms(a), atoms(b)];
  const names = [...before.keys(), ...[...after.keys()].filter((name) => !before.has(name))];
  const changed = names.filter((name) => !isSame(before.get(name) ?? null, after.get(name) ?? null));
  const within = changed.map((name) => `${name}/`);
  const isWithin = (name: string) => within.some((prefix) => name.startsWith(prefix));
  return names.filter((name) => changed.includes(name) || isWithin(name)).sort();
}

function withEveryField(value: Json, shape: CanonicalShape): Json {
  if (shape.type === 'list')
    return Array.isArray(value) ? list(value).map((item) => withEveryField(item, shape.items)) : value;
  if (shape.type !== 'record' || !isRecord(value)) return value;
  const whole: Record<string, Json | undefined> = { ...value };
  for (const name of Object.keys(shape.fields))
    whole[name] = withEveryField(value[name] ?? null, shape.fields[name]!.shape);
  return whole;
}

/** Equal in canonical text. Contents that are alike throughout are, and most are, so few texts are ever written. */
function isSame(a: Json, b: Json): boolean {
  return isAlike(a, b) || canonicalText(a) === canonicalText(b);
}

function isAlike(a: Json, b: Json): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) || Array.isArray(b)) {
    const [some, others] = [list(a), list(b)];
    return (
      Array.isArray(a) === Array.isArray(b) &&
      some.length === others.length &&
      some.every((item, i) => isAlike(item, others[i]!))
    );
  }
  const [one, other] = [record(a), record(b)];
  const names = Object.keys(one);
  return (
    names.length === Object.keys(other).length &&
    names.every((name) => Object.hasOwn(other, name) && isAlike(one[name] ?? null, other[name] ?? null))
  );
}
