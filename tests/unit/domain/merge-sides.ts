import { digestOf, sealOf } from '../../../src/domain/canonical.ts';
import type { ConflictDraft } from '../../../src/domain/conflict.ts';
import { HUB } from '../../../src/domain/event.ts';
import type { JsonObject } from '../../../src/domain/json.ts';
import {
  findBase,
  hubEditsBeside,
  hubStatesAbove,
  isAtMost,
  mergedRevision,
  type HistoryEntry,
} from '../../../src/domain/merge-base.ts';
import { mergeStates, type MergeInput } from '../../../src/domain/merge-states.ts';
import { compareRevisions, nextRevision, type Revision } from '../../../src/domain/revision.ts';
import { kinds } from './setup.ts';

const kind = kinds.constat;

export interface Message {
  readonly id: string;
  readonly revision: Revision;
  readonly state: JsonObject;
}

export interface Outcome {
  readonly outcome: 'applied' | 'merged' | 'stale';
  readonly conflicts: readonly ConflictDraft[];
}

export type Change = (state: JsonObject) => JsonObject;

/** Two sides that hold the same constat at (1,0), with nothing between them but the messages a test hands over: SYNC.md's
 *  rules 4 to 9 for the hub, and a provider's whole duty. */
export function setup(
  start: JsonObject,
  rules: Partial<Pick<MergeInput, 'owner' | 'createdBy'>> & { pruned?: boolean } = {},
) {
  const owner = rules.owner ?? (() => 'provider' as const);
  const createdBy = rules.createdBy ?? HUB;
  const first: Message = { id: 'start', revision: { [HUB]: 1 }, state: start };
  return { hub: hubSide(first, owner, createdBy, rules.pruned ?? false), provider: providerSide(first) };
}

function providerSide(first: Message) {
  let held = first;
  let writer = 'saa';
  let edits = 0;
  return {
    edit(change: Change): Message {
      const revision = nextRevision(held.revision, writer);
      held = { id: `${writer}-${++edits}`, revision, state: change(held.state) };
      return held;
    },
    /** Applies what dominates, ignores the rest. */
    receive(message: Message): void {
      if (compareRevisions(message.revision, held.revision) === 'dominates') held = message;
    },
    restore(backup: Message, newWriter: string): void {
      held = backup;
      writer = newWriter;
    },
    held: () => held,
  };
}

function hubSide(first: Message, owner: MergeInput['owner'], createdBy: string, pruned: boolean) {
  let held = first;
  let edits = 0;
  const messages = new Map([[first.id, first]]);
  const acceptedStates: Message[] = [];
  const history: HistoryEntry[] = [];
  const published: Message[] = [];
  const conflicts: ConflictDraft[] = [];
  const digest = (message: Message): string => digestOf(message.state, kind.shape);
  const keep = (message: Message, byHub: boolean, accepted = true, edit = false): void => {
    messages.set(message.id, message);
    if (accepted) acceptedStates.push(message);
    const { id: eventId, revision } = message;
    history.push({ eventId, revision, byHub, accepted, edit, pruned, digest: digest(message) });
  };
  keep(first, true, true, true);

  const publish = (state: JsonObject, revision: Revision, edit = false): Message => {
    held = { id: `hub-${++edits}`, revision, state };
    keep(held, true, true, edit);
    published.push(held);
    return held;
  };

  const hadSeal = (seen: Revision): boolean =>
    acceptedStates.some(
      ({ revision, state }) => isAtMost(revision, seen) && kind.sealedFront(state) !== null,
    );

  const merge = (message: Message): Outcome => {
    const base = findBase(history, held.revision, message.revision);
    const stateOf = (entry: HistoryEntry): JsonObject => messages.get(entry.eventId)!.state;
    const result = mergeStates({
      kind,
      base: base.kind === 'entry' ? stateOf(base.entry) : null,
      baseMissing: base.kind === 'missing',
      ours: held.state,
      hubStates: hubStatesAbove(history, base).map(stateOf),
      hubEdits: hubEditsBeside(history, base, message.revision).map(({ before, after }) => ({
        before: before === null ? {} : stateOf(before),
        after: stateOf(after),
      })),
      theirs: message.state,
      owner,
      provider: 'saa',
      createdBy,
      sealSeen:
        kind.sealedFront(held.state) !== null && base.kind === 'entry' && hadSeal(base.entry.revision),
    });
    const revision = mergedRevision(held.revision, message.revision);
    keep(message, false, false);
    publish(result.state, revision);
    conflicts.push(...result.conflicts);
    return { outcome: 'merged', conflicts: result.conflicts };
  };

  const isReused = (message: Message): boolean => {
    const same = history.filter((entry) => compareRevisions(entry.revision, message.revision) === 'equal');
    return same.length > 0 && same.every((entry) => entry.digest !== digest(message));
  };

  return {
    edit: (change: Change): Message => {
      const state = change(held.state);
      const hash = sealOf(kind, state);
      const sealed = hash === null ? state : { ...state, sealedContentHash: hash };
      return publish(sealed, nextRevision(held.revision, HUB), true);
    },
    receive(message: Message): Outcome {
      const order = compareRevisions(message.revision, held.revision);
      if (order === 'concurrent' || isReused(message)) return merge(message);
      if (order !== 'dominates') return { outcome: 'stale', conflicts: [] };
      const stored = { status: kind.status(held.state), seal: sealOf(kind, held.state), createdBy };
      const seal = sealOf(kind, message.state, stored);
      if (kind.refusedChanges(stored, message.state, seal, 'saa').length > 0) return merge(message);
      keep(message, false);
      held = message;
      return { outcome: 'applied', conflicts: [] };
    },
    held: () => held,
    published,
    conflicts,
  };
}

/** The same content, whatever the order of lists and fields. */
export function content(state: JsonObject): string {
  return digestOf(state, kind.shape);
}
