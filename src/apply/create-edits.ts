import type { Clock, EntityReader, EventCodec, Log, NewId, Store, Topology } from '../ports.ts';
import { createEntity } from './create-entity.ts';
import type { Edits } from './edit.ts';
import { joinEdits, type WriteEdit } from './join-edits.ts';
import { patchEntity } from './patch-entity.ts';
import { settleConflict } from './settle-conflict.ts';

export interface EditDeps {
  readonly store: Store;
  readonly reader: EntityReader;
  readonly topology: Topology;
  readonly codec: EventCodec;
  readonly log: Log;
  readonly clock: Clock;
  readonly newId: NewId;
  /** Tells the relay that these shards have new outbox rows; called after the commit. */
  readonly wakeRelay: (shards: readonly string[]) => void;
}

/** With the one way in which edits are written. */
export interface CommitDeps extends EditDeps {
  readonly write: WriteEdit;
}

/** The edits of E-assurance's own people. Each writes its event, the entity row and an outbox row in one transaction,
 *  which it may share with others: when it resolves `created` or `updated`, the edit is durable and will reach the provider's topic. */
export function createEdits(given: EditDeps): Edits {
  const deps: CommitDeps = { ...given, write: joinEdits(given) };
  return {
    create: (edit) => createEntity(edit, deps),
    patch: (edit) => patchEntity(edit, deps),
    settle: (edit) => settleConflict(edit, deps),
  };
}
