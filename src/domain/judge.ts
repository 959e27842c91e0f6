import { HUB, type EntityEvent } from './event.ts';
import { revisionFault } from './revision-fault.ts';
import type { EntityKind, StoredSummary } from './kind.ts';
import type { QuarantineCode } from './quarantine-code.ts';
import { compareRevisions, type Revision } from './revision.ts';

export { QUARANTINE_EXPLANATIONS, type QuarantineCode } from './quarantine-code.ts';

/** What the judgement needs of a stored entity: its row without the state. */
export interface JudgedEntity extends StoredSummary {
  readonly provider: string;
  readonly revision: Revision;
  readonly digest: string;
  readonly erased: boolean;
}

export interface JudgeInput {
  readonly kind: EntityKind;
  readonly event: EntityEvent;
  /** Digest of the event's state. */
  readonly digest: string;
  /** The hub's own hash of the front of the event's state, as if sealed: `sealOf(kind, state, stored)`. */
  readonly seal: string | null;
  readonly source: 'topic' | 'pull';
  /** The provider that the topic or API belongs to. */
  readonly topicProvider: string;
  /** Origins that may write the topic. */
  readonly writers: readonly string[];
  /** Every writer id ever allotted to the provider. */
  readonly allottedWriterIds: readonly string[];
  /** The entity as read; null when there is none. */
  readonly stored: JudgedEntity | null;
  /** The settled event with the same id; null when there is none. */
  readonly known: { readonly digest: string; readonly origin: string; readonly entityId: string } | null;
  /** Digests that the history holds for this entity at exactly this revision. Needed where `needsHistory` says so; null
   *  counts as none. */
  readonly history: ReadonlySet<string> | null;
  /** The highest `eassurance` counter that we issued for the entity. */
  readonly issued: number;
}

/** Why a merge is asked for: both sides edited (rule 9), a newer state takes what is not its right (rule 8), a counter was
 *  used twice (rule 6), or a newer state was written with another version of the contract, so that what it lacks has to be
 *  taken from the stored one (Schema skew); where nothing was lacking, such a state is applied as it is. */
export type MergeReason = 'concurrent' | 'corrective' | 'reused' | 'skewed';

export type Judgement =
  | { readonly outcome: 'applied' | 'duplicate' | 'echo' | 'stale' }
  | { readonly outcome: 'merged'; readonly why: MergeReason }
  | { readonly outcome: 'quarantined'; readonly code: QuarantineCode; readonly cause: string };

type Rule = (input: JudgeInput) => Judgement | null;

/** What the hub does with one event, given what was read (SYNC.md, What the hub does with an event). The first rule that
 *  has an answer gives it; the order is the protocol's. Pure, and total over every event that can be decoded. Causes
 *  carry no personal data. */
export function judge(input: JudgeInput): Judgement {
  for (const rule of RULES) {
    const judgement = rule(input);
    if (judgement !== null) return judgement;
  }
  return byRevision(input);
}

/** True when the revision is the stored one or an older one, so that only the history can tell a repetition from a
 *  counter that was used twice (rules 5 and 6). */
export function needsHistory(stored: { readonly revision: Revision }, revision: Revision): boolean {
  const order = compareRevisions(revision, stored.revision);
  return order === 'equal' || order === 'dominated';
}

/** Rule 1: can't be read. */
const unreadable: Rule = ({ kind, event: { meta, state } }) => {
  if (state[kind.idField] === meta.entityId) return null;
  return quarantined(
    'UNDECODABLE',
    `The meta record names another entity than ${kind.idField} of the state.`,
  );
};

/** Rule 1: a revision that can't be one. */
const invalidRevision: Rule = (input) => {
  const cause = revisionFault(input.event, {
    allotted: input.allottedWriterIds,
    // Writer ids are allotted per provider: of an event that is not this provider's, rule 2 says what is wrong.
    attributable: foreign(input) === null,
    // What a provider's API returns may be our own revision, and what we republish the provider's; else an event is its
    // author's edit.
    authored: input.source === 'topic' && !(input.event.meta.replay && input.known?.origin === HUB),
  });
  return cause === null ? null : quarantined('REVISION_INVALID', cause);
};

/** Rule 2: entity, origin or topic of another provider. */
const ofAnotherProvider: Rule = (input) => {
  const cause = foreign(input);
  return cause === null ? null : quarantined('WRONG_PROVIDER', cause);
};

function foreign({
  event: { meta, state },
  source,
  stored,
  topicProvider,
  writers,
}: JudgeInput): string | null {
  const owner = `${source === 'topic' ? 'The topic' : 'The API'} belongs to ${topicProvider}`;
  if (meta.providerId !== topicProvider) return `${owner}, the event to another provider.`;
  if (state['providerId'] !== topicProvider) return `${owner}, the state to another provider.`;
  if (stored !== null && stored.provider !== topicProvider)
    return `${owner}, the entity to ${stored.provider}.`;
  if (meta.origin === HUB) return null;
  if (meta.origin !== topicProvider) return `${owner}, the edit comes from another writer.`;
  if (source === 'topic' && !writers.includes(meta.origin))
    return `${topicProvider} may not write this topic.`;
  return null;
}

/** Rule 2: origin eassurance with an event id that we never sent. A pulled record has an id of the hub's own making. */
const neverSent: Rule = ({ event: { meta }, source, known }) => {
  if (source !== 'topic' || meta.origin !== HUB || known?.origin === HUB) return null;
  return quarantined('ORIGIN_UNKNOWN', 'The event claims to be ours, but we never sent one with its id.');
};

/** Rule 2: event id known with another content. */
const idReused: Rule = ({ event: { meta }, digest, known }) => {
  if (known === null || (known.digest === digest && known.entityId === meta.entityId)) return null;
  return quarantined('EVENT_ID_REUSED', 'An event with this id was settled before, with another content.');
};

/** Rule 2: `eassurance` counter above any we issued for the entity. */
const fromFuture: Rule = ({ event: { meta }, issued }) => {
  const counter = meta.revision[HUB] ?? 0;
  if (counter <= issued) return null;
  return quarantined(
    'REVISION_FROM_FUTURE',
    `The revision counts ${counter} edits by ${HUB}; we issued ${issued}.`,
  );
};

/** Rule 3: event id already settled; ours come back as echoes. */
const settledBefore: Rule = ({ event: { meta }, known }) => {
  if (known === null) return null;
  return { outcome: meta.origin === HUB ? 'echo' : 'duplicate' };
};

/** Rule 3: an erased entity stays erased. */
const erased: Rule = ({ stored }) => (stored?.erased ? { outcome: 'stale' } : null);

const RULES: readonly Rule[] = [
  unreadable,
  invalidRevision,
  ofAnotherProvider,
  neverSent,
  idReused,
  fromFuture,
  settledBefore,
  erased,
];

/** Rules 4 to 9: how the revision stands to what is stored. */
function byRevision(input: JudgeInput): Judgement {
  const { event, stored } = input;
  // Rule 4: first of its entity.
  if (stored === null) return { outcome: 'applied' };
  switch (compareRevisions(event.meta.revision, stored.revision)) {
    case 'equal':
      return repeated(input, stored);
    case 'dominated':
      return older(input);
    case 'dominates':
      return newer(input, stored);
    case 'concurrent':
      // Rule 9: both sides have edited the entity since they last agreed.
      return { outcome: 'merged', why: 'concurrent' };
  }
}

/** Rules 5 and 6: the stored revision once more. */
function repeated({ event, digest, history }: JudgeInput, stored: JudgedEntity): Judgement {
  // With fields missing, its digest is another one: nothing says that the counter was used twice.
  if (event.absentFields !== undefined) return { outcome: 'duplicate' };
  if (digest === stored.digest || history?.has(digest)) return { outcome: 'duplicate' };
  return { outcome: 'merged', why: 'reused' };
}

/** Rules 5 and 6: an older revision, known or not. */
function older({ event, digest, history }: JudgeInput): Judgement {
  if (event.absentFields !== undefined) return { outcome: 'stale' };
  if (history === null || history.size === 0 || history.has(digest)) return { outcome: 'stale' };
  return { outcome: 'merged', why: 'reused' };
}

/** Rules 7 and 8: newer; applied as it is when every change is its originator's right. */
function newer({ kind, event, seal }: JudgeInput, stored: JudgedEntity): Judgement {
  const refused = kind.refusedChanges(stored, event.state, seal, event.meta.origin);
  if (refused.length > 0) return { outcome: 'merged', why: 'corrective' };
  return event.absentFields === undefined ? { outcome: 'applied' } : { outcome: 'merged', why: 'skewed' };
}

function quarantined(code: QuarantineCode, cause: string): Judgement {
  return { outcome: 'quarantined', code, cause };
}
