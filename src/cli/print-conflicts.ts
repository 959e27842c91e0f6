import Table from 'cli-table3';
import { conflictDocument } from '../api/conflict-document.ts';
import { newestValue } from '../apply/settle-conflict.ts';
import type { Json } from '../domain/json.ts';
import { formatRevision, type Revision } from '../domain/revision.ts';
import type { Conflict } from '../ports.ts';

/** Open before settled, critical before normal, then the oldest. */
export function worstFirst(a: Conflict, b: Conflict): number {
  return rankOf(a) - rankOf(b) || a.openedAtMs - b.openedAtMs;
}

function rankOf({ status, severity }: Conflict): number {
  return (status === 'open' ? 0 : 2) + (severity === 'critical' ? 0 : 1);
}

/** A table, or JSON as the API has it. */
export function printConflicts(conflicts: readonly Conflict[], asJson: boolean): void {
  if (asJson) {
    console.log(JSON.stringify(conflicts.map(conflictDocument), null, 2));
    return;
  }
  if (conflicts.length === 0) {
    console.log('no conflicts');
    return;
  }
  const table = new Table({
    head: ['id', 'severity', 'status', 'provider', 'kind', 'entity', 'atom', 'stands', 'why', 'opened'],
    style: { head: [] },
  });
  for (const { id, severity, status, provider, kind, entityId, atom, stands, code, openedAtMs } of conflicts)
    table.push([id, severity, status, provider, kind, entityId, atom, stands, code, when(openedAtMs)]);
  console.log(table.toString());
}

/** Everything about one, for people. `revision`: the entity's, to settle on. */
export function describeConflict(conflict: Conflict, revision: Revision | null): string {
  const { why } = conflictDocument(conflict);
  const value = (json: Json) => JSON.stringify(json, null, 2);
  const lines = [
    `${conflict.kind} ${conflict.entityId} of ${conflict.provider}, ${conflict.atom}`,
    `${conflict.status}, ${conflict.severity}; ${conflict.stands} stands (${conflict.code}). ${why}`,
    `opened ${when(conflict.openedAtMs)}`,
    '',
    `base    ${value(conflict.base)}`,
    `ours    ${value(conflict.ours)}   ${conflict.oursAuthor}, ${when(conflict.oursAtMs)}`,
    `theirs  ${value(conflict.theirs)}   ${conflict.theirsAuthor}, ${when(conflict.theirsAtMs)}`,
    ...conflict.joined.flatMap(({ ours, theirs, theirsAuthor, atMs }) => [
      `later   ours ${value(ours)}, theirs ${value(theirs)}   ${theirsAuthor}, ${when(atMs)}`,
    ]),
    '',
  ];
  if (conflict.status === 'settled') {
    const reason = conflict.settledReason === null ? '' : `: ${conflict.settledReason}`;
    return [...lines, `settled by ${conflict.settledBy}, ${when(conflict.settledAtMs ?? 0)}${reason}`].join(
      '\n',
    );
  }
  return [
    ...lines,
    `--choose ours would write ${value(newestValue(conflict, 'ours'))}`,
    `--choose theirs would write ${value(newestValue(conflict, 'theirs'))}`,
    ...(revision === null ? [] : [`the entity is at ${formatRevision(revision)}`]),
  ].join('\n');
}

function when(ms: number): string {
  return new Date(ms).toISOString().slice(0, 16).replace('T', ' ');
}
