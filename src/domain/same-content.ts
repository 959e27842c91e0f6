import { canonicalText, type CanonicalShape } from './canonical.ts';
import type { Json } from './json.ts';
import { normalised } from './write-scalar.ts';

/** A field as its contract has it. */
export interface FieldShape {
  readonly shape: CanonicalShape;
  readonly default?: Json;
}

/** A field that the contract lacks. */
const UNKNOWN_FIELD: FieldShape = { shape: { type: 'scalar' } };

type Content = Json | undefined;

/** Whether two values of a field are equal in canonical form: null, absent, empty and the default are the same, and so
 *  are two orders of a list. Total. */
export function sameContent(a: Content, b: Content, field: FieldShape): boolean {
  if (sameStructure(a, b)) return true;
  if (typeof a === 'string' && typeof b === 'string') return normalised(a) === normalised(b);
  return contentText(a, field) === contentText(b, field);
}

/** How the contract shapes a field of the record. */
export function fieldOf(shape: CanonicalShape, name: string): FieldShape {
  return shape.type === 'record' && Object.hasOwn(shape.fields, name) ? shape.fields[name]! : UNKNOWN_FIELD;
}

const elements = new WeakMap<CanonicalShape, FieldShape>();

/** How the contract shapes an element of the list. */
export function elementOf(shape: CanonicalShape): FieldShape {
  if (shape.type !== 'list') return UNKNOWN_FIELD;
  let field = elements.get(shape);
  if (field === undefined) elements.set(shape, (field = { shape: shape.items }));
  return field;
}

const wrappers = new WeakMap<FieldShape, CanonicalShape>();

/** What a field is left out for is the rule of the record around it, so the value is written within one. */
function contentText(value: Content, field: FieldShape): string {
  let wrapper = wrappers.get(field);
  if (wrapper === undefined) wrappers.set(field, (wrapper = { type: 'record', fields: { value: field } }));
  return canonicalText({ value }, wrapper);
}

/** Whether two values are equal as they stand, which they mostly are: told without writing a text. Values that are not may
 *  be equal all the same, in canonical form. */
export function sameStructure(a: Content, b: Content): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (isList(a)) return isList(b) && a.length === b.length && a.every((item, i) => sameStructure(item, b[i]));
  if (isList(b)) return false;
  let more = 0;
  for (const name in a) {
    const [one, other] = [a[name], b[name]];
    if (one !== other && !sameStructure(one, other)) return false;
    if (other === undefined && !Object.hasOwn(b, name)) return false;
    more++;
  }
  for (const _ in b) more--;
  return more === 0;
}

/** Whether what identifies a thing is the same, in canonical form. */
export function sameIdentity(a: readonly Json[], b: readonly Json[]): boolean {
  return sameStructure(a, b) || canonicalText(a) === canonicalText(b);
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}
