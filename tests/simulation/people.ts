import type { JsonObject } from '../../src/domain/json.ts';
import type { EntityView } from '../../src/ports.ts';
import { applyChange, atomsOf, newConstat, PLAIN_ATOMS, withAtom, type Change } from './constat-form.ts';
import { count, type Coverage } from './coverage.ts';
import { changesBetween, lineageAfter, NOTHING_SEEN, type EditSet } from './ghost.ts';
import type { HubReplica } from './hub.ts';
import type { Content, Counters } from './provider-model.ts';
import type { Actor } from './scheduler.ts';
import { pair } from './trace.ts';
import { hold } from './violation.ts';
import { stateOf } from './read-event.ts';
import { KIND, type Platform, type World } from './world.ts';

/** One thing that somebody sets out to do. */
export interface PlannedEdit {
  readonly token: string;
  readonly side: 'hub' | 'provider';
  readonly slot: EntitySlot;
  /** Null: opens the entity. */
  readonly change: Change | null;
  attempts: number;
}

export interface EntitySlot {
  /** Known once it is opened. */
  id: string | null;
  readonly provider: string;
}

/** People outlive every process. */
const PERSON: Actor = { name: 'person', alive: true };
const STALE = ['clash', 'moved', 'unknown-base'];

export type Attempt = 'made' | 'again' | 'given up';

/** A member of staff opens a form at one replica and saves it at another, after whatever happened meanwhile. */
export async function editAtHub(
  edit: PlannedEdit,
  replicas: { readonly open: HubReplica; readonly save: HubReplica },
  world: World,
  coverage: Coverage,
): Promise<Attempt> {
  const { ghost, hub } = world;
  const context = { author: edit.token, correlationId: null, traceparent: null };
  const { slot } = edit;
  if (edit.change === null) {
    const state = newConstat(slot.provider, 'eassurance', null);
    ghost.intend({ ...intent(edit, 'new', 0n, new Map(), state), author: 'H' });
    const result = await replicas.save.edits.create({
      kind: KIND,
      provider: slot.provider,
      state: state as JsonObject,
      context,
      idempotency: null,
    });
    hold(result.status === 'created', 'edit', () => `opening a constat: ${JSON.stringify(result)}`);
    return 'made';
  }
  const view = await replicas.open.find(slot.id!);
  hold(view !== null, 'edit', () => 'an entity that was opened is gone');
  const state = stateOf(view);
  if (edit.change.what === 'settle') return settle(edit, replicas.save, view, world, coverage);
  const after = applyChange(state, edit.change, edit.token, 'new');
  if (after === null) return 'given up';
  const lineage = ghost.lineage(slot.id!, view.revision, state);
  hold(lineage !== undefined, 'ghost', () => `staff see a state that nobody wrote at ${pair(view.revision)}`);
  ghost.intend({ ...intent(edit, slot.id!, lineage.seen, atomsOf(state), after), author: 'H' });

  await hub.scheduler.point(PERSON, 'staff.save');
  const result = await replicas.save.edits.patch({
    kind: KIND,
    id: slot.id!,
    providers: null,
    patch: patchBetween(state, after),
    condition: { mode: 'based', revision: view.revision },
    changeReason: null,
    context,
  });
  if (STALE.includes(result.status)) {
    count(coverage, 'stale forms refused');
    return 'again';
  }
  count(coverage, `staff edit ${result.status}`);
  return result.status === 'updated' ? 'made' : 'given up';
}

/** Staff settle the oldest conflict that is open, for one side or with another value. */
async function settle(
  edit: PlannedEdit,
  replica: HubReplica,
  view: EntityView,
  world: World,
  coverage: Coverage,
): Promise<Attempt> {
  const { ghost, hub } = world;
  const { conflicts } = hub.store.tables();
  const conflict = conflicts.find(({ entityId, status }) => entityId === view.id && status === 'open');
  if (conflict === undefined) return 'given up';
  const state = stateOf(view);
  const newest = conflict.joined.at(-1) ?? conflict;
  const wish = (['ours', 'theirs', 'other'] as const)[Number(edit.token.slice(1)) % 3]!;
  const choice =
    wish === 'other' && PLAIN_ATOMS.some((atom) => atom === conflict.atom)
      ? { value: edit.token }
      : wish === 'theirs'
        ? 'theirs'
        : 'ours';
  const after = withAtom(state, conflict.atom, typeof choice === 'string' ? newest[choice] : choice.value);
  const { seen } = ghost.lineage(view.id, view.revision, state)!;
  ghost.intend({ ...intent(edit, view.id, seen, atomsOf(state), after), author: 'H' });
  await hub.scheduler.point(PERSON, 'staff.settle');
  const result = await replica.edits.settle({
    conflict,
    choice,
    revision: view.revision,
    providers: null,
    reason: null,
    context: { author: edit.token, correlationId: null, traceparent: null },
  });
  count(coverage, `settling a conflict: ${result.status}`);
  return STALE.includes(result.status) ? 'again' : result.status === 'updated' ? 'made' : 'given up';
}

/** An agent of the insurer does the same on the insurer's platform. */
export async function editAtProvider(
  edit: PlannedEdit,
  platform: Platform,
  world: World,
  coverage: Coverage,
): Promise<Attempt> {
  const { ghost, hub, trace } = world;
  const { model } = platform;
  const { slot, token } = edit;
  const saved = (id: string, revision: Counters, after: Content, before: Content | null): Attempt => {
    const lineage = before === null ? NOTHING_SEEN : ghost.lineage(id, platform.formOf.get(token)!, before)!;
    const made = ghost.intend({
      ...intent(edit, id, lineage.seen, before === null ? new Map() : atomsOf(before), after),
      author: model.id,
    });
    ghost.make(made);
    ghost.note(id, revision, after, lineageAfter(lineage, made));
    const sets = [...made.sets].map(([atom, value]) => `${atom}=${value ?? 'gone'}`);
    trace.add(`P ${before === null ? `opens ${token}` : sets.join(' ')} ${pair(revision)}`);
    count(coverage, 'edits of providers');
    return 'made';
  };
  if (edit.change === null) {
    const id = hub.newId();
    const record = model.create(id, newConstat(model.id, model.id, id));
    slot.id = id;
    return saved(id, record.revision, record.state, null);
  }
  const form = model.record(slot.id!)!;
  const after = applyChange(form.state, edit.change, token, null);
  if (after === null) return 'given up';
  platform.formOf.set(token, form.revision);
  await hub.scheduler.point(PERSON, 'agent.save');
  const record = model.edit(slot.id!, form.revision, after);
  if (record === null) {
    count(coverage, "provider's stale forms refused");
    return 'again';
  }
  return saved(slot.id!, record.revision, after, form.state);
}

function intent(
  edit: PlannedEdit,
  entityId: string,
  past: EditSet,
  before: ReadonlyMap<string, string>,
  after: Content,
) {
  return { token: edit.token, entityId, past, sets: changesBetween(before, atomsOf(after)) };
}

/** The merge patch of a form: top-level fields that differ, lists whole. */
function patchBetween(before: Content, after: Content): JsonObject {
  const changed = Object.keys(after).filter(
    (field) => JSON.stringify(before[field]) !== JSON.stringify(after[field]),
  );
  return Object.fromEntries(
    changed.map((field) => [
      field,
      field === 'accident' ? { place: (after['accident'] as Content)['place'] } : after[field],
    ]),
  ) as JsonObject;
}
