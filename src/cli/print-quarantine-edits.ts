import Table from 'cli-table3';
import type { ShownEditDocument } from '../api/quarantine-edit-document.ts';
import type { QuarantineEdit } from '../ports.ts';
import { formatSeconds } from '../domain/lag/format.ts';

/** One line each, and how to look at one. */
export function describeEdits(edits: readonly QuarantineEdit[], nowMs: number): string {
  if (edits.length === 0) return 'no edit waits for a second person';
  const table = new Table({
    head: ['edit', 'record', 'entity', 'proposed by', 'ago', 'changes', 'reason'],
    style: { head: [] },
    wordWrap: true,
  });
  for (const { id, quarantineId, kind, entityId, proposedBy, proposedAtMs, atoms, reason } of edits) {
    const age = formatSeconds((nowMs - proposedAtMs) / 1000);
    table.push([id, quarantineId, `${kind} ${entityId}`, proposedBy, age, atoms.length, reason]);
  }
  return [table.toString(), '', `  look at one:  bridge quarantine edits ${edits[0]!.id}`].join('\n');
}

/** Atom by atom; what the mask makes alike is said to differ. */
export function describeEdit(edit: ShownEditDocument, nowMs: number): string {
  const ago = (iso: string) => `${formatSeconds((nowMs - Date.parse(iso)) / 1000)} ago`;
  return [
    `edit ${edit.id} of record ${edit.entryId}: ${edit.kind} ${edit.entityId} of ${edit.provider}`,
    `proposed by ${edit.proposedBy}, ${ago(edit.proposedAt)}: ${edit.reason}`,
    ...decision(edit, ago),
    ...section('what the record says → what the edit says', edit.againstRecord),
    ...section('how it stands here → what the edit says', edit.againstCurrent),
    ...(edit.status === 'waiting' ? ['', ...nextCommands(edit)] : []),
  ].join('\n');
}

function decision(edit: ShownEditDocument, ago: (iso: string) => string): readonly string[] {
  if (edit.decidedBy === null || edit.decidedAt === null) return [];
  const reason = edit.decidedReason === null ? '' : `: ${edit.decidedReason}`;
  const event = edit.eventId === null ? '' : `; its event is ${edit.eventId}`;
  return [
    `${edit.status} by ${edit.decidedBy}, ${ago(edit.decidedAt)}${reason}${event}`,
    `it changed ${edit.atoms.join(', ')}`,
  ];
}

function section(title: string, changes: ShownEditDocument['againstRecord']): readonly string[] {
  if (changes === null) return [];
  const value = (given: unknown) => JSON.stringify(given);
  const lines = changes.map(({ atom, before, after }) => {
    const alike = value(before) === value(after) ? '   (they differ under the mask)' : '';
    return `  ${atom}: ${value(before)} → ${value(after)}${alike}`;
  });
  return ['', `${title}:`, ...(lines.length === 0 ? ['  no difference'] : lines)];
}

function nextCommands({ id }: ShownEditDocument): readonly string[] {
  return [
    'Next, by another person:',
    `  bridge quarantine approve ${id} --by <name>                  it is made and published`,
    `  bridge quarantine reject ${id} --by <name> --reason "…"      the record goes on waiting`,
  ];
}
