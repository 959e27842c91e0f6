import { Buffer, isUtf8 } from 'node:buffer';
import { MAX_LONG, readUuid, Unreadable } from './logical-values.ts';

const NOTHING = Buffer.alloc(0);
/** A block of a list that does not say its size. */
const UNSIZED = -1;
/** V8 copies a part that is shorter. */
const COPIED_BELOW = 13;

/** Avro bytes and how far they are read (Avro specification, Binary Encoding). Trusts nothing: before a length or count is
 *  followed it is known to lie inside the bytes. Every method throws Unreadable at the first fault. */
export class AvroInput {
  /** Where the block of a list ends whose count was read last. */
  blockEnd = UNSIZED;
  #bytes: Buffer = NOTHING;
  #at = 0;
  /** Each byte as one character. */
  #text = '';

  open(bytes: Buffer): void {
    this.#bytes = bytes;
    this.#at = 0;
    this.#text = bytes.toString('latin1');
  }

  close(): void {
    this.#bytes = NOTHING;
    this.#text = '';
  }

  isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  /** A zig-zag varint. In float arithmetic, which is exact up to twice MAX_LONG; what is greater is refused. */
  long(): number {
    const first = this.#bytes[this.#at];
    // Most lengths, branches and symbols take one byte.
    if (first !== undefined && first < 0x80) {
      this.#at++;
      return (first >>> 1) ^ -(first & 1);
    }
    return this.#longOfSeveralBytes();
  }

  #longOfSeveralBytes(): number {
    let value = 0;
    let factor = 1;
    for (let length = 0; length < 10; length++) {
      const byte = this.#bytes[this.#at];
      if (byte === undefined) throw new Unreadable('the bytes end inside the record');
      this.#at++;
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) {
        const long = value % 2 === 0 ? value / 2 : -(value + 1) / 2;
        if (long > MAX_LONG || long < -MAX_LONG) throw new Unreadable('a whole number lies beyond 2^52');
        return long;
      }
      factor *= 128;
    }
    throw new Unreadable('a whole number is longer than 64 bits');
  }

  int(): number {
    const value = this.long();
    if (value !== (value | 0)) throw new Unreadable('an int has more than 32 bits');
    return value;
  }

  /** One of `count` choices: the branch of a union, the symbol of an enum. */
  choice(count: number, what: string): number {
    const index = this.long();
    if (index < 0 || index >= count)
      throw new Unreadable(`${what} has a value that the writer's schema does not have`);
    return index;
  }

  boolean(): boolean {
    const value = this.#bytes[this.#skip(1)]!;
    if (value > 1) throw new Unreadable("a boolean has a value that the writer's schema does not have");
    return value === 1;
  }

  float(): number {
    return finite(this.#bytes.readFloatLE(this.#skip(4)));
  }

  double(): number {
    return finite(this.#bytes.readDoubleLE(this.#skip(8)));
  }

  /** A view of the bytes that are read. */
  fixed(size: number): Buffer {
    const start = this.#skip(size);
    return this.#bytes.subarray(start, this.#at);
  }

  string(): string {
    const start = this.#skip(this.long());
    const end = this.#at;
    for (let i = start; i < end; i++) if (this.#bytes[i]! >= 0x80) return this.#wide(start, end);
    return this.#ascii(start, end);
  }

  /** A short part of a text is a copy and costs no call out of JavaScript; a longer one would be a view that keeps the whole
   *  text, and is slower to walk over than a string of its own. */
  #ascii(start: number, end: number): string {
    return end - start < COPIED_BELOW
      ? this.#text.substring(start, end)
      : this.#bytes.toString('latin1', start, end);
  }

  #wide(start: number, end: number): string {
    const text = this.#bytes.toString('utf8', start, end);
    // What can't be read shows as U+FFFD, which a text may also contain.
    if (text.includes('\u{fffd}') && !isUtf8(this.#bytes.subarray(start, end)))
      throw new Unreadable('a string is not UTF-8');
    return text;
  }

  uuid(): string {
    const start = this.#skip(this.long());
    return isUuid(this.#bytes, start, this.#at)
      ? this.#ascii(start, this.#at)
      : readUuid(this.#wide(start, this.#at));
  }

  /** How many elements the next block of an array or map has; 0 at its end. */
  count(): number {
    const count = this.long();
    if (count < 0) {
      const size = this.long();
      this.blockEnd = this.#at + size;
    } else this.blockEnd = UNSIZED;
    const elements = Math.abs(count);
    // No element of any contract takes less than a byte.
    if (elements > this.#bytes.length - this.#at) throw new Unreadable('a list is longer than the bytes');
    return elements;
  }

  /** `end` is what `blockEnd` was before the elements were read. */
  endBlock(end: number): void {
    if (end !== UNSIZED && end !== this.#at)
      throw new Unreadable('a block of a list has another size than it says');
  }

  #skip(length: number): number {
    const start = this.#at;
    if (length < 0 || length > this.#bytes.length - start)
      throw new Unreadable('the bytes end inside the record');
    this.#at = start + length;
    return start;
  }
}

function finite(value: number): number {
  if (!Number.isFinite(value)) throw new Unreadable('a number is infinite or no number');
  return value;
}

const [DASH, DIGIT, OTHER] = [1, 2, 0];
/** What a byte may stand for in a uuid in small letters. */
const UUID_BYTES = Uint8Array.from({ length: 256 }, (_, byte) => {
  const character = String.fromCharCode(byte);
  return character === '-' ? DASH : /[0-9a-f]/.test(character) ? DIGIT : OTHER;
});
const UUID_SHAPE = Uint8Array.from('xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx', (mark) =>
  mark === '-' ? DASH : DIGIT,
);

/** Whether a uuid in small letters stands there, in its one spelling. */
function isUuid(bytes: Buffer, start: number, end: number): boolean {
  if (end - start !== UUID_SHAPE.length) return false;
  for (let i = 0; i < UUID_SHAPE.length; i++)
    if (UUID_BYTES[bytes[start + i]!] !== UUID_SHAPE[i]) return false;
  return true;
}
