import { HUB } from './event.ts';

/** Who may take a step: E-assurance, the owning provider, or whichever of them opened the entity. */
export type StepRight = 'hub' | 'provider' | 'creator';

/** One row of a lifecycle table; from `null`: the entity is opened with it. */
export interface Step {
  readonly from: readonly (string | null)[];
  readonly to: string;
  readonly by: readonly StepRight[];
}

/** `mayReach(from, to, originator, createdBy)`: whether `to` can be reached from `from` by steps that the originator may
 *  take. A full state may skip steps whose events were missed, so the right is judged, not the distance. */
export type Lifecycle = (
  from: string | null,
  to: string | null,
  originator: string,
  createdBy: string,
) => boolean;

/** A status outside the table says that its writer has a newer contract than ours: it may not replace a known one, and
 *  only the provider may leave it. */
export function compileLifecycle(steps: readonly Step[]): Lifecycle {
  const known = new Set<string | null>([null, ...steps.map((step) => step.to)]);
  const reachable = new Map<string, ReadonlySet<string>>();
  const reach = (from: string | null, rights: readonly StepRight[]): ReadonlySet<string> => {
    const key = `${rights.join()}|${from}`;
    let found = reachable.get(key);
    if (found === undefined) reachable.set(key, (found = follow(steps, from, rights)));
    return found;
  };
  return (from, to, originator, createdBy) => {
    if (from === to) return true;
    if (to === null || !known.has(to)) return false;
    if (!known.has(from)) return originator !== HUB;
    const side: StepRight = originator === HUB ? 'hub' : 'provider';
    return reach(from, originator === createdBy ? [side, 'creator'] : [side]).has(to);
  };
}

function follow(
  steps: readonly Step[],
  from: string | null,
  rights: readonly StepRight[],
): ReadonlySet<string> {
  const own = steps.filter((step) => step.by.some((right) => rights.includes(right)));
  const reached = new Set<string>();
  const open: (string | null)[] = [from];
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    for (const { from: starts, to } of own) {
      if (!starts.includes(at) || reached.has(to)) continue;
      reached.add(to);
      open.push(to);
    }
  }
  return reached;
}
