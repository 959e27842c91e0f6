import mergePatch from 'json-merge-patch';
import { v7 as uuidv7 } from 'uuid';
import { changedFields, digestOf } from './canonical-form.ts';
import { composePublication } from './compose-publication.ts';
import { frontOf, isSealed } from './constat-workflow.ts';
import { addToOutbox } from './event-log-table.ts';
import type { JsonObject } from './json.ts';
import type { PlatformKind } from './kinds.ts';
import { inTransaction } from './open-database.ts';
import type { PlatformDeps } from './platform-deps.ts';
import { PlatformError } from './platform-error.ts';
import { insertRecord, lockRecord, updateRecord } from './record-table.ts';
import type { LockedRecord } from './record-table.ts';
import type { PlatformRecord } from './record.ts';
import { increment, sameRevision } from './revision.ts';
import type { Revision } from './revision.ts';

export interface EditOptions {
  /** The revision at which the form was opened: when the record has moved since, the edit is refused with the newer state. */
  readonly baseRevision?: Revision;
  readonly reason?: string;
}

/** Opens a record with this platform's first revision; record and publication are one transaction. `silently` leaves the
 *  publication out: a record that other systems can only find through the GET API. */
export async function createRecord(
  kind: PlatformKind,
  given: JsonObject,
  deps: PlatformDeps,
  options: { readonly silently: boolean },
): Promise<PlatformRecord> {
  const at = new Date(deps.now()).toISOString();
  const id = typeof given[kind.idField] === 'string' ? (given[kind.idField] as string) : uuidv7();
  const owner = { [kind.idField]: id, providerId: deps.providerId, createdBy: deps.providerId };
  const state = deps.codec.normalise(kind, { ...given, ...owner, createdAt: at, updatedAt: at });
  const revision = increment({}, deps.writerId);
  const draft = {
    kind,
    action: kind.opening,
    id,
    revision,
    state,
    changedFields: [],
    changeReason: null,
    previousEventId: null,
    replay: false,
  };
  const publication = options.silently ? null : await composePublication(draft, deps);
  const digest = digestOf(deps.contracts, kind, state);

  const record = await inTransaction(deps.pool, async (tx) => {
    const content = { kind: kind.name, id, revision, state, digest, eventId: publication?.eventId ?? null };
    const inserted = await insertRecord(tx, content);
    if (!inserted) throw new PlatformError(409, 'EXISTS', `There is a ${kind.name} ${id} already.`);
    if (publication) await addToOutbox(tx, publication);
    return inserted;
  });
  announce(record, deps);
  return record;
}

/** One edit by an agent of this insurer: checks the base revision, increments its own entry, and writes state and
 *  publication in one transaction, under the record's lock. */
export async function editRecord(
  kind: PlatformKind,
  id: string,
  patchOf: (state: JsonObject) => JsonObject,
  deps: PlatformDeps,
  options: EditOptions = {},
): Promise<PlatformRecord> {
  const record = await inTransaction(deps.pool, async (tx) => {
    const found = await lockRecord(tx, kind.name, id);
    if (!found) throw new PlatformError(404, 'NOT_FOUND', `There is no ${kind.name} ${id}.`);
    if (options.baseRevision && !sameRevision(options.baseRevision, found.revision)) {
      throw new PlatformError(409, 'REVISION_MOVED', 'The record has changed since the form was opened.', {
        current: found,
      });
    }
    const base = baseOf(found, deps);
    const state = deps.codec.normalise(kind, {
      ...mergePatch.apply<JsonObject>(structuredClone(base.state), patchOf(base.state)),
      ...identityOf(kind, found),
      updatedAt: new Date(deps.now()).toISOString(),
    });
    refuseSealedFront(kind, base.state, state, deps);

    const changed = changedFields(deps.contracts, kind, base.state, state);
    const draft = {
      kind,
      action: kind.change,
      id,
      changeReason: options.reason ?? null,
      previousEventId: found.eventId,
      replay: false,
    };
    const publication = await composePublication(
      { ...draft, revision: base.next, state, changedFields: changed },
      deps,
    );
    const content = {
      kind: kind.name,
      id,
      revision: base.next,
      state,
      digest: digestOf(deps.contracts, kind, state),
    };
    const updated = await updateRecord(tx, { ...content, eventId: publication.eventId });
    await addToOutbox(tx, publication);
    if (deps.faults.strikes('publishOlder')) {
      const { revision, state: older } = found;
      await addToOutbox(
        tx,
        await composePublication({ ...draft, revision, state: older, changedFields: [], replay: true }, deps),
      );
    }
    return updated;
  });
  announce(record, deps);
  return record;
}

export function announce(record: PlatformRecord, deps: PlatformDeps): void {
  deps.changes.emit('record', record);
  deps.changes.emit('outbox');
}

/** The state that the edit is made on, and the revision it gets. */
function baseOf(
  found: LockedRecord,
  { faults, writerId }: PlatformDeps,
): { state: JsonObject; next: Revision } {
  if (found.previous && faults.strikes('staleEdits')) {
    const next = { ...found.previous.revision, [writerId]: (found.revision[writerId] ?? 0) + 1 };
    return { state: found.previous.state, next };
  }
  if (found.revision[writerId] && faults.strikes('reuseCounters'))
    return { state: found.state, next: found.revision };
  return { state: found.state, next: increment(found.revision, writerId) };
}

/** What no edit may change. */
function identityOf(kind: PlatformKind, { id, state }: PlatformRecord): JsonObject {
  return {
    [kind.idField]: id,
    providerId: state.providerId,
    createdBy: state.createdBy,
    createdAt: state.createdAt,
  };
}

function refuseSealedFront(
  kind: PlatformKind,
  before: JsonObject,
  after: JsonObject,
  deps: PlatformDeps,
): void {
  if (
    kind.name !== 'constat' ||
    !isSealed(before) ||
    frontOf(before, kind, deps.contracts) === frontOf(after, kind, deps.contracts)
  )
    return;
  if (deps.faults.strikes('tamperSealedFront')) return;
  throw new PlatformError(
    409,
    'FRONT_SEALED',
    'Both parties have signed: the front of the form must not change.',
  );
}
