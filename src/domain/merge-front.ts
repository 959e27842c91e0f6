import type { ConflictDraft, Side } from './conflict.ts';
import type { Json, JsonObject } from './json.ts';
import type { EntityKind, SealRules } from './kind.ts';
import { isChangedByThem, isChangedByUs, type AtomVersions } from './atom-versions.ts';

/** The front as one atom, from the moment that either side has sealed it. */
export interface FrontMerge {
  readonly seal: SealRules;
  /** Whose front the merged state has, whole. */
  readonly holder: Side;
  /** Whether every difference is a loss, changed or not: two seals are two signed fronts. */
  readonly everyDifference: boolean;
  readonly reason: ConflictDraft['reason'];
  /** Whether the holder's front is sealed. */
  readonly sealed: boolean;
  /** What the other side had on the front and loses: atom → its values. */
  readonly lost: Map<string, { readonly base: Json; readonly ours: Json; readonly theirs: Json }>;
}

/** Who holds the front (SYNC.md, Merge: the sealed front). Base sealed: it stays, as we hold it (the base may be a state
 *  whose front we have already put back). One side sealed: that side's. Both sealed: the provider's. Null while no side
 *  has sealed. `sealSeen`: their author had seen our seal, even if the base itself does not show it. */
export function findFrontHolder(
  kind: EntityKind,
  states: { readonly base: JsonObject; readonly ours: JsonObject; readonly theirs: JsonObject },
  { sealSeen, baseMissing }: { readonly sealSeen: boolean; readonly baseMissing: boolean },
): FrontMerge | null {
  const seal = kind.merge?.seal;
  if (seal === undefined) return null;
  const [base, ours, theirs] = [states.base, states.ours, states.theirs].map((state) => seal.isSealed(state));
  if (!base && !ours && !theirs) return null;
  const twice = ours && theirs && !base && !sealSeen;
  const holder = base || sealSeen || (ours && !theirs) ? 'ours' : 'theirs';
  return {
    seal,
    holder,
    everyDifference: twice || baseMissing,
    reason: baseMissing ? 'NO_COMMON_BASE' : twice ? 'SEALED_TWICE' : 'FRONT_SEALED',
    sealed: holder === 'ours' ? ours! : theirs!,
    lost: new Map(),
  };
}

/** The holder's value; the other side's edit is noted as lost. */
export function decideOnFront(atom: string, versions: AtomVersions, front: FrontMerge): Side {
  const changed = front.holder === 'ours' ? isChangedByThem(versions) : isChangedByUs(versions);
  if (changed || front.everyDifference) {
    const { base = null, ours = null, theirs = null } = versions;
    front.lost.set(atom, { base, ours, theirs });
  }
  return front.holder;
}

/** The front's one conflict: its values hold what was lost, by atom. Null when nothing was. */
export function draftFrontConflict({ lost, holder, reason }: FrontMerge): ConflictDraft | null {
  if (lost.size === 0) return null;
  const valuesOf = (side: 'base' | Side): JsonObject =>
    Object.fromEntries([...lost].map(([atom, values]) => [atom, values[side]]));
  return {
    atom: 'front',
    base: valuesOf('base'),
    ours: valuesOf('ours'),
    theirs: valuesOf('theirs'),
    stands: holder,
    reason,
    severity: 'critical',
  };
}
