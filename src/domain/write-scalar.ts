import { Buffer } from 'node:buffer';

/** Room that a canonical form is written into. What goes beyond its end is dropped: whoever ends above `limit` has to start
 *  again with more room. */
export interface Room {
  readonly bytes: Buffer;
  readonly view: DataView;
  readonly limit: number;
}

/** Writes a value at `at` and says where it ends. */
export type Writer<T> = (value: T, room: Room, at: number) => number;

/** How much still fits above the limit. */
export const SLACK_BYTES = 1_024;

const QUOTE = 0x22;
const ESCAPED = 1;
/** 1 for the ASCII characters that JSON has to escape. */
const ASCII = Uint8Array.from({ length: 0x80 }, (_, code) =>
  JSON.stringify(String.fromCharCode(code)).length === 3 ? 0 : ESCAPED,
);

export function makeRoom(limit: number): Room {
  const bytes = Buffer.alloc(limit + SLACK_BYTES);
  return { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length), limit };
}

/** As a JSON string in NFC; half a surrogate pair becomes U+FFFD. Most texts are plain ASCII: one pass over them checks
 *  and copies, which is quicker than a call out of JavaScript for each. */
export const writeString: Writer<string> = (text, room, at) => {
  const { bytes } = room;
  const from = at + 1;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code >= 0x80 || ASCII[code] === ESCAPED) return writeWide(text, room, at);
    bytes[from + i] = code;
  }
  const end = from + text.length;
  bytes[at] = QUOTE;
  bytes[end] = QUOTE;
  return end + 1;
};

const writeWide: Writer<string> = (text, room, at) => {
  const { bytes } = room;
  let end = at;
  bytes[end++] = QUOTE;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x80) {
      if (ASCII[code] === ESCAPED) return writeText(Buffer.from(JSON.stringify(normalised(text))), room, at);
      bytes[end++] = code;
    } else if (!isSettled(code)) {
      return writeText(Buffer.from(JSON.stringify(normalised(text))), room, at);
    } else if (code < 0x800) {
      bytes[end++] = 0xc0 | (code >> 6);
      bytes[end++] = 0x80 | (code & 0x3f);
    } else {
      bytes[end++] = 0xe0 | (code >> 12);
      bytes[end++] = 0x80 | ((code >> 6) & 0x3f);
      bytes[end++] = 0x80 | (code & 0x3f);
    }
  }
  bytes[end++] = QUOTE;
  return end;
};

/** Whether NFC leaves the character as it is beside any other of these: Latin, Arabic letters, and the dashes, quotation
 *  marks and dots of running text. */
export function isSettled(code: number): boolean {
  return code < 0x300 || (code >= 0x61b && code <= 0x64a) || (code >= 0x2010 && code <= 0x2027);
}

/** NFC; half a surrogate pair becomes U+FFFD, as it does in the UTF-8 that travels. */
export function normalised(text: string): string {
  for (let i = 0; i < text.length; i++) {
    if (!isSettled(text.charCodeAt(i))) return text.toWellFormed().normalize('NFC');
  }
  return text;
}

/** As JSON has it: the shortest digits that read as the same number. */
export const writeNumber: Writer<number> = (value, room, at) => {
  if (value >= 0 && value < 10 && Number.isInteger(value)) {
    room.bytes[at] = 0x30 + value;
    return at + 1;
  }
  return writeAscii(Number.isFinite(value) ? String(value) : 'null', room, at);
};

/** As it stands. */
export const writeAscii: Writer<string> = (text, { bytes }, at) => {
  for (let i = 0; i < text.length; i++) bytes[at + i] = text.charCodeAt(i);
  return at + text.length;
};

/** As it stands, in UTF-8. */
export const writeText: Writer<Buffer> = (text, { bytes }, at) => {
  if (at + text.length <= bytes.length) bytes.set(text, at);
  return at + text.length;
};
