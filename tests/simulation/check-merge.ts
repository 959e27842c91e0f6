import type { Json, JsonObject } from '../../src/domain/json.ts';
import type { Conflict } from '../../src/ports.ts';
import { atomsOf, frontText, isFrontAtom, isSealed } from './constat-form.ts';
import { changesBetween, includes, type Edit, type Lineage } from './ghost.ts';
import type { Content, Counters } from './provider-model.ts';
import { hold } from './violation.ts';

/** Two values of one atom, as a merge met them. */
export interface Finding {
  readonly atom: string;
  readonly code: string;
  readonly ours: Json;
  readonly theirs: Json;
}

/** What this merge found, told from all conflicts that its transaction opened or joined. */
export function findingsOf(
  merge: { readonly eventId: string; readonly incomingAtMs: number },
  touched: readonly Conflict[],
): readonly Finding[] {
  return touched.flatMap(({ atom, code, ours, theirs, eventId, joined }) => [
    ...(eventId === merge.eventId ? [{ atom, code, ours, theirs }] : []),
    ...joined
      .filter(({ atMs }) => atMs === merge.incomingAtMs)
      .map((later) => ({ atom, code, ours: later.ours, theirs: later.theirs })),
  ]);
}

/** One side of a merge, or its result. */
export interface Version {
  readonly revision: Counters;
  readonly state: Content;
  readonly lineage: Lineage;
}

export interface MergeUnderCheck {
  readonly ours: Version;
  readonly theirs: Version;
  readonly merged: { readonly revision: Counters; readonly state: Content };
  /** A newer state of which only parts were accepted (SYNC.md, rule 8). */
  readonly corrective: boolean;
  readonly hubOwns: boolean;
  /** An intermediate edit was lost for good: what both sides have seen may look like a clash, and is then told as one. */
  readonly lossy: boolean;
  /** A state below both sides was sealed. */
  readonly sealSeen: boolean;
  /** The conflicts that it opened or joined. */
  readonly found: readonly Finding[];
}

/** Whom each atom must come from, told from the edits alone: the oracle that knows no base and no three-way merge. */
type Answer = 'ours' | 'theirs' | 'same' | 'clash';

function answer(
  atom: string,
  { ours, theirs }: MergeUnderCheck,
  values: [string | undefined, string | undefined],
): Answer {
  const [our, their] = [ours.lineage.by.get(atom), theirs.lineage.by.get(atom)];
  if (our === their) return 'same';
  if (their === undefined || includes(ours.lineage.seen, their.bit)) return 'ours';
  if (our === undefined || includes(theirs.lineage.seen, our.bit)) return 'theirs';
  return values[0] === values[1] ? 'same' : 'clash';
}

/** I5 and I6: the merge is what the edits ask for, atom by atom. Returns the lineage of the merged state and the clashes. */
export function checkMerge(check: MergeUnderCheck): {
  readonly lineage: Lineage;
  readonly clashes: readonly string[];
} {
  const { ours, theirs, merged } = check;
  const [ourAtoms, theirAtoms, atoms] = [ours, theirs, merged].map(({ state }) => atomsOf(state)) as [
    ReturnType<typeof atomsOf>,
    ReturnType<typeof atomsOf>,
    ReturnType<typeof atomsOf>,
  ];
  const sealed = isSealed(ours.state) || isSealed(theirs.state);
  const by = new Map<string, Edit>();
  const clashes: string[] = [];
  const names = new Set([
    ...ours.lineage.by.keys(),
    ...theirs.lineage.by.keys(),
    ...ourAtoms.keys(),
    ...theirAtoms.keys(),
    ...atoms.keys(),
  ]);
  for (const atom of names) {
    const values = [ourAtoms.get(atom), theirAtoms.get(atom)] as [string | undefined, string | undefined];
    const value = atoms.get(atom);
    const say = (what: string) => () =>
      `${what}: ${atom} is ${value}, ours ${values[0]}, theirs ${values[1]}`;
    const source = giverOf(atom, value, values, check);
    if (source !== undefined) by.set(atom, source);
    // Sealed fronts and statuses go by tables of their own.
    if (atom === 'status' || (sealed && isFrontAtom(atom)) || check.corrective) continue;

    const about = check.found.filter((conflict) => conflict.atom === atom);
    const told = about.some((conflict) => values.every((side) => holdsValue(conflict, atom, side)));
    const wanted = answer(atom, check, values);
    if (check.lossy && wanted !== 'clash' && told) continue;
    if (wanted === 'ours')
      hold(value === values[0], 'I5', say('theirs was already seen here, ours must stay'));
    if (wanted === 'theirs')
      hold(value === values[1], 'I5', say('ours was already seen there, theirs must stay'));
    if (wanted === 'same') hold(value === values[0], 'I5', say('both sides are the same'));
    if (wanted === 'clash') {
      clashes.push(atom);
      hold(value === winner(values, check.hubOwns), 'I5', say('the owner must win'));
      const about = check.found.filter((conflict) => conflict.atom === atom);
      hold(about.length === 1, 'I5', say(`${about.length} conflicts where there must be one`));
      hold(
        values.every((side) => holdsValue(about[0]!, atom, side)),
        'I5',
        say('the conflict lacks a value'),
      );
    } else {
      hold(
        !check.found.some((conflict) => conflict.atom === atom),
        'I5',
        say('a conflict where nobody clashed'),
      );
    }
    const giver = value === values[1] && value !== values[0] ? theirs.lineage.by.get(atom) : undefined;
    const replaced =
      giver !== undefined && includes(ours.lineage.seen, giver.bit) && ours.lineage.by.get(atom) !== giver;
    hold(!replaced, 'I6', say('an overruled value is back'));
  }
  if (sealed) checkFront(check);
  return { lineage: { seen: ours.lineage.seen | theirs.lineage.seen, by }, clashes };
}

/** The owner wins, but what is deleted here and edited there is kept. */
function winner(
  [our, their]: [string | undefined, string | undefined],
  hubOwns: boolean,
): string | undefined {
  if (our === undefined) return their;
  if (their === undefined) return our;
  return hubOwns ? our : their;
}

function giverOf(
  atom: string,
  value: string | undefined,
  values: [string | undefined, string | undefined],
  { ours, theirs }: MergeUnderCheck,
): Edit | undefined {
  const [our, their] = [ours.lineage.by.get(atom), theirs.lineage.by.get(atom)];
  if (value === values[0] && value === values[1])
    return our !== undefined && includes(theirs.lineage.seen, our.bit) ? their : our;
  return value === values[1] ? their : our;
}

/** Who signed, sealed. */
const SIGNATURE = 'parties/A/signature';

/** The front is taken whole, from a side that had sealed it, and the other side's edits of it stand in a conflict. */
function checkFront({ ours, theirs, merged, found, sealSeen }: MergeUnderCheck): void {
  const front = frontText(merged.state);
  const sealed = [ours, theirs].filter(({ state }) => isSealed(state));
  const from = sealed.find(({ state }) => frontText(state) === front);
  hold(from !== undefined, 'I5', () => `the front is of no side that had sealed it: ${front}`);
  const [signed, alsoSigned] = [ours, theirs].map(({ lineage }) => lineage.by.get(SIGNATURE));
  const sameSeal = sealSeen && sealed.length === 2 && signed !== undefined && signed === alsoSigned;
  hold(
    !sameSeal || front === frontText(ours.state),
    'I8',
    () => `the front that was sealed before both sides parted has changed to ${front}`,
  );
  const other = from === ours ? theirs : ours;
  const overruled = [...changesBetween(atomsOf(merged.state), atomsOf(other.state)).keys()].filter((atom) => {
    const edit = other.lineage.by.get(atom);
    return isFrontAtom(atom) && edit !== undefined && !includes(from.lineage.seen, edit.bit);
  });
  if (overruled.length === 0) return;
  const told = found.some(({ atom }) => atom === 'front' || overruled.includes(atom));
  hold(told, 'I5', () => `no conflict tells of ${overruled.join(', ')}, which the sealed front overruled`);
}

/** Whether one of the values is this one. A conflict about the front holds what was lost of it by atom. */
export function holdsValue(
  { atom: about, ours, theirs }: Finding,
  atom: string,
  value: string | null | undefined,
): boolean {
  const ofFront = about === 'front' && atom !== 'front';
  const values = [ours, theirs].map((side) => (ofFront ? ((side as JsonObject)[atom] ?? null) : side));
  if (value === null || value === undefined) return values.includes(null);
  const token = value.slice(value.indexOf('/') + 1);
  return values.some((held) => JSON.stringify(held).includes(`"${token}"`));
}
