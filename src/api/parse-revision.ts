import type { Revision } from '../domain/revision.ts';

export type ParsedRevision =
  { readonly ok: true; readonly revision: Revision } | { readonly ok: false; readonly reason: string };

const WRITER = /^[a-z][a-z0-9]{1,30}(\.[1-9][0-9]{0,8})?$/;
const COUNTER = /^[1-9][0-9]{0,15}$/;

/** Reads `eassurance:3,saa:2`, with or without the double quotes that make it an entity tag. Strict: one entry per
 *  writer, counters from 1, no spaces, no weak tags; the reason says which part is wrong. The order of the entries is
 *  free. */
export function parseRevision(text: string): ParsedRevision {
  if (text.startsWith('W/')) return no('a weak tag cannot name a revision; leave W/ out');
  if (text === '*') return no('"*" names no revision; send the one that you read');
  const quoted = text.startsWith('"');
  if (quoted !== (text.length > 1 && text.endsWith('"'))) return no('the double quotes do not match');
  const body = quoted ? text.slice(1, -1) : text;
  if (body === '') return no('it is empty');

  const revision: Record<string, number> = Object.create(null) as Record<string, number>;
  for (const entry of body.split(',')) {
    const [writer = '', counter = '', ...rest] = entry.split(':');
    if (rest.length > 0 || !WRITER.test(writer)) return no(`"${clip(entry)}" is not <writer>:<counter>`);
    if (!COUNTER.test(counter) || !Number.isSafeInteger(Number(counter))) {
      return no(`the counter of "${clip(writer)}" is not a whole number from 1`);
    }
    if (revision[writer] !== undefined) return no(`"${clip(writer)}" stands in it twice`);
    revision[writer] = Number(counter);
  }
  return { ok: true, revision: { ...revision } };
}

function no(reason: string): ParsedRevision {
  return { ok: false, reason };
}

function clip(text: string): string {
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}
