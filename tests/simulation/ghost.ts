import { atomsOf, type Atoms } from './constat-form.ts';
import type { Content, Counters } from './provider-model.ts';

/** What nobody in the system knows: which edit gave every value, and which edits stand behind every state. Sets of edits
 *  are bit masks. */
export type EditSet = bigint;

export interface Edit {
  readonly token: string;
  readonly bit: EditSet;
  readonly author: string;
  readonly entityId: string;
  /** The edits that its author had seen. */
  readonly past: EditSet;
  /** Atom → the value that it was given; null: taken away. */
  readonly sets: ReadonlyMap<string, string | null>;
}

export interface Lineage {
  readonly seen: EditSet;
  /** Atom → the edit that gave it its present value, or took it away. */
  readonly by: ReadonlyMap<string, Edit>;
}

export interface Ghost {
  /** An edit that is being tried; it counts once `made`. */
  intend(edit: Omit<Edit, 'bit'>): Edit;
  intended(token: string): Edit | undefined;
  make(edit: Edit): void;
  /** Every edit that was made and not lost together with the only database that knew it. */
  made(): readonly Edit[];
  /** A provider's database was set back: what had not left it is gone. */
  lose(edits: readonly Edit[]): void;
  /** Some of them come back with what has arrived after all. */
  revive(seen: EditSet): void;
  /** Notes what stands behind a state; null when the same state is already known with another lineage. */
  note(entityId: string, revision: Counters, state: Content, lineage: Lineage): void;
  lineage(entityId: string, revision: Counters, state: Content): Lineage | undefined;
}

export const NOTHING_SEEN: Lineage = { seen: 0n, by: new Map() };

export function createGhost(): Ghost {
  const intents = new Map<string, Edit>();
  const made = new Set<Edit>();
  const lost = new Set<Edit>();
  const states = new Map<string, Lineage>();
  let next = 0n;
  return {
    intend(edit) {
      const intent = { ...edit, bit: 1n << next++ };
      intents.set(edit.token, intent);
      return intent;
    },
    intended: (token) => intents.get(token),
    make: (edit) => void made.add(edit),
    made: () => [...made],
    lose: (edits) =>
      edits.forEach((edit) => {
        made.delete(edit);
        lost.add(edit);
      }),
    revive: (seen) =>
      lost.forEach((edit) => {
        if (includes(seen, edit.bit)) made.add(edit);
      }),
    note(entityId, revision, state, lineage) {
      const key = stateKey(entityId, revision, state);
      if (!states.has(key)) states.set(key, lineage);
    },
    lineage: (entityId, revision, state) => states.get(stateKey(entityId, revision, state)),
  };
}

/** The lineage after an edit on top of `before`. */
export function lineageAfter(before: Lineage, edit: Edit): Lineage {
  const by = new Map(before.by);
  for (const atom of edit.sets.keys()) by.set(atom, edit);
  return { seen: before.seen | edit.bit, by };
}

/** Atoms in which two states differ, with the values of the second. */
export function changesBetween(before: Atoms, after: Atoms): Map<string, string | null> {
  const changes = new Map<string, string | null>();
  for (const [atom, value] of after) if (before.get(atom) !== value) changes.set(atom, value);
  for (const atom of before.keys()) if (!after.has(atom)) changes.set(atom, null);
  return changes;
}

export const includes = (set: EditSet, subset: EditSet): boolean => (set & subset) === subset;

export function revisionText(revision: Counters): string {
  return Object.keys(revision)
    .sort()
    .map((writer) => `${writer}:${revision[writer]}`)
    .join(',');
}

/** The state's content as the harness reads it. */
export function contentText(state: Content): string {
  let text = texts.get(state);
  if (text === undefined) texts.set(state, (text = writeContent(state)));
  return text;
}

const texts = new WeakMap<Content, string>();

function writeContent(state: Content): string {
  return [...atomsOf(state)]
    .map(([atom, value]) => `${atom}=${value}`)
    .sort()
    .join(';');
}

function stateKey(entityId: string, revision: Counters, state: Content): string {
  return `${entityId}|${revisionText(revision)}|${contentText(state)}`;
}
