import type { Buffer } from 'node:buffer';
import type { Json, JsonObject } from './json.ts';
import { SLACK_BYTES, writeString, type Room, type Writer } from './write-scalar.ts';

/** A field of a record, ready to be written. */
export interface FieldWriter {
  readonly name: string;
  /** The quoted name and its colon. */
  readonly label: Buffer;
  readonly writer: Writer<Json>;
  /** Canonical bytes of the default; empty where there is none. */
  readonly omitted: Buffer;
  /** False for a field that may be there and is never written. */
  readonly isContent: boolean;
}

/** Writes those fields of the record that have content, each with a comma behind it. Undefined when the record has a field
 *  of another name too. */
type FieldsWriter = (record: JsonObject, room: Room, at: number) => number | undefined;

/** The loop over the fields of one record, in the order given, unrolled into generated code. The reason is speed: every
 *  event that comes in is digested, and a loop that serves all records has to look up each field by its name, where a
 *  function that serves one kind of record finds it at a fixed place (avsc reads in the same way). Nothing but names and
 *  labels of our own contracts goes into the code, as literals. The unit tests compare what comes out with a general
 *  RFC 8785 library. */
export function compileFields(fields: readonly FieldWriter[]): FieldsWriter {
  const tooLong = fields.find(({ label }) => label.length > SLACK_BYTES / 2);
  if (tooLong !== undefined) throw new Error(`the field name ${tooLong.name.slice(0, 40)}… is too long`);
  const writers = fields.map(({ writer }) => writer);
  const defaults = fields.map(({ omitted }) => omitted);
  // eslint-disable-next-line @typescript-eslint/no-implied-eval -- the docstring above says why
  const bind = new Function(
    ...['writers', 'defaults', 'writeString', 'equals'],
    `return function writeFields(record, room, at) {
      const { bytes, view, limit } = room;
      let names = 0, content, from, end;
      ${fields.map(unrollField).join('')}
      for (const _ in record) names--;
      return names === 0 ? at : undefined;
    };`,
  ) as (...bound: readonly unknown[]) => FieldsWriter;
  return bind(writers, defaults, writeString, equals);
}

function unrollField({ name, label, omitted, isContent }: FieldWriter, i: number): string {
  const isDefault = omitted.length > 0 ? `|| equals(bytes, from, end, defaults[${i}])` : '';
  const writeContent = `
    if (content !== null) {
      if (at > limit) return at;
      ${storeLabel(label)}
      from = at + ${label.length};
      end = typeof content === 'string' ? writeString(content, room, from) : writers[${i}](content, room, from);
      if (!(end === from ${isDefault})) {
        bytes[end] = 0x2c;
        at = end + 1;
      }
    }`;
  return `
    content = record[${JSON.stringify(name)}];
    if (content !== undefined) {
      names++; ${isContent ? writeContent : ''}
    }`;
}

/** Four bytes at a time; what the last of them is too long, the value writes over. */
function storeLabel(label: Buffer): string {
  const words = Math.ceil(label.length / 4);
  const padded = label.toString().padEnd(4 * words);
  const word = (i: number) => [0, 1, 2, 3].reduce((bits, j) => (bits << 8) | padded.charCodeAt(4 * i + j), 0);
  return Array.from({ length: words }, (_, i) => `view.setInt32(at + ${4 * i}, ${word(i)});`).join(' ');
}

/** Whether the bytes from `from` to `to` are these. */
export function equals(bytes: Buffer, from: number, to: number, those: Buffer): boolean {
  if (to - from !== those.length) return false;
  for (let i = 0; i < those.length; i++) if (bytes[from + i] !== those[i]) return false;
  return true;
}
