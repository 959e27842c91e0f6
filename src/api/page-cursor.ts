import * as z from 'zod';

/** Where a list goes on: after this row. */
export interface ListPosition {
  readonly updatedAtMs: number;
  readonly id: string;
}

const listCursor = z.strictObject({ u: z.int().min(0).max(253_402_300_799_999), i: z.guid() });
const historyCursor = z.strictObject({ s: z.string().regex(/^[0-9]{1,19}$/) });
const rowCursor = z.strictObject({ c: z.string().regex(/^[1-9][0-9]{0,17}$/) });

/** Cursors are opaque to clients: base64url of a little JSON. They carry no personal data and grant nothing: the
 *  caller's rights and the filters are applied anew on every page. */
export function listCursorOf(position: ListPosition): string {
  return pack({ u: position.updatedAtMs, i: position.id });
}

/** Undefined when the text is not a cursor that `listCursorOf` made. */
export function readListCursor(text: string): ListPosition | undefined {
  const read = listCursor.safeParse(unpack(text));
  return read.success ? { updatedAtMs: read.data.u, id: read.data.i } : undefined;
}

export function historyCursorOf(sequence: bigint): string {
  return pack({ s: sequence.toString() });
}

/** Undefined when the text is not a cursor that `historyCursorOf` made. */
export function readHistoryCursor(text: string): bigint | undefined {
  const read = historyCursor.safeParse(unpack(text));
  if (!read.success) return undefined;
  const sequence = BigInt(read.data.s);
  return sequence <= 9_223_372_036_854_775_807n ? sequence : undefined;
}

export function rowCursorOf(id: string): string {
  return pack({ c: id });
}

/** Undefined when the text is not a cursor that `rowCursorOf` made. */
export function readRowCursor(text: string): string | undefined {
  const read = rowCursor.safeParse(unpack(text));
  return read.success ? read.data.c : undefined;
}

function pack(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function unpack(text: string): unknown {
  try {
    return JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));
  } catch {
    return undefined;
  }
}
