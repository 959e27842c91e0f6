import { HUB } from '../domain/event.ts';
import { compareRevisions, formatRevision, type Revision } from '../domain/revision.ts';
import type { Conflict, HistoryView } from '../ports.ts';

/** What stood around an event when it was judged, as far as the ledger tells. */
export interface OutcomeContext {
  /** The provider as people call it: `SAA`. */
  readonly provider: string;
  /** The revision that the entity had here before it; null when it had none. Undefined when it is not known. */
  readonly before: Revision | null | undefined;
  /** The merge that it caused. */
  readonly merge: HistoryView | null;
  /** What that merge opened, or this one, if the event is a merge itself. */
  readonly conflicts: readonly Conflict[];
  readonly erased: boolean;
}

/** Codes of conflicts that say that a change was not its author's right. */
const REFUSALS: ReadonlySet<string> = new Set([
  'NOT_ALLOWED',
  'FRONT_SEALED',
  'SEALED_TWICE',
  'STATUS_CLASH',
]);

/** Why the event came to its outcome, in a sentence. The ledger keeps the outcome; the reason is what the rules of
 *  docs/sync.md say of the revisions that met. */
export function explainOutcome(row: HistoryView, context: OutcomeContext): string {
  switch (row.source) {
    case 'api':
      return context.before === null
        ? 'E-assurance opened it.'
        : `An edit by E-assurance${onTopOf(context.before)}.`;
    case 'merge':
      return `The merge of what stood here${at(context.before)} with the event before it; its revision is above both, so both sides take it.${leftOpen(context.conflicts)}`;
    case 'share':
      return 'The result of this verification, for every insurer.';
    case 'republish':
      return `${context.provider} did not have this state, so it was sent again; it says nothing new.`;
    case 'topic':
    case 'pull':
      return explainArrival(row, context);
  }
}

function explainArrival(row: HistoryView, context: OutcomeContext): string {
  const { before, provider } = context;
  const writer = row.origin === HUB ? 'E-assurance' : provider;
  switch (row.outcome) {
    case 'applied':
      return before === null
        ? 'The first that E-assurance heard of it.'
        : `Newer than what stood here${at(before)}, and all that it changes is ${writer}'s right.`;
    case 'stale':
      if (context.erased) return 'The entity was erased, and stays so.';
      return `Older than what stood here${at(before)}: nothing was written.`;
    case 'duplicate':
      return `Says what was known already${at(before)}: nothing was written.`;
    case 'merged':
      return explainMerged(row, context);
    case 'echo':
      return 'Our own event, come back.';
    case 'quarantined':
      return 'It waits in quarantine.';
  }
}

function explainMerged(row: HistoryView, { before, merge, conflicts, provider }: OutcomeContext): string {
  const into = merge === null ? '' : ` They were merged into ${formatRevision(merge.revision)}.`;
  const end = `${into}${leftOpen(conflicts)}`;
  if (before === undefined || before === null) return `It did not simply follow what stood here.${end}`;
  const order = compareRevisions(row.revision, before);
  if (order === 'concurrent')
    return `Neither side had seen the other's edit: it has ${formatRevision(row.revision)}, and here stood ${formatRevision(before)}.${end}`;
  if (order !== 'dominates')
    return `Its revision ${formatRevision(row.revision)} was used before with another content (REVISION_REUSED), so nothing can be told from it.${end}`;
  const refused = conflicts.filter(({ code }) => REFUSALS.has(code)).map(({ atom }) => atom);
  return refused.length > 0
    ? `Newer than what stood here${at(before)}, but ${refused.join(', ')} was not ${provider}'s to change: that was put back.${end}`
    : `Newer than what stood here${at(before)}, but it could not be taken as it is: it was written with another version of the contract, or changed what was not ${provider}'s to change.${end}`;
}

function onTopOf(before: Revision | undefined): string {
  return before === undefined ? '' : ` on top of ${formatRevision(before)}`;
}

function at(before: Revision | null | undefined): string {
  return before ? ` (${formatRevision(before)})` : '';
}

function leftOpen(conflicts: readonly Conflict[]): string {
  if (conflicts.length === 0) return '';
  return ` Left to staff: ${conflicts.map(({ atom, stands }) => `${atom} (${stands} stands)`).join(', ')}.`;
}
