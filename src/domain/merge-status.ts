import { canonicalText } from './canonical.ts';
import type { Json } from './json.ts';
import type { MergeRules } from './kind.ts';
import type { AtomVersions, Decision } from './atom-versions.ts';
import { isRecord, text } from './read-state.ts';

/** A status that both sides changed (SYNC.md, Merge): if the table leads from ours to theirs, theirs; else if from
 *  theirs to ours, ours; else the provider's, with a conflict. So a signature never undoes a cancellation, in whichever
 *  order the two arrive. What was said with the status goes with it; where it is lost, that is a conflict too. */
export function decideStatus(
  versions: AtomVersions,
  rules: NonNullable<MergeRules['status']>,
  baseMissing: boolean,
): Decision {
  const [base, ours, theirs] = [versions.base, versions.ours, versions.theirs].map((value) =>
    statusIn(value, rules.field),
  ) as [string | null, string | null, string | null];
  const reason = baseMissing ? 'NO_COMMON_BASE' : undefined;
  // Only what was said with it differs on one side, so that the status itself was changed on the other alone.
  if (ours === theirs) return { stands: 'theirs', reason: reason ?? 'BOTH_CHANGED' };
  if (!baseMissing && ours === base) return { stands: 'theirs', reason: 'BOTH_CHANGED' };
  if (!baseMissing && theirs === base) return { stands: 'ours', reason: 'BOTH_CHANGED' };

  const follows = rules.mayBecome ?? (() => false);
  const stands = follows(ours, theirs) ? 'theirs' : follows(theirs, ours) ? 'ours' : null;
  if (stands === null) return { stands: 'theirs', reason: reason ?? 'STATUS_CLASH' };
  const lost = stands === 'ours' ? versions.theirs : versions.ours;
  const isHeard = [versions.base, versions[stands]].some(
    (value) => saidIn(value, rules.field) === saidIn(lost, rules.field),
  );
  if (reason === undefined && (isHeard || saidIn(lost, rules.field) === NOTHING_SAID)) return { stands };
  return { stands, reason: reason ?? 'BOTH_CHANGED' };
}

function statusIn(value: Json | undefined, field: string): string | null {
  return text(isRecord(value) ? value[field] : value);
}

const NOTHING_SAID = '{}';

/** The fields beside the status itself. */
function saidIn(value: Json | undefined, field: string): string {
  return isRecord(value) ? canonicalText({ ...value, [field]: null }) : NOTHING_SAID;
}
