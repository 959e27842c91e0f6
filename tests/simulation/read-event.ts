import type { Buffer } from 'node:buffer';
import type { Content, Counters } from './provider-model.ts';

/** An event as the harness reads it. Nobody changes it: it is shared. */
export interface ReadEvent {
  readonly meta: { readonly entityId: string; readonly origin: string; readonly revision: Counters };
  readonly state: Content;
}

const known = new WeakMap<Buffer, ReadEvent>();

export function readEvent(bytes: Buffer): ReadEvent {
  let event = known.get(bytes);
  if (event === undefined) known.set(bytes, (event = JSON.parse(bytes.toString()) as ReadEvent));
  return event;
}

export const stateOf = ({ bytes }: { readonly bytes: Buffer }): Content => readEvent(bytes).state;
