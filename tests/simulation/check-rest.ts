import type { Conflict } from '../../src/ports.ts';
import { atomsOf, isFrontAtom } from './constat-form.ts';
import { contentText, includes, revisionText, type Edit } from './ghost.ts';
import { holdsValue, type Version } from './check-merge.ts';
import { pair } from './trace.ts';
import { hold } from './violation.ts';
import type { World } from './world.ts';

/** Q1, Q2, Q5 and Q6: what SYNC.md promises once nothing is on its way any more. */
export function checkAtRest(world: World, versionOf: (entityId: string) => Version | undefined): void {
  const tables = world.hub.store.tables();
  // Nobody sends what is unreadable or not theirs.
  for (const { code, cause } of tables.quarantined)
    hold(false, 'Q5', () => `in quarantine: ${code}, ${cause}`);
  for (const entity of tables.entities.values()) {
    const ours = versionOf(entity.id)!;
    const platform = world.platforms.find(({ model }) => model.id === entity.provider)!;
    const theirs = platform.model.record(entity.id);
    hold(
      theirs !== undefined,
      'Q1',
      () => `the provider never learned of an entity at ${pair(ours.revision)}`,
    );
    const [our, their] = [ours.state, theirs.state].map(contentText);
    hold(
      revisionText(ours.revision) === revisionText(theirs.revision),
      'Q1',
      () => `hub at ${pair(ours.revision)}, provider at ${pair(theirs.revision)}`,
    );
    hold(our === their, 'Q1', () => `the hub holds ${our}, the provider ${their}`);
    const conflicts = tables.conflicts.filter((conflict) => conflict.entityId === entity.id);
    const edits = world.ghost.made().filter((edit) => edit.entityId === entity.id);
    for (const edit of edits) {
      // A counter used twice shows only where the very same revision was seen before; else the edit looks old.
      if (platform.reused && edit.author === entity.provider) continue;
      checkEdit(edit, edits, ours, conflicts);
    }
  }
  for (const { model } of world.platforms)
    for (const id of model.ids())
      hold(
        tables.entities.has(`constat/${id}`),
        'Q1',
        () => `the hub never learned of an entity of ${model.id}`,
      );
}

/** Q2: the edit's value is final, or was replaced by somebody who had seen it, or stands in a conflict. */
function checkEdit(edit: Edit, edits: readonly Edit[], final: Version, conflicts: readonly Conflict[]): void {
  const atoms = atomsOf(final.state);
  for (const [atom, value] of edit.sets) {
    if ((atoms.get(atom) ?? null) === value) continue;
    if (edits.some((later) => later.sets.has(atom) && includes(later.past, edit.bit))) continue;
    const about = conflicts.filter(
      (conflict) =>
        conflict.atom === atom || (conflict.atom === 'front' && (isFrontAtom(atom) || atom === 'status')),
    );
    if (
      about
        .flatMap((conflict) => [conflict, ...conflict.joined.map((later) => ({ ...conflict, ...later }))])
        .some((finding) => holdsValue(finding, atom, value))
    )
      continue;
    if (atom === 'status' && value !== null && mayReach(word(value), word(atoms.get(atom)!))) continue;
    hold(
      false,
      'Q2',
      () =>
        `${edit.author}'s ${atom}=${value ?? 'gone'} is lost: the end is ${atoms.get(atom) ?? 'gone'}, and no conflict tells of it`,
    );
  }
}

const word = (status: string): string => status.split('/')[0]!;

/** A status that others have led on from is not lost. */
const LEADS_TO: Readonly<Record<string, readonly string[]>> = {
  DRAFT: ['SUBMITTED', 'SIGNED', 'CANCELLED', 'VALIDATED'],
  SUBMITTED: ['SIGNED', 'CANCELLED', 'VALIDATED'],
  SIGNED: ['CANCELLED', 'VALIDATED'],
};
const mayReach = (from: string, to: string): boolean =>
  from === to || (LEADS_TO[from]?.includes(to) ?? false);
