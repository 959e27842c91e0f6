import { digestOf } from '../../src/domain/canonical.ts';
import type { Json, JsonObject } from '../../src/domain/json.ts';
import { formatRevision } from '../../src/domain/revision.ts';
import { createStaffClient } from '../../src/cli/demo/http-clients.ts';
import { fateOf, type AcknowledgedEdit, type Fate, type FoundConflict } from './account.ts';
import type { World } from './open-world.ts';

export interface Verdict {
  readonly equal: number;
  /** A sentence for each entity that is not the same on both sides. */
  readonly different: readonly string[];
  readonly fates: ReadonlyMap<Fate, number>;
  readonly unaccounted: readonly AcknowledgedEdit[];
}

/** Compares every constat on both sides, revision and digest, each digest computed by that side's own code, and tells what
 *  became of every edit. Those `saved` without an answer may have replaced others; nobody was promised anything of them. */
export async function judgeEnding(
  world: Pick<World, 'topology' | 'insurers' | 'db'>,
  staff: { readonly url: string; readonly key: string },
  edits: readonly AcknowledgedEdit[],
  saved: readonly AcknowledgedEdit[] = [],
): Promise<Verdict> {
  const kind = world.topology.kinds.get('constat')!;
  const here = new Map(
    (await createStaffClient(staff.url, staff.key).list('constats')).map((entity) => [entity.id, entity]),
  );
  const there = new Map(
    (await Promise.all(world.insurers.map(({ platform }) => platform.list('constat'))))
      .flat()
      .map((record) => [record.id, record]),
  );
  const different: string[] = [];
  let equal = 0;
  for (const id of new Set([...here.keys(), ...there.keys()])) {
    const [ours, theirs] = [here.get(id), there.get(id)];
    const shownOurs = ours ? `${ours.revision} ${digestOf(ours.state, kind.shape)}` : 'absent';
    const shownTheirs = theirs ? `${formatRevision(theirs.revision)} ${theirs.digest}` : 'absent';
    if (shownOurs === shownTheirs) equal += 1;
    else different.push(`${id}: E-assurance ${shownOurs}, insurer ${shownTheirs}`);
  }

  const conflicts = await readConflicts(world);
  const byEntity = Map.groupBy([...edits, ...saved], ({ entityId }) => entityId);
  const fates = new Map<Fate, number>();
  const unaccounted: AcknowledgedEdit[] = [];
  for (const edit of edits) {
    const final: JsonObject | null = here.get(edit.entityId)?.state ?? null;
    const fate = fateOf(edit, byEntity.get(edit.entityId)!, final, conflicts.get(edit.entityId) ?? []);
    fates.set(fate, (fates.get(fate) ?? 0) + 1);
    if (fate === 'unaccounted') unaccounted.push(edit);
  }
  return { equal, different, fates, unaccounted };
}

async function readConflicts({ db }: Pick<World, 'db'>): Promise<ReadonlyMap<string, FoundConflict[]>> {
  const { rows } = await db.query<FoundConflict & { id: string; joined: Json }>(
    'select entity_id as id, atom, ours, theirs, joined from conflict',
  );
  return Map.groupBy(rows, ({ id }) => id);
}
