import type { EventRow } from '../../src/ports.ts';
import type { MemoryEntity, MemoryTables } from '../fakes/memory-store.ts';
import { checkBase, sealedBelow } from './check-base.ts';
import { checkMerge, findingsOf, type Version } from './check-merge.ts';
import { checkSeal, createSealBook } from './check-seal.ts';
import { atomsOf, frontText, isSealed, statusOf } from './constat-form.ts';
import { count, type Coverage } from './coverage.ts';
import { changesBetween, contentText, includes, lineageAfter, NOTHING_SEEN, revisionText } from './ghost.ts';
import { dominates, type Content } from './provider-model.ts';
import { stateOf } from './read-event.ts';
import { pair } from './trace.ts';
import { hold } from './violation.ts';
import type { World } from './world.ts';

/** Looks at what the hub has committed since it last looked, and holds it against SYNC.md's I1 to I11. */
export interface StepChecker {
  check(): void;
  /** The hub's present version of an entity. */
  version(entityId: string): Version | undefined;
  readonly tally: { readonly merges: ReadonlyMap<string, number>; readonly flagged: ReadonlySet<string> };
}

export interface StepCheckOptions {
  readonly hubOwns: boolean;
  readonly coverage: Coverage;
  /** Staff have opened an entity. */
  readonly onOpened: (token: string, entityId: string) => void;
  /** Whether something is on its way to the hub. */
  readonly isArriving: () => boolean;
  /** What stands before a line about this entity, where there are several. */
  readonly nameOf: (entityId: string) => string;
  /** Whether an intermediate edit can be missing for good, so that no history shows what both sides have seen. */
  readonly isLossy: () => boolean;
  /** A provider goes on with counters that it had used before its backup was restored (docs/adr/0004). */
  readonly isReusing: () => boolean;
}

export function createStepChecker(world: World, options: StepCheckOptions): StepChecker {
  const { ghost, hub } = world;
  const { coverage } = options;
  let before: MemoryTables = hub.store.tables();
  const current = new Map<string, Version>();
  const contents = new Map<string, string>();
  const merges = new Map<string, number>();
  const incoming = new Map<string, Set<string>>();
  const flagged = new Set<string>();
  const seals = createSealBook();

  function check(): void {
    const after = hub.store.tables();
    if (after === before) return;
    const previous = before;
    before = after;
    const rows = after.events.slice(previous.events.length);
    for (const flag of after.flags.slice(previous.flags.length)) {
      flagged.add(flag.entityId);
      count(coverage, `flagged ${flag.code}`);
    }
    for (const [entityId, own] of Map.groupBy(rows, (row) => row.entityId))
      checkEntity(entityId, own, previous, after);
    for (const [key, entity] of after.entities) {
      const old = previous.entities.get(key);
      if (old !== entity) checkWrite(old, entity);
    }
    checkConflicts(previous, after);
    countDeliveries(previous, after);
    if (after.quarantined !== previous.quarantined) {
      const row = after.quarantined.find((each) => !previous.quarantined.includes(each));
      if (row) world.trace.add(`hub quarantines ${row.code}: ${row.cause}`);
      if (row) count(coverage, `quarantined ${row.code}`);
    }
  }

  function checkEntity(
    entityId: string,
    rows: readonly EventRow[],
    previous: MemoryTables,
    after: MemoryTables,
  ): void {
    let ours = current.get(entityId);
    let arrived: (Version & { readonly row: EventRow }) | null = null;
    for (const row of rows) {
      const state = stateOf(row);
      checkContent(row, state);
      count(coverage, row.outcome);
      switch (row.source) {
        case 'api': {
          const line = `H ${ours === undefined ? `opens ${row.author}` : what(row.author)} ${pair(row.revision)}`;
          if (ours === undefined) options.onOpened(row.author, row.entityId);
          say(row, line);
          ours = noted(row, state, checkEdit(row, state, ours));
          break;
        }
        case 'topic':
        case 'pull': {
          incoming.set(entityId, (incoming.get(entityId) ?? new Set()).add(row.eventId));
          const lineage = ghost.lineage(entityId, row.revision, state);
          hold(lineage !== undefined, 'ghost', () => `a state that nobody wrote: ${contentText(state)}`);
          const version = { revision: row.revision, state, lineage, row };
          say(row, `hub gets ${pair(row.revision)}: ${row.outcome}`);
          if (
            ours !== undefined &&
            !dominates(row.revision, ours.revision) &&
            !dominates(ours.revision, row.revision)
          )
            if (revisionText(row.revision) !== revisionText(ours.revision)) count(coverage, 'forks');
          if (row.outcome === 'merged') arrived = version;
          if (row.outcome !== 'applied') break;
          checkApplied(ours, version, entityId);
          ours = version;
          break;
        }
        case 'merge': {
          hold(
            arrived !== null && ours !== undefined,
            'I7',
            () => 'a merge without the event that it merges',
          );
          ours = mergedVersion(ours, arrived, { row, state }, previous, after);
          merges.set(entityId, (merges.get(entityId) ?? 0) + 1);
          const [made, received] = [merges.get(entityId)!, incoming.get(entityId)?.size ?? 0];
          hold(made <= received, 'I11', () => `${made} merges of ${received} events`);
          arrived = null;
          break;
        }
        case 'republish':
          count(coverage, 'republished');
          say(row, `H republishes ${pair(row.revision)}`);
          break;
        case 'share':
          break;
      }
    }
    hold(
      arrived === null,
      'I7',
      () => `event ${pair(arrived!.revision)} is merged, and no merged state was written`,
    );
    if (ours !== undefined) current.set(entityId, ours);
    const stored = after.entities.get(`constat/${entityId}`);
    const same =
      stored === undefined
        ? ours === undefined
        : ours !== undefined && revisionText(stored.revision) === revisionText(ours.revision);
    hold(
      same,
      'I2',
      () =>
        `the row is at ${stored && pair(stored.revision)}, its newest state at ${ours && pair(ours.revision)}`,
    );
  }

  const say = ({ entityId }: EventRow, line: string): void =>
    world.trace.add(options.nameOf(entityId) + line);
  const what = (token: string): string => {
    const sets = [...(ghost.intended(token)?.sets ?? [])];
    return sets.map(([atom, value]) => `${atom}=${value ?? 'gone'}`).join(' ') || token;
  };

  function noted(row: EventRow, state: Content, lineage: Version['lineage']): Version {
    ghost.note(row.entityId, row.revision, state, lineage);
    return { revision: row.revision, state, lineage };
  }

  /** I3: one content per revision, unless a counter was used twice and the entity says so. */
  function checkContent(row: EventRow, state: Content): void {
    const key = `${row.entityId}|${revisionText(row.revision)}`;
    const known = contents.get(key);
    const text = contentText(state);
    if (known === undefined) contents.set(key, text);
    hold(
      known === undefined || known === text || flagged.has(row.entityId),
      'I3',
      () => `${pair(row.revision)} has two contents: ${known} and ${text}`,
    );
  }

  /** A staff edit changes what its author asked for, and nothing else. */
  function checkEdit(row: EventRow, state: Content, ours: Version | undefined): Version['lineage'] {
    const edit = ghost.intended(row.author);
    hold(edit !== undefined, 'ghost', () => `an edit that nobody made: ${row.author}`);
    const changed = changesBetween(ours === undefined ? new Map() : atomsOf(ours.state), atomsOf(state));
    for (const [atom, value] of changed)
      hold(
        edit.sets.get(atom) === value,
        'edit',
        () => `the edit ${what(edit.token)} also made ${atom} ${value ?? 'disappear'}`,
      );
    for (const [atom, value] of edit.sets)
      hold(
        (atomsOf(state).get(atom) ?? null) === value,
        'edit',
        () => `the edit ${what(edit.token)} did not take effect`,
      );
    for (const atom of edit.sets.keys()) {
      const last = ours?.lineage.by.get(atom);
      hold(
        last === undefined || includes(edit.past, last.bit),
        'edit',
        () => `${what(edit.token)} overwrote ${what(last!.token)}, which its author had not seen`,
      );
    }
    ghost.make({ ...edit });
    count(coverage, 'edits of the hub');
    return lineageAfter(ours?.lineage ?? NOTHING_SEEN, edit);
  }

  function checkApplied(ours: Version | undefined, theirs: Version, entityId: string): void {
    if (ours === undefined || flagged.has(entityId)) return;
    hold(
      !isSealed(ours.state) || frontText(theirs.state) === frontText(ours.state),
      'I8',
      () => `${pair(theirs.revision)} was applied over a sealed front, which it changes`,
    );
    hold(
      includes(theirs.lineage.seen, ours.lineage.seen),
      'I1',
      () => `${pair(theirs.revision)} was applied over ${pair(ours.revision)} without having seen all of it`,
    );
  }

  function mergedVersion(
    ours: Version,
    theirs: Version & { readonly row: EventRow },
    { row, state }: { readonly row: EventRow; readonly state: Content },
    previous: MemoryTables,
    after: MemoryTables,
  ): Version {
    const merged = { revision: row.revision, state };
    for (const side of [ours, theirs])
      hold(
        dominates(merged.revision, side.revision),
        'I7',
        () => `merge ${pair(merged.revision)} does not dominate ${pair(side.revision)}`,
      );
    const queued = after.outbox.filter(({ eventId }) => eventId === row.eventId).length;
    hold(queued === 1, 'I7', () => `merge ${pair(merged.revision)} has ${queued} outbox rows`);

    const corrective = dominates(theirs.revision, ours.revision);
    const touched = after.conflicts.filter(
      (conflict) => conflict.entityId === row.entityId && !previous.conflicts.includes(conflict),
    );
    const found = findingsOf({ eventId: row.eventId, incomingAtMs: theirs.row.occurredAtMs }, touched);
    const rows = after.events.slice(0, after.events.indexOf(row));
    const base = checkBase(row.entityId, ours, theirs, { rows, lossy: options.isLossy() });
    const sealSeen = sealedBelow(row.entityId, ours, theirs, rows);
    const equal = [ours, theirs].some((side) => contentText(side.state) === contentText(state));
    if (equal) count(coverage, 'merges equal to one side');
    if (corrective) count(coverage, 'corrective merges');
    if (found.some(({ code }) => code === 'NO_COMMON_BASE')) count(coverage, 'merges without a base');
    const texts = found.map(({ atom }) => atom).join(',');
    say(
      row,
      `H ${corrective ? 'corrects' : 'merges'} ${pair(ours.revision)} and ${pair(theirs.revision)} on ${base === undefined ? '-' : pair(base)}: ${pair(row.revision)}${texts && `, conflict ${texts}`}`,
    );
    const reused = flagged.has(row.entityId) || options.isReusing();
    const { lineage, clashes } = checkMerge({
      ours,
      theirs,
      merged,
      corrective: corrective || reused,
      lossy: options.isLossy(),
      sealSeen,
      hubOwns: options.hubOwns,
      found,
    });
    for (const atom of clashes) {
      const gone = !atomsOf(ours.state).has(atom) || !atomsOf(theirs.state).has(atom);
      if (atom.startsWith('witnesses/') && gone) count(coverage, 'deletes against edits');
    }
    if (found.some(({ atom }) => atom === 'front')) count(coverage, 'seals against edits');
    return noted(row, state, lineage);
  }

  /** I2 and I8. */
  function checkWrite(old: MemoryEntity | undefined, entity: MemoryEntity): void {
    if (old !== undefined && old.eventId !== entity.eventId)
      hold(
        dominates(entity.revision, old.revision),
        'I2',
        () => `written ${pair(entity.revision)} over ${pair(old.revision)}`,
      );
    const row = before.events.find(({ eventId }) => eventId === entity.eventId)!;
    const made = row.source === 'api' || row.source === 'merge' ? 'hub' : 'provider';
    const told = before.conflicts.some(
      (conflict) => conflict.entityId === entity.id && ['status', 'front'].includes(conflict.atom),
    );
    checkSeal({ old, entity, state: stateOf(row), made, told, flagged: flagged.has(entity.id) }, seals);
    count(coverage, `status ${statusOf(stateOf(row))}`);
  }

  /** Q6, at every step: one open conflict at most per atom. */
  function checkConflicts(previous: MemoryTables, after: MemoryTables): void {
    if (after.conflicts === previous.conflicts) return;
    const open = new Set<string>();
    for (const { entityId, atom, status } of after.conflicts) {
      if (status !== 'open') continue;
      hold(!open.has(`${entityId}|${atom}`), 'Q6', () => `two open conflicts about ${atom}`);
      open.add(`${entityId}|${atom}`);
    }
    after.conflicts.forEach((conflict, i) => {
      const old = previous.conflicts[i];
      if (old === undefined) count(coverage, 'conflicts opened');
      else if (old.joined.length < conflict.joined.length) count(coverage, 'conflicts joined');
      else if (old.status !== conflict.status) {
        count(coverage, 'conflicts settled');
        if (options.isArriving()) count(coverage, 'conflicts settled while another arrives');
      }
    });
  }

  function countDeliveries(previous: MemoryTables, after: MemoryTables): void {
    for (const { outcome } of after.deliveries.slice(previous.deliveries.length)) count(coverage, outcome);
  }

  return { check, version: (entityId) => current.get(entityId), tally: { merges, flagged } };
}
