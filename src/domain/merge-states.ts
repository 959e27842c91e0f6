import { canonicalForm, sealOf } from './canonical.ts';
import { restoreAbsent } from './complete-state.ts';
import type { ConflictDraft } from './conflict.ts';
import type { Json, JsonObject } from './json.ts';
import type { EntityKind, MergeRules } from './kind.ts';
import type { AtomMerge } from './merge-atom.ts';
import { mergeFields } from './merge-atoms.ts';
import { draftFrontConflict, findFrontHolder, type FrontMerge } from './merge-front.ts';
import { text } from './read-state.ts';

export interface MergeInput {
  readonly kind: EntityKind;
  /** The state at the base (`findBase`); null for the empty one, and where it is missing. A corrective merge (rule 8) has
   *  the stored state itself as its base. */
  readonly base: JsonObject | null;
  /** NO_COMMON_BASE: every difference becomes a conflict. */
  readonly baseMissing: boolean;
  /** The stored state. */
  readonly ours: JsonObject;
  /** The hub's own states above the base (`hubStatesAbove`), in any order. */
  readonly hubStates: readonly JsonObject[];
  /** The hub's own edits beside the base (`hubEditsBeside`). */
  readonly hubEdits?: readonly { readonly before: JsonObject; readonly after: JsonObject }[];
  /** The incoming state. */
  readonly theirs: JsonObject;
  /** Fields that the incoming writer's schema lacks (`restoreAbsent`). */
  readonly absentFields?: readonly string[];
  /** Whose value wins a true clash: the provider's, unless topics.yaml says E-assurance. */
  readonly owner: (atom: string) => 'provider' | 'eassurance';
  /** The provider whose edit came in. */
  readonly provider: string;
  /** Who opened the entity. */
  readonly createdBy: string;
  /** True when a state at or below the base that had become the stored one was sealed. It matters where the base is a
   *  state of theirs that we have corrected: a seal can't be shaken off by sending two states. */
  readonly sealSeen?: boolean;
}

export interface MergeResult {
  readonly state: JsonObject;
  /** At most one per atom, in the order of the atoms. */
  readonly conflicts: readonly ConflictDraft[];
}

const NOTHING: JsonObject = {};
/** Of a kind that says nothing about merging. */
export const EVERY_FIELD: MergeRules = { table: { none: ['createdAt', 'updatedAt'] } };

/** The three-way merge of an incoming state with the stored one, per atom (SYNC.md, Merge). Every atom of the result is
 *  one of the two sides'; a value that is lost stands in exactly one conflict; what was not the provider's right, judged
 *  on its change from the base, stays ours. No clock decides anything but the two timestamps, which belong to no atom.
 *  Equal inputs give equal results. Total. */
export function mergeStates(input: MergeInput): MergeResult {
  const { kind, ours, hubStates } = input;
  const rules = kind.merge ?? EVERY_FIELD;
  const base = input.baseMissing ? NOTHING : (input.base ?? NOTHING);
  const theirs = completeTheirs(input, base);
  const refused = findRefused(input, base, theirs);
  const allowed = refused.has(rules.status?.atom ?? '') ? withStatusOf(base, theirs, rules) : theirs;
  const front = findFrontHolder(
    kind,
    { base, ours, theirs: allowed },
    { sealSeen: input.sealSeen ?? false, baseMissing: input.baseMissing },
  );
  const merge: AtomMerge = {
    rules,
    owner: input.owner,
    baseMissing: input.baseMissing,
    refused,
    front,
    conflicts: [],
  };
  const hub = hubStates.filter((state) => state !== ours);
  const edits = (input.hubEdits ?? []).flatMap(({ before, after }) => [before, after]);
  const merged = mergeFields('', { base, ours, theirs, hub, edits }, rules.table, kind.shape, merge);
  const lost = front === null ? null : draftFrontConflict(front);
  return {
    state: finish(kind, rules, { ...merged, ...timestamps(ours, theirs) }, front),
    conflicts: lost === null ? merge.conflicts : [...merge.conflicts, lost],
  };
}

/** What they meant. Where both sides hold the same already, nothing needs completing. */
function completeTheirs(
  { kind, ours, theirs, baseMissing, absentFields }: MergeInput,
  base: JsonObject,
): JsonObject {
  const completed = restoreAbsent(kind, theirs, baseMissing ? ours : base, absentFields);
  if (completed === theirs) return theirs;
  return canonicalForm(theirs, kind.shape) === canonicalForm(ours, kind.shape) ? theirs : completed;
}

/** Atoms that the provider had no right to change as it did, judged against the base. The front is not among them: who
 *  holds it is decided apart. Without a base nothing says what it changed. */
function findRefused(
  { kind, provider, createdBy, baseMissing }: MergeInput,
  base: JsonObject,
  theirs: JsonObject,
) {
  if (baseMissing) return new Set<string>();
  const before = {
    status: kind.status(base),
    seal: null,
    createdBy: kind.createdBy(base) ?? createdBy,
  };
  return new Set(kind.refusedChanges(before, theirs, null, provider).map((change) => change.atom));
}

/** Without the step that was refused: so a state is not taken for sealed by a status that it may not have. */
function withStatusOf(base: JsonObject, state: JsonObject, { status }: MergeRules): JsonObject {
  return status === undefined ? state : { ...state, [status.field]: base[status.field] };
}

/** What belongs to no atom: the hub's own hash of a sealed front, and the status that a seal calls for. */
function finish(
  kind: EntityKind,
  { status, seal }: MergeRules,
  merged: JsonObject,
  front: FrontMerge | null,
): JsonObject {
  if (seal === undefined) return merged;
  const { hashField, openStatuses, sealedStatus } = seal;
  const isSealed = front !== null && front.sealed;
  const isOpen = status !== undefined && openStatuses.has(text(merged[status.field]) ?? '');
  const sealed: JsonObject = isSealed && isOpen ? { ...merged, [status.field]: sealedStatus } : merged;
  // That there is a hash says that the front was sealed once; which one is ours to say.
  const hash = sealOf(kind, { ...sealed, [hashField]: isSealed ? sealedStatus : null });
  return hash === null && sealed[hashField] === undefined ? sealed : { ...sealed, [hashField]: hash };
}

/** Opened when the earlier says, edited when the later says. */
function timestamps(ours: JsonObject, theirs: JsonObject): JsonObject {
  return {
    ...pick('createdAt', ours, theirs, (a, b) => a <= b),
    ...pick('updatedAt', ours, theirs, (a, b) => a >= b),
  };
}

function pick(
  field: string,
  ours: JsonObject,
  theirs: JsonObject,
  first: (a: string, b: string) => boolean,
): JsonObject {
  const [a, b]: (Json | undefined)[] = [ours[field], theirs[field]];
  if (typeof b !== 'string') return {};
  return typeof a !== 'string' || !first(a, b) ? { [field]: b } : {};
}
