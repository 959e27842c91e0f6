import type { Standing } from '../apply/republish-entity.ts';
import { PermanentError } from '../domain/errors.ts';
import type { EntityKind } from '../domain/kind.ts';
import type { Clock, EditPosition, HubEditReader, Log, ProviderApi, PullCursorTable } from '../ports.ts';
import { askProvider, settleAnswer, type Answer, type AskDeps } from './ask-provider.ts';
import { readConfirmCursor, recheckCursor, writeConfirmCursor } from './confirm-cursor.ts';
import { createUnconfirmedEdits, type UnconfirmedEdit, type UnconfirmedEdits } from './unconfirmed-edits.ts';

export interface ConfirmDeps extends AskDeps {
  readonly hubEdits: HubEditReader;
  readonly cursors: PullCursorTable;
  readonly log: Log;
  readonly clock: Clock;
  /** An edit of ours that is younger may still be on its way: the provider is not asked about it yet. */
  readonly graceMs: number;
  /** Entities asked about in one round. */
  readonly editsPerRound: number;
}

export interface ConfirmReport {
  readonly confirmed: number;
  readonly republished: number;
  /** Edits that the provider still lacks after having been told several times. */
  readonly givenUp: number;
}

/** What a process remembers of its rounds with one provider and collection. */
export interface ConfirmMemory {
  readonly unconfirmed: UnconfirmedEdits;
  /** How far the walk has come, and up to when it asks about everything; null before the first round. */
  walk: { position: EditPosition; readonly recheckUntilMs: number } | null;
}

/** How many edits may be waiting for the provider to have them, before no more are looked at. */
const UNCONFIRMED_CAPACITY = 1_000;
/** Later than every id of the same millisecond. */
const LAST_ID = 'ffffffff-ffff-ffff-ffff-ffffffffffff';

export function newConfirmMemory(): ConfirmMemory {
  return { unconfirmed: createUnconfirmedEdits(UNCONFIRMED_CAPACITY), walk: null };
}

/** One round of asking the provider whether it has what the hub made (SYNC.md, Pull): first about the edits that it lacked
 *  when it was last asked, then about those written since the last round; once its backup was restored, about everything
 *  that was written until then, whoever made it. What it lacks is republished, and asked about again after a while. The
 *  stored cursor stays before the oldest edit that is unconfirmed, so that a process that starts anew asks about it again.
 *  Throws when the provider can't be asked at all; a record that can't be read counts as not confirmed and keeps none of
 *  the others back. */
export async function confirmEdits(
  api: ProviderApi,
  kind: EntityKind,
  memory: ConfirmMemory,
  deps: ConfirmDeps,
  signal: AbortSignal,
): Promise<ConfirmReport> {
  const { providerId } = api;
  const { unconfirmed } = memory;
  const cursorName = `${kind.collection}/edits`;
  const stored = await deps.cursors.read(providerId, cursorName);
  const recheck = await deps.cursors.read(providerId, recheckCursor(kind.collection));
  const recheckUntilMs = recheck === null ? 0 : Date.parse(recheck);
  if (memory.walk?.recheckUntilMs !== recheckUntilMs) {
    unconfirmed.clear();
    memory.walk = { position: readConfirmCursor(stored, recheckUntilMs), recheckUntilMs };
  }
  const { walk } = memory;
  const report = { confirmed: 0, republished: 0, givenUp: 0 };

  const ask = async (edit: UnconfirmedEdit): Promise<void> => {
    signal.throwIfAborted();
    const standing = await standingOf(api, kind, edit.id, deps, signal);
    if (standing === 'level') report.confirmed += 1;
    if (standing === 'republished') report.republished += 1;
    if (standing === 'level' || standing === 'gone' || standing === 'lagging') {
      unconfirmed.settle(edit.id);
    } else if (!unconfirmed.keep(edit, standing, deps)) {
      report.givenUp += 1;
      deps.log.warn({ kind: kind.name, entityId: edit.id }, 'the provider does not take our state');
    }
  };

  const due = unconfirmed.due(deps.clock()).slice(0, deps.editsPerRound);
  for (const edit of due) await ask(edit);

  const limit = Math.min(deps.editsPerRound - due.length, unconfirmed.room());
  if (limit > 0) {
    const untilMs = deps.clock() - deps.graceMs;
    const { position: after, recheckUntilMs: allUntilMs } = walk;
    const edits = await deps.hubEdits.list(kind, { provider: providerId, after, untilMs, allUntilMs, limit });
    for (const edit of edits) {
      await ask({ id: edit.id, before: walk.position });
      walk.position = edit;
    }
    // Nothing else was written before then: the next round need not look through it once more.
    if (edits.length < limit && untilMs > walk.position.updatedAtMs)
      walk.position = { updatedAtMs: untilMs - 1, id: LAST_ID };
  }
  const next = writeConfirmCursor(unconfirmed.oldest() ?? walk.position, recheckUntilMs);
  if (next !== stored) await deps.cursors.write(providerId, cursorName, next);
  return report;
}

async function standingOf(
  api: ProviderApi,
  kind: EntityKind,
  entityId: string,
  deps: ConfirmDeps,
  signal: AbortSignal,
): Promise<Standing | 'unreadable'> {
  let answer: Answer;
  try {
    answer = await askProvider(api, kind, entityId, deps, signal);
  } catch (error) {
    if (!(error instanceof PermanentError) || error.code === 'PROVIDER_UNAUTHORISED') throw error;
    deps.metrics.pulled(api.providerId, kind.collection, 'failed', 1);
    deps.log.warn({ cause: error.message, entityId }, 'an answer about our state cannot be read');
    return 'unreadable';
  }
  return (await settleAnswer(api.providerId, answer, deps)).standing;
}
