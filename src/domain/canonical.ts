import { hash } from 'node:crypto';
import type { Json, JsonObject } from './json.ts';
import type { EntityKind } from './kind.ts';
import { writeState, writeValue } from './write-canonical.ts';

/** What the canonical form needs to know of a contract, derived from the Avro schema: defaults (left out when equal)
 *  and how each list is ordered. */
export type CanonicalShape =
  | { readonly type: 'scalar' }
  | {
      readonly type: 'record';
      readonly fields: Readonly<Record<string, { readonly shape: CanonicalShape; readonly default?: Json }>>;
    }
  /** `key`: the field its elements are ordered and merged by; null for a set of scalars, ordered by value. */
  | { readonly type: 'list'; readonly items: CanonicalShape; readonly key: string | null }
  | { readonly type: 'map'; readonly values: CanonicalShape };

const ANY: CanonicalShape = { type: 'scalar' };

/** The canonical form of an entity's state (docs/canonical-form.md): the same text for the same content, whoever wrote
 *  it and in whatever order; its outermost `createdAt` and `updatedAt` are no content. Total: a value that does not fit
 *  the shape is written as plain RFC 8785. */
export function canonicalForm(state: Json, shape: CanonicalShape): string {
  return writeState(state, shape).toString();
}

/** The canonical text of a part of a state, by the same rules; without a shape, RFC 8785 in NFC without nulls. */
export function canonicalText(value: Json, shape: CanonicalShape = ANY): string {
  return writeValue(value, shape).toString();
}

/** SHA-256 (hex) of the canonical form. */
export function digestOf(state: Json, shape: CanonicalShape): string {
  return hash('sha256', writeState(state, shape), 'hex');
}

/** The hub's own hash of the fields that a seal protects; null while the state is not sealed, whatever hash it carries
 *  itself. With `stored` sealed, it is taken as if the state were sealed too: so a changed front shows even where the
 *  state no longer calls itself signed. */
export function sealOf(
  kind: EntityKind,
  state: JsonObject,
  stored: { readonly seal: string | null } | null = null,
): string | null {
  const asIfSealed = stored !== null && stored.seal !== null && kind.front !== undefined;
  const front = asIfSealed ? kind.front(state) : kind.sealedFront(state);
  return front === null ? null : digestOf(front, kind.shape);
}
