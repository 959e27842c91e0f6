import { Buffer } from 'node:buffer';
import type { CanonicalShape } from './canonical.ts';
import { compileFields, equals, type FieldWriter } from './compile-fields.ts';
import type { Json, JsonObject } from './json.ts';
import {
  makeRoom,
  normalised,
  writeAscii,
  writeNumber,
  writeString,
  writeText,
  type Room,
  type Writer,
} from './write-scalar.ts';

/** The walker behind the canonical form. Every event that comes in is digested, so a shape is compiled once into writers
 *  with sorted, quoted names, and they write bytes, since bytes are what is hashed. A writer that leaves `at` where it was
 *  has written nothing: an empty list or map has no text, so that a field which holds one is left out. */
type ValueWriter = Writer<Json>;

/** Fields of a state that say when it was written, not what it says. */
const TIMESTAMPS: readonly string[] = ['createdAt', 'updatedAt'];
const NOTHING = Buffer.alloc(0);
const COMMA = 0x2c;
const [LIST, END_OF_LIST, RECORD, END_OF_RECORD] = [0x5b, 0x5d, 0x7b, 0x7d];

/** Most states fit; one that doesn't gets a room of its own. */
const ROOM = makeRoom(32_768);

const values = new WeakMap<CanonicalShape, ValueWriter>();
const states = new WeakMap<CanonicalShape, ValueWriter>();

/** The canonical bytes of a part of a state; they stand until the next call. */
export function writeValue(value: Json, shape: CanonicalShape): Buffer {
  return write(value, compiled(values, shape, buildWriter));
}

/** As `writeValue`, without the timestamps of the outermost record. */
export function writeState(value: Json, shape: CanonicalShape): Buffer {
  return write(value, compiled(states, shape, buildStateWriter));
}

function write(value: Json, writer: ValueWriter): Buffer {
  for (let room = ROOM; ;) {
    const end = writeShown(value, writer, room, 0);
    if (end <= room.limit) return room.bytes.subarray(0, end);
    room = makeRoom(2 * end);
  }
}

/** Where nothing can't be left out, it has a text. */
function writeShown(value: Json, writer: ValueWriter, room: Room, at: number): number {
  const end = writer(value, room, at);
  return end === at ? writeAscii(isList(value) ? '[]' : '{}', room, at) : end;
}

function compiled(
  cache: WeakMap<CanonicalShape, ValueWriter>,
  shape: CanonicalShape,
  build: (shape: CanonicalShape) => ValueWriter,
): ValueWriter {
  let writer = cache.get(shape);
  if (writer === undefined) cache.set(shape, (writer = build(shape)));
  return writer;
}

function buildWriter(shape: CanonicalShape): ValueWriter {
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

function buildStateWriter(shape: CanonicalShape): ValueWriter {
  if (shape.type !== 'record') return compiled(values, shape, buildWriter);
  const fields = fieldWriters(shape.fields).filter((field) => !TIMESTAMPS.includes(field.name));
  const timestamps = TIMESTAMPS.map((name) => ({ ...unknownField(name), isContent: false }));
  return recordWriter([...fields, ...timestamps]);
}

type Fields = Extract<CanonicalShape, { type: 'record' }>['fields'];

function fieldWriters(fields: Fields): FieldWriter[] {
  return Object.entries(fields)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, field]) => {
      const writer = compiled(values, field.shape, buildWriter);
      const { default: omitted = null } = field;
      return {
        ...unknownField(name),
        writer,
        omitted: omitted === null ? NOTHING : bytesOf(omitted, writer),
      };
    });
}

function bytesOf(value: Json, writer: ValueWriter): Buffer {
  const room = makeRoom(ROOM.limit);
  return room.bytes.subarray(0, writer(value, room, 0));
}

function unknownField(name: string): FieldWriter {
  const label = Buffer.from(`${JSON.stringify(name)}:`);
  return { name, label, writer: writeAny, omitted: NOTHING, isContent: true };
}

function recordWriter(fields: readonly FieldWriter[]): ValueWriter {
  const writeFields = compileFields(fields);
  const known = new Map(fields.map((field) => [field.name, field]));
  return (value, room, at) => {
    if (!isObject(value)) return writeAny(value, room, at);
    const end = writeFields(value, room, at + 1);
    // A name that the contract lacks is content all the same: two states that differ in it must not look equal.
    return enclose(RECORD, END_OF_RECORD, room, at, end ?? writeEveryField(value, known, room, at + 1));
  };
}

function writeEveryField(
  value: JsonObject,
  known: ReadonlyMap<string, FieldWriter>,
  room: Room,
  at: number,
): number {
  for (const name of Object.keys(value).sort()) {
    const content = value[name] ?? null;
    const { label, writer, omitted, isContent } = known.get(name) ?? unknownField(name);
    if (content === null || !isContent) continue;
    const from = writeText(label, room, at);
    const end = writer(content, room, from);
    if (end !== from && !equals(room.bytes, from, end, omitted)) at = endElement(room, end);
  }
  return at;
}

/** Elements have a comma behind them each; the bracket takes the place of the last. */
function enclose(open: number, close: number, { bytes }: Room, at: number, end: number): number {
  const last = end === at + 1 ? end : end - 1;
  bytes[at] = open;
  bytes[last] = close;
  return last + 1;
}

function endElement({ bytes }: Room, at: number): number {
  bytes[at] = COMMA;
  return at + 1;
}

function listWriter(writer: ValueWriter, key: string | null): ValueWriter {
  const keyOf = (item: Json) => sortKey(key === null ? item : isObject(item) ? (item[key] ?? null) : null);
  return (value, room, at) => {
    if (!isList(value)) return writeAny(value, room, at);
    if (isStrictlyOrdered(value, keyOf)) return writeElements(value, writer, room, at);
    const sorted = value.toSorted((a, b) => compareKeys(keyOf(a), keyOf(b)));
    if (isStrictlyOrdered(sorted, keyOf)) return writeElements(sorted, writer, room, at);
    return writeTied(value, writer, keyOf, key === null, room, at);
  };
}

function isStrictlyOrdered(items: readonly Json[], keyOf: (item: Json) => number | string): boolean {
  if (items.length < 2) return true;
  let last = keyOf(items[0]!);
  for (let i = 1; i < items.length; i++) {
    const key = keyOf(items[i]!);
    if (compareKeys(last, key) !== -1) return false;
    last = key;
  }
  return true;
}

function writeElements(items: readonly Json[], writer: ValueWriter, room: Room, at: number): number {
  if (items.length === 0) return at;
  let end = at + 1;
  for (let i = 0; i < items.length; i++) end = endElement(room, writeShown(items[i]!, writer, room, end));
  return enclose(LIST, END_OF_LIST, room, at, end);
}

/** Elements with equal keys are ordered by their own text, and a set holds a value once. */
function writeTied(
  items: readonly Json[],
  writer: ValueWriter,
  keyOf: (item: Json) => number | string,
  isSet: boolean,
  room: Room,
  at: number,
): number {
  const elements: { readonly key: number | string; readonly text: string }[] = [];
  for (const item of items) {
    const end = writeShown(item, writer, room, at);
    if (end > room.limit) return end;
    elements.push({ key: keyOf(item), text: room.bytes.toString('utf8', at, end) });
  }
  elements.sort((a, b) => compareKeys(a.key, b.key) || compareKeys(a.text, b.text));
  let end = at + 1;
  elements.forEach(({ text }, i) => {
    if (!isSet || text !== elements[i - 1]?.text)
      end = endElement(room, writeText(Buffer.from(text), room, end));
  });
  return enclose(LIST, END_OF_LIST, room, at, end);
}

function sortKey(value: Json): number | string {
  if (typeof value === 'number') return value;
  if (typeof value === 'string') return normalised(value);
  return value === null ? '' : bytesOf(value, writeAny).toString();
}

/** Numbers by value, before texts by their UTF-16 code units (as RFC 8785 orders names). */
function compareKeys(a: number | string, b: number | string): number {
  if (typeof a === typeof b) return a < b ? -1 : a > b ? 1 : 0;
  return typeof a === 'number' ? -1 : 1;
}

function mapWriter(writer: ValueWriter): ValueWriter {
  return (value, room, at) =>
    isObject(value) ? writeEntries(value, writer, room, at) : writeAny(value, room, at);
}

function writeEntries(value: JsonObject, writer: ValueWriter, room: Room, at: number): number {
  let end = at + 1;
  for (const name of Object.keys(value).sort()) {
    const content = value[name] ?? null;
    if (content === null) continue;
    const from = writeText(Buffer.from(`${JSON.stringify(name)}:`), room, end);
    end = endElement(room, writeShown(content, writer, room, from));
  }
  return end === at + 1 ? at : enclose(RECORD, END_OF_RECORD, room, at, end);
}

function writeAny(value: Json, room: Room, at: number): number {
  if (typeof value === 'string') return writeString(value, room, at);
  if (typeof value === 'number') return writeNumber(value, room, at);
  if (value === null || typeof value === 'boolean') return writeAscii(String(value), room, at);
  return isList(value) ? writeElements(value, writeAny, room, at) : writeEntries(value, writeAny, room, at);
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
