import type { CanonicalShape } from './canonical.ts';
import type { Json, JsonObject } from './json.ts';

/** The walker behind `canonicalForm`. Every event that comes in is digested, so a shape is compiled once into writers
 *  with sorted, quoted names. Building the reduced value and handing it to a general RFC 8785 library gives the same
 *  bytes several times slower; the unit tests compare the two. */
type Writer = (value: Json) => string;

interface FieldWriter {
  readonly name: string;
  /** The quoted name and its colon. */
  readonly label: string;
  readonly write: Writer;
  /** Canonical text of the default, or what no value is written as. */
  readonly omitted: string;
}

/** The text of an empty list or map, and of a field that is no content. */
const NOTHING = '';
/** Fields of a state that say when it was written, not what it says. */
const TIMESTAMPS: readonly string[] = ['createdAt', 'updatedAt'];

const values = new WeakMap<CanonicalShape, Writer>();
const states = new WeakMap<CanonicalShape, Writer>();

export function writeValue(value: Json, shape: CanonicalShape): string {
  return shown(value, compiled(values, shape, buildWriter)(value));
}

/** As `writeValue`, without the timestamps of the outermost record. */
export function writeState(value: Json, shape: CanonicalShape): string {
  return shown(value, compiled(states, shape, buildStateWriter)(value));
}

/** An empty list or map has no text, so that a field that holds one is left out; anywhere else it must have one. */
function shown(value: Json, text: string): string {
  if (text !== NOTHING) return text;
  return Array.isArray(value) ? '[]' : '{}';
}

function compiled(
  cache: WeakMap<CanonicalShape, Writer>,
  shape: CanonicalShape,
  build: (shape: CanonicalShape) => Writer,
): Writer {
  let writer = cache.get(shape);
  if (writer === undefined) cache.set(shape, (writer = build(shape)));
  return writer;
}

function buildWriter(shape: CanonicalShape): Writer {
  switch (shape.type) {
    case 'scalar':
      return writeAny;
    case 'record':
      return recordWriter(fieldWriters(shape.fields));
    case 'list':
      return listWriter(compiled(values, shape.items, buildWriter), shape.key);
    case 'map':
      return mapWriter(compiled(values, shape.values, buildWriter));
  }
}

function buildStateWriter(shape: CanonicalShape): Writer {
  if (shape.type !== 'record') return compiled(values, shape, buildWriter);
  const fields = fieldWriters(shape.fields).filter((field) => !TIMESTAMPS.includes(field.name));
  const timestamps = TIMESTAMPS.map((name) => ({ name, label: '', write: () => NOTHING, omitted: NOTHING }));
  return recordWriter([...fields, ...timestamps]);
}

type Fields = Extract<CanonicalShape, { type: 'record' }>['fields'];

function fieldWriters(fields: Fields): FieldWriter[] {
  return Object.entries(fields)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, field]) => {
      const write = compiled(values, field.shape, buildWriter);
      const omitted = field.default === undefined || field.default === null ? NOTHING : write(field.default);
      return { name, label: `${JSON.stringify(name)}:`, write, omitted };
    });
}

function recordWriter(fields: readonly FieldWriter[]): Writer {
  const known = new Set(fields.map((field) => field.name));
  return (value) => {
    if (!isObject(value)) return writeAny(value);
    let text = '';
    let seen = 0;
    for (let i = 0; i < fields.length; i++) {
      const field = fields[i]!;
      const content = value[field.name];
      if (content === undefined) continue;
      seen++;
      if (content === null) continue;
      const written = field.write(content);
      if (written === NOTHING || written === field.omitted) continue;
      text += text === '' ? field.label + written : ',' + field.label + written;
    }
    // A name that the contract lacks is content all the same: two states that differ in it must not look equal.
    for (const _ in value) seen--;
    return seen === 0 ? `{${text}}` : writeWithUnknown(value, fields, known);
  };
}

function writeWithUnknown(
  value: JsonObject,
  fields: readonly FieldWriter[],
  known: ReadonlySet<string>,
): string {
  const unknown = Object.keys(value).filter((name) => !known.has(name));
  const writers = unknown.map((name) => ({
    name,
    label: `${JSON.stringify(name)}:`,
    write: writeAny,
    omitted: NOTHING,
  }));
  const all = [...fields, ...writers].sort((a, b) => (a.name < b.name ? -1 : 1));
  const parts = all.map((field) => {
    const content = value[field.name];
    const written = content === undefined || content === null ? NOTHING : field.write(content);
    return written === NOTHING || written === field.omitted ? NOTHING : field.label + written;
  });
  return `{${parts.filter((part) => part !== NOTHING).join(',')}}`;
}

interface Element {
  readonly key: number | string;
  readonly text: string;
}

function listWriter(write: Writer, key: string | null): Writer {
  return (value) => {
    if (!isList(value)) return writeAny(value);
    if (value.length === 0) return NOTHING;
    if (value.length === 1) return `[${shown(value[0]!, write(value[0]!))}]`;
    const elements = value.map((item): Element => {
      const text = shown(item, write(item));
      const own = key === null ? item : isObject(item) ? item[key] : null;
      return { key: sortKey(own ?? null), text };
    });
    elements.sort((a, b) => compareKeys(a.key, b.key) || compareKeys(a.text, b.text));
    const texts = elements.map((element) => element.text);
    // A set holds a value once.
    return `[${(key === null ? texts.filter((text, i) => text !== texts[i - 1]) : texts).join(',')}]`;
  };
}

function sortKey(value: Json): number | string {
  if (typeof value === 'number') return value;
  if (typeof value === 'string') return cleaned(value);
  return value === null ? '' : writeAny(value);
}

/** Numbers by value, before texts by their UTF-16 code units (as RFC 8785 orders names). */
function compareKeys(a: number | string, b: number | string): number {
  if (typeof a === typeof b) return a < b ? -1 : a > b ? 1 : 0;
  return typeof a === 'number' ? -1 : 1;
}

function mapWriter(write: Writer): Writer {
  return (value) => (isObject(value) ? writeEntries(value, write) : writeAny(value));
}

function writeEntries(value: JsonObject, write: Writer): string {
  const names = Object.keys(value).sort();
  let text = '';
  for (const name of names) {
    const content = value[name];
    if (content === undefined || content === null) continue;
    const written = `${JSON.stringify(name)}:${shown(content, write(content))}`;
    text += text === '' ? written : ',' + written;
  }
  return text === '' ? NOTHING : `{${text}}`;
}

function writeAny(value: Json): string {
  if (typeof value === 'string') return writeString(value);
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  if (isList(value))
    return value.length === 0 ? NOTHING : `[${value.map((item) => shown(item, writeAny(item))).join(',')}]`;
  return writeEntries(value, writeAny);
}

const PLAIN = /^[ !#-[\]-~]*$/;

function writeString(value: string): string {
  return PLAIN.test(value) ? `"${value}"` : JSON.stringify(cleaned(value));
}

/** NFC; half a surrogate pair becomes U+FFFD, as it does in the UTF-8 that travels. */
function cleaned(value: string): string {
  return value.toWellFormed().normalize('NFC');
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
