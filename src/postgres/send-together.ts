import type { Writable } from 'node:stream';
import type pg from 'pg';

/** What `send` hands to the connection before it returns goes out in one write: pg writes each statement by itself, and a
 *  call of the operating system costs more than the statement. */
export function sendTogether<T>(client: pg.ClientBase, send: () => T): T {
  // Not in the types of pg, which has it public and documents it nowhere.
  const { stream } = (client as unknown as { readonly connection: { readonly stream: Writable } }).connection;
  stream.cork();
  try {
    return send();
  } finally {
    stream.uncork();
  }
}
