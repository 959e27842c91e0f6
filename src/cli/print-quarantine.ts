import Table from 'cli-table3';
import type { EntryDocument, RecordDocument } from '../api/quarantine-document.ts';
import { meaningOf } from '../api/quarantine-document.ts';
import type { QuarantineEdit, QuarantineEntry, QuarantineGroup } from '../ports.ts';
import { formatSeconds } from '../domain/lag/format.ts';

/** What waits, by cause, and for each cause the commands to go on with. */
export function describeGroups(groups: readonly QuarantineGroup[], nowMs: number): string {
  if (groups.length === 0) return 'nothing waits in quarantine';
  const table = new Table({
    head: ['cause', 'topic', 'provider', 'records', 'oldest', 'newest', 'attempts'],
    style: { head: [] },
  });
  for (const { code, topic, provider, count, oldestMs, newestMs, attempts } of groups) {
    const [oldest, newest] = [oldestMs, newestMs].map((ms) => formatSeconds((nowMs - ms) / 1000));
    table.push([code, topic, provider, count, oldest, newest, attempts]);
  }
  const causes = [...new Set(groups.map(({ code }) => code))].flatMap((code) => [
    '',
    `${code}: ${meaningOf(code)}`,
    `  look at them:            bridge quarantine list --cause ${code} --records`,
    `  once the cause is gone:  bridge quarantine retry --cause ${code}`,
  ]);
  return [table.toString(), ...causes].join('\n');
}

/** One line each. */
export function describeEntries(entries: readonly QuarantineEntry[], nowMs: number): string {
  if (entries.length === 0) return 'no such record in quarantine';
  const table = new Table({
    head: ['id', 'cause', 'position', 'entity', 'first seen', 'attempts', 'settled'],
    style: { head: [] },
  });
  for (const entry of entries) {
    const { id, code, entityId, firstSeenMs, attempts, settled } = entry;
    const age = `${formatSeconds((nowMs - firstSeenMs) / 1000)} ago`;
    table.push([id, code, positionOf(entry), entityId ?? '', age, attempts, settled?.how ?? '']);
  }
  return [table.toString(), '', `  look at one:  bridge quarantine show ${entries[0]!.id}`].join('\n');
}

function positionOf({ topic, partition, offset }: QuarantineEntry): string {
  return offset === null ? `${topic} (pulled)` : `${topic}/${partition}@${offset}`;
}

/** Everything that may be seen of one without a reason. */
export function describeRecord(
  record: RecordDocument,
  edits: readonly QuarantineEdit[],
  nowMs: number,
): string {
  const { id, topic, provider, position, because, cause, settled, event, unreadable } = record;
  const where = position === null ? `${topic}, pulled` : `${topic}/${position.partition}@${position.offset}`;
  const when = (iso: string) => `${iso} (${formatSeconds((nowMs - Date.parse(iso)) / 1000)} ago)`;
  const bytes = (count: number | null) => (count === null ? 'absent' : `${count} bytes`);
  const headers = Object.entries(record.headers).map(([name, value]) => `${name}: ${value ?? '(not shown)'}`);
  const rows: readonly (readonly [string, string])[] = [
    ['cause', `${cause}. ${because}`],
    ['position', `${where} of ${provider}`],
    [
      'entity',
      record.entityId === null ? 'not known' : `${record.kind ?? ''} ${record.entityId}, unverified`,
    ],
    ['event id', record.eventId ?? 'not known'],
    ['schema id', record.schemaId === null ? 'not known' : String(record.schemaId)],
    ['key', record.key ?? `${bytes(record.keyBytes)}, not shown: it is no UUID`],
    ['value', bytes(record.valueBytes)],
    ['headers', headers.length === 0 ? 'none' : headers.join('\n           ')],
    ['first seen', when(record.firstSeen)],
    ['last seen', `${when(record.lastSeen)}, ${record.attempts} attempt${record.attempts === 1 ? '' : 's'}`],
    ...(settled === null ? [] : [['settled', settledIn(settled, when)] as const]),
  ];
  return [
    `record ${id} in quarantine`,
    ...rows.map(([name, text]) => `${name.padEnd(10)} ${text}`),
    '',
    event === null
      ? `The event can't be shown. ${unreadable ?? ''}`
      : `What it says, personal data masked:\n${JSON.stringify(event, null, 2)}`,
    ...editLines(edits, nowMs),
    ...(settled === null ? ['', ...nextCommands(id)] : []),
  ].join('\n');
}

function editLines(edits: readonly QuarantineEdit[], nowMs: number): readonly string[] {
  if (edits.length === 0) return [];
  const lines = edits.map(({ id, status, proposedBy, proposedAtMs, reason, decidedBy, atoms }) => {
    const decided = decidedBy === null ? '' : ` by ${decidedBy}`;
    const age = formatSeconds((nowMs - proposedAtMs) / 1000);
    return `  edit ${id}, ${status}${decided}: proposed by ${proposedBy} ${age} ago, changes ${atoms.join(', ')}: ${reason}`;
  });
  return ['', 'Edits:', ...lines, `  look at one:  bridge quarantine edits ${edits.at(-1)!.id}`];
}

function settledIn(settled: NonNullable<EntryDocument['settled']>, when: (iso: string) => string): string {
  const by = settled.by === null ? 'when it came again' : `by ${settled.by}`;
  return `${settled.how} ${by}, ${when(settled.at)}${settled.reason === null ? '' : `: ${settled.reason}`}`;
}

function nextCommands(id: string): string[] {
  const commands: readonly (readonly [string, string])[] = [
    [`bridge quarantine retry ${id}`, 'the cause is gone: run the rules again'],
    [`bridge quarantine edit ${id} --state <file> --reason "…"`, 'it is wrong, and you know what is right'],
    [`bridge quarantine discard ${id} --reason "…"`, 'it is not wanted'],
    ['docs/runbook.md, Codes in quarantine', 'what the cause means, and how to mend it'],
  ];
  return ['Next:', ...commands.map(([command, why]) => `  ${command.padEnd(60)} ${why}`)];
}
