import type { EventRow } from '../../src/ports.ts';
import type { Version } from './check-merge.ts';
import { isSealed } from './constat-form.ts';
import { revisionText } from './ghost.ts';
import { stateOf } from './read-event.ts';
import { dominates, type Counters } from './provider-model.ts';
import { pair } from './trace.ts';
import { hold } from './violation.ts';

/** I4: of all states that the hub has held or merged, one and only one is the newest that both sides have grown from; and
 *  its bytes are still there. */
export function checkBase(
  entityId: string,
  ours: Version,
  theirs: Version,
  { rows, lossy }: { readonly rows: readonly EventRow[]; readonly lossy: boolean },
): Counters | undefined {
  const common = new Map<string, { readonly revision: Counters; readonly kept: boolean }>();
  for (const row of rows) {
    if (row.entityId !== entityId || (row.outcome !== 'applied' && row.outcome !== 'merged')) continue;
    if (!covered(row.revision, ours.revision) || !covered(row.revision, theirs.revision)) continue;
    common.set(revisionText(row.revision), { revision: row.revision, kept: row.bytes.length > 0 });
  }
  const all = [...common.values()];
  const newest = all.filter(({ revision }) => !all.some((other) => dominates(other.revision, revision)));
  // A provider that was set back may know less than the newest that came from it, or use a counter again.
  hold(
    newest.length <= 1 || lossy,
    'I4',
    () => `the bases ${newest.map(({ revision }) => pair(revision)).join(' and ')} are both newest`,
  );
  const base = newest[0];
  hold(base === undefined || base.kept || lossy, 'I4', () => `the base ${pair(base!.revision)} was pruned`);
  return base?.revision;
}

/** Whether a sealed state that the hub has taken in lies below both sides: neither may then have another front. */
export function sealedBelow(
  entityId: string,
  ours: Version,
  theirs: Version,
  rows: readonly EventRow[],
): boolean {
  return rows.some(
    (row) =>
      row.entityId === entityId &&
      (row.outcome === 'applied' || row.outcome === 'merged') &&
      row.bytes.length > 0 &&
      isSealed(stateOf(row)) &&
      covered(row.revision, ours.revision) &&
      covered(row.revision, theirs.revision),
  );
}

const covered = (a: Counters, by: Counters): boolean =>
  revisionText(a) === revisionText(by) || dominates(by, a);
