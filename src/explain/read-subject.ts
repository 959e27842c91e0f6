import type { RecordPosition } from '../domain/explanation.ts';

/** What somebody asks about. */
export type Subject =
  | { readonly is: 'position'; readonly position: RecordPosition }
  /** An entity or an event; `kind` when it was said. */
  | { readonly is: 'id'; readonly id: string; readonly kind: string | null }
  | { readonly is: 'reference'; readonly text: string };

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const POSITION = /^(.+)[/:](\d{1,9})[/@:](\d{1,18})$/;

/** `topic/partition/offset` (also `topic/partition@offset`, as logs write it) of a topic that exists, an id with or without
 *  its kind (`constat/0195…`), else a reference: a reference may look like anything. */
export function readSubject(
  text: string,
  exists: { readonly topic: (name: string) => boolean; readonly kind: (name: string) => boolean },
): Subject {
  const trimmed = text.trim();
  const [, topic, partition, offset] = POSITION.exec(trimmed) ?? [];
  if (topic !== undefined && exists.topic(topic)) {
    return {
      is: 'position',
      position: { topic, partition: Number(partition), offset: BigInt(offset!) },
    };
  }
  if (UUID.test(trimmed)) return { is: 'id', id: trimmed.toLowerCase(), kind: null };
  const slash = trimmed.indexOf('/');
  const [kind, id] = [trimmed.slice(0, slash), trimmed.slice(slash + 1)];
  if (slash > 0 && exists.kind(kind) && UUID.test(id)) return { is: 'id', id: id.toLowerCase(), kind };
  return { is: 'reference', text: trimmed };
}
