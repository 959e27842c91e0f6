import { MovedError } from '../../src/domain/errors.ts';
import { compareRevisions, type Revision } from '../../src/domain/revision.ts';
import type { Conflict, ConflictReader, ConflictRow, FlagRow, SettlementRow } from '../../src/ports.ts';

export interface MemoryConflict extends Conflict {
  /** The merge that brought its newest values. */
  readonly newestEventId: string;
}

/** Closes what its author has seen. Throws MovedError when a settlement does not close the conflict that it names. */
export function settleConflicts(
  before: readonly MemoryConflict[],
  settlements: readonly SettlementRow[],
  revisionOf: (eventId: string) => Revision | undefined,
  nowMs: number,
): readonly MemoryConflict[] {
  if (settlements.length === 0) return before;
  const conflicts = [...before];
  for (const { kind, entityId, atoms, eventId, by, seen, reason, conflictId } of settlements) {
    let settled = 0;
    conflicts.forEach((conflict, i) => {
      const meant = conflictId === undefined || conflict.id === conflictId;
      const about = conflict.kind === kind && conflict.entityId === entityId && atoms.includes(conflict.atom);
      if (conflict.status !== 'open' || !meant || !about) return;
      if (!hasSeen(seen, revisionOf(conflict.newestEventId))) return;
      settled += 1;
      const how = {
        status: 'settled',
        settledAtMs: nowMs,
        settledBy: by,
        settlingEventId: eventId,
        settledReason: reason,
      } as const;
      conflicts[i] = { ...conflict, ...how };
    });
    if (conflictId !== undefined && settled === 0)
      throw new MovedError('conflict', `conflict ${conflictId} is settled, or has gained values`);
  }
  return conflicts;
}

function hasSeen(seen: Revision, newest: Revision | undefined): boolean {
  if (newest === undefined) return true;
  const order = compareRevisions(seen, newest);
  return order === 'equal' || order === 'dominates';
}

/** One open conflict per entity and atom; what comes later joins it, and renews what stands. */
export function openConflicts(
  before: readonly MemoryConflict[],
  found: readonly ConflictRow[],
  nowMs: number,
): readonly MemoryConflict[] {
  if (found.length === 0) return before;
  const conflicts = [...before];
  for (const row of found) {
    const at = conflicts.findIndex(
      (open) =>
        open.status === 'open' &&
        open.kind === row.kind &&
        open.entityId === row.entityId &&
        open.atom === row.atom,
    );
    const open = conflicts[at];
    if (open === undefined) {
      const id = String(conflicts.length + 1);
      const fresh = {
        status: 'open',
        joined: [],
        openedAtMs: nowMs,
        settledAtMs: null,
        settledBy: null,
        settlingEventId: null,
        settledReason: null,
        newestEventId: row.eventId,
      } as const;
      conflicts.push({ ...row, ...fresh, id });
      continue;
    }
    const { ours, theirs, theirsAuthor, theirsAtMs: atMs, stands, code } = row;
    conflicts[at] = {
      ...open,
      stands,
      code,
      severity: open.severity === 'critical' ? 'critical' : row.severity,
      joined: [...open.joined, { ours, theirs, theirsAuthor, atMs }],
      newestEventId: row.eventId,
    };
  }
  return conflicts;
}

/** A flag that is raised already stays as it is. */
export function raiseFlags(before: readonly FlagRow[], raised: readonly FlagRow[]): readonly FlagRow[] {
  const flags = [...before];
  for (const row of raised) {
    const known = flags.some(
      ({ kind, entityId, code }) => kind === row.kind && entityId === row.entityId && code === row.code,
    );
    if (!known) flags.push(row);
  }
  return flags.length === before.length ? before : flags;
}

/** A ConflictReader of the conflicts that there are at each call, by id. */
export function createMemoryConflictReader(conflicts: () => readonly Conflict[]): ConflictReader {
  return {
    find: async (id) => conflicts().find((conflict) => conflict.id === id) ?? null,
    list: async ({ providers, status, severity, kind, entityId, after, limit }) =>
      conflicts()
        .filter(
          (conflict) =>
            (providers === null || providers.includes(conflict.provider)) &&
            (status === null || conflict.status === status) &&
            (severity === null || conflict.severity === severity) &&
            (kind === null || conflict.kind === kind) &&
            (entityId === null || conflict.entityId === entityId) &&
            (after === null || BigInt(conflict.id) > BigInt(after)),
        )
        .slice(0, limit),
  };
}
