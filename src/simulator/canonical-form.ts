import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';
import { isObject } from './json.ts';
import type { Json, JsonObject } from './json.ts';
import type { PlatformKind } from './kinds.ts';
import type { Contracts } from './load-contracts.ts';

/** Fields of a state that say when it was written, not what it says. */
const TIMESTAMPS = ['createdAt', 'updatedAt'];

/** The canonical form of a record's state, as the contract's page defines it (RFC 8785): two platforms hold the same
 *  content exactly when these texts are equal, whatever their defaults, list orders and Unicode forms. */
export function canonicalForm(contracts: Contracts, kind: PlatformKind, state: JsonObject): string {
  const { createdAt: _created, updatedAt: _updated, ...content } = state;
  return write(reduceRecord(contracts, content, stateDefinition(contracts, kind)));
}

/** SHA-256 of the canonical form, hex. */
export function digestOf(contracts: Contracts, kind: PlatformKind, state: JsonObject): string {
  return sha256(canonicalForm(contracts, kind, state));
}

/** JSON pointers to the top-level fields in which two states differ in content. */
export function changedFields(
  contracts: Contracts,
  kind: PlatformKind,
  before: JsonObject,
  after: JsonObject,
): string[] {
  const definition = stateDefinition(contracts, kind);
  const a = reduceRecord(contracts, before, definition);
  const b = reduceRecord(contracts, after, definition);
  return [...new Set([...Object.keys(a), ...Object.keys(b)])]
    .filter((name) => !TIMESTAMPS.includes(name) && write(a[name] ?? null) !== write(b[name] ?? null))
    .sort()
    .map((name) => `/${name}`);
}

/** SHA-256 of the canonical form of some fields of a state only, hex. */
export function digestOfPart(contracts: Contracts, kind: PlatformKind, part: JsonObject): string {
  return sha256(write(reduceRecord(contracts, part, stateDefinition(contracts, kind))));
}

interface Field {
  readonly name: string;
  readonly type: Json;
  readonly default?: Json;
}

function stateDefinition(contracts: Contracts, kind: PlatformKind): JsonObject {
  const event = contracts.definition(kind.records[kind.opening]!)!;
  const field = fieldsOf(event).find(({ name }) => name === kind.name);
  return contracts.definition(field!.type as string)!;
}

function reduceRecord(contracts: Contracts, value: JsonObject, definition: JsonObject): JsonObject {
  const fields = new Map(fieldsOf(definition).map((field) => [field.name, field]));
  const kept: Record<string, Json> = {};
  for (const [name, content] of Object.entries(value)) {
    if (content === undefined || content === null) continue;
    const field = fields.get(name);
    const reduced = field ? reduce(contracts, content, field.type) : clean(content);
    if (Array.isArray(reduced) && reduced.length === 0) continue;
    const standard = field?.default;
    if (
      field &&
      standard !== undefined &&
      standard !== null &&
      write(reduce(contracts, standard, field.type)) === write(reduced)
    )
      continue;
    kept[name] = reduced;
  }
  return kept;
}

function reduce(contracts: Contracts, value: Json, type: Json): Json {
  if (typeof type === 'string') {
    const definition = contracts.definition(type);
    return definition ? reduce(contracts, value, definition) : clean(value);
  }
  if (Array.isArray(type)) {
    const branch = (type as readonly Json[]).find((one) => one !== 'null');
    return reduce(contracts, value, branch ?? 'null');
  }
  if (!isObject(type)) return clean(value);
  if (type.type === 'record' && isObject(value)) return reduceRecord(contracts, value, type);
  if (type.type === 'array' && Array.isArray(value)) {
    const items = (value as readonly Json[]).map((item) => reduce(contracts, item, type.items ?? null));
    return inKeyOrder(items, typeof type.listKey === 'string' ? type.listKey : null);
  }
  return clean(value);
}

/** A list with a key is ordered by it; a list without one is a set: ordered by value, each value once. */
function inKeyOrder(items: readonly Json[], listKey: string | null): Json[] {
  const keyed = items.map((item) => ({
    item,
    text: write(item),
    key: listKey === null ? item : isObject(item) ? (item[listKey] ?? '') : '',
  }));
  keyed.sort((a, b) => compare(a.key, b.key) || compare(a.text, b.text));
  return keyed
    .filter((entry, i) => listKey !== null || entry.text !== keyed[i - 1]?.text)
    .map(({ item }) => item);
}

/** Numbers by value, texts by their UTF-16 code units, as RFC 8785 orders names. */
function compare(a: Json, b: Json): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  const [left, right] = [a, b].map((key) => (typeof key === 'string' ? key : write(key))) as [string, string];
  return left < right ? -1 : left > right ? 1 : 0;
}

function clean(value: Json): Json {
  if (typeof value === 'string') return value.toWellFormed().normalize('NFC');
  if (Array.isArray(value)) return value.map(clean);
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, content]) => [name, clean(content ?? null)]));
}

function fieldsOf(definition: JsonObject): readonly Field[] {
  return definition.fields as unknown as readonly Field[];
}

function write(value: Json): string {
  return canonicalize(value)!;
}

function sha256(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex');
}
