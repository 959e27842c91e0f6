import { PlatformError } from './platform-error.ts';

export interface CursorPosition {
  readonly updatedAt: string;
  readonly id: string;
}

const SHAPE = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z)~([0-9a-f-]{36})$/;

/** Opaque to callers: where the last page ended, in the order (updatedAt, id). */
export function writeCursor({ updatedAt, id }: CursorPosition): string {
  return Buffer.from(`${updatedAt}~${id}`).toString('base64url');
}

export function readCursor(text: string): CursorPosition {
  const match = SHAPE.exec(Buffer.from(text, 'base64url').toString('latin1'));
  if (!match) throw new PlatformError(400, 'BAD_CURSOR', 'The cursor is not one of ours.');
  return { updatedAt: match[1]!, id: match[2]! };
}
