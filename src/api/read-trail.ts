import { randomUUID } from 'node:crypto';
import type { Trail } from './endpoint.ts';

const TOKEN = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$/;
const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

/** Continues the caller's trail where it is well formed, and begins a new one where not: a bad trace header is no reason
 *  to refuse an edit (W3C Trace Context, section 3.2). */
export function readTrail(
  headers: { readonly correlationId: string | undefined; readonly traceparent: string | undefined },
  newId: () => string,
): Trail {
  const { correlationId, traceparent } = headers;
  return {
    correlationId: correlationId !== undefined && TOKEN.test(correlationId) ? correlationId : newId(),
    traceparent: traceparent !== undefined && isTraceparent(traceparent) ? traceparent : newTraceparent(),
  };
}

/** Version 00 has exactly four fields; later versions may append some; ff and all-zero ids are forbidden. */
export function isTraceparent(text: string): boolean {
  if (text.length > 256) return false;
  const [, version, traceId, parentId, , more] = TRACEPARENT.exec(text) ?? [];
  if (version === undefined || traceId === undefined || parentId === undefined) return false;
  if (version === 'ff' || (version === '00' && more !== undefined)) return false;
  return !/^0+$/.test(traceId) && !/^0+$/.test(parentId);
}

/** Of two UUIDs, for which Node keeps random bytes in store: asking the system for them costs more than all the rest. */
function newTraceparent(): string {
  const [trace, parent] = [randomUUID(), randomUUID()].map((uuid) => uuid.replaceAll('-', ''));
  return `00-${trace}-${parent!.slice(16)}-01`;
}
