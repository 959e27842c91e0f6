import { HUB, type EntityEvent } from './event.ts';

/** Why the event's revision can't be one (SYNC.md, rule 1), as a sentence; null when it can. With `attributable` its
 *  writers must be the hub or among `allotted`; with `authored` too, its author's own entry must be there. */
export function revisionFault(
  event: EntityEvent,
  rules: { readonly allotted: readonly string[]; readonly attributable: boolean; readonly authored: boolean },
): string | null {
  const { origin, revision } = event.meta;
  const writers = Object.keys(revision);
  if (writers.length === 0) return 'The revision is empty.';
  if (!writers.every((writer) => isCounter(revision[writer])))
    return 'A counter of the revision is below 1 or too large.';
  if (!rules.attributable) return null;

  if (!writers.every((writer) => writer === HUB || rules.allotted.includes(writer))) {
    return 'The revision names a writer id that the hub has not allotted to this provider.';
  }
  const authors = origin === HUB ? [HUB] : rules.allotted;
  if (rules.authored && !authors.some((author) => Object.hasOwn(revision, author))) {
    return 'The revision lacks the entry of its author.';
  }
  return null;
}

function isCounter(value: unknown): boolean {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 1;
}
