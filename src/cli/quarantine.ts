import { writeFile } from 'node:fs/promises';
import { Command, Option } from 'commander';
import { CAUSES, entryDocument, groupDocument, recordDocument } from '../api/quarantine-document.ts';
import { editDocument } from '../api/quarantine-edit-document.ts';
import type { Retried } from '../apply/retry-quarantined.ts';
import type { FoundRecord } from '../apply/read-quarantined.ts';
import type { QuarantineWork } from '../apply/work-quarantine.ts';
import { TransientError, UsageError } from '../domain/errors.ts';
import type { QuarantineEntry, QuarantineFilter, QuarantineTable } from '../ports.ts';
import { maskPersonal } from '../telemetry/mask.ts';
import { openQuarantine, openQuarantineTable, type QuarantineTools } from './open-quarantine.ts';
import { describeEntries, describeGroups, describeRecord } from './print-quarantine.ts';
import { addEditCommands } from './edit-quarantine.ts';
import { by, operatorOf, print, reasonOf, type ByOption } from './quarantine-options.ts';

interface FilterOptions {
  readonly cause?: string;
  readonly topic?: string;
  readonly provider?: string;
}

interface ListOptions extends FilterOptions {
  readonly records?: boolean;
  readonly settled?: boolean;
  readonly json?: boolean;
}

interface ShowOptions extends ByOption {
  readonly rawTo?: string;
  readonly stateTo?: string;
  readonly reason?: string;
  readonly json?: boolean;
}

interface WorkOptions extends FilterOptions, ByOption {
  readonly json?: boolean;
}

/** Ids of one page, and records of one transaction. */
const PAGE = 500;
const CHUNK = 50;

/** `bridge quarantine list|show|retry|edit|edits|approve|reject|discard`: records that could not be read or attributed, straight from the database;
 *  the bridge need not run. */
export function quarantineCommand(): Command {
  const command = new Command('quarantine').description(
    'what could not be read or attributed: list, show, retry, edit, discard',
  );
  filtered(command.command('list'))
    .description('what waits, by cause, the oldest first')
    .option('--records', 'each record instead of the groups')
    .option('--settled', 'records that were settled in the last 30 days')
    .option('--json', 'print JSON, as the API has it')
    .action((options: ListOptions) => openQuarantineTable((table) => list(options, table)));
  by(command.command('show'))
    .description('everything about one record, personal data masked')
    .argument('<id>', 'as `bridge quarantine list --records` shows it')
    .option(
      '--raw-to <file>',
      "write the value's bytes to a new file, unmasked; needs --reason and is audited",
    )
    .option('--state-to <file>', 'write the state that it says to a new file as JSON, unmasked; likewise')
    .option('--reason <text>', 'why somebody has to see personal data')
    .option('--json', 'print JSON, as the API has it')
    .action((id: string, options: ShowOptions) =>
      openQuarantine('read', (tools) => show(id, options, tools)),
    );
  filtered(by(command.command('retry')))
    .description('run the rules again, with the same event ids; harmless to repeat')
    .argument('[ids...]', 'as `bridge quarantine list --records` shows them; or say --cause')
    .option('--json', 'print JSON')
    .action((ids: readonly string[], options: WorkOptions) =>
      openQuarantine('write', ({ work }) => retry(ids, options, work)),
    );
  filtered(by(command.command('discard')))
    .description('settle records without applying them')
    .argument('[ids...]', 'as `bridge quarantine list --records` shows them; or say --cause')
    .requiredOption('--reason <text>', 'why; kept with the record and in the audit')
    .option('--json', 'print JSON')
    .action((ids: readonly string[], options: WorkOptions & { readonly reason: string }) =>
      openQuarantine('read', ({ work }) => discard(ids, options, work)),
    );
  addEditCommands(command);
  return command;
}

function filtered(command: Command): Command {
  return command
    .addOption(new Option('--cause <code>', 'only with this cause').choices(CAUSES))
    .option('--topic <topic>', 'only of this topic')
    .option('--provider <id>', "only of this insurer's topics");
}

async function list(options: ListOptions, table: QuarantineTable): Promise<void> {
  const filter = filterOf(options);
  if (options.records || options.settled) {
    const entries = await readAll(filter, options.settled ?? false, table);
    print(options.json, entries.map(entryDocument), () => describeEntries(entries, Date.now()));
  } else {
    const groups = await table.groups(filter);
    print(options.json, groups.map(groupDocument), () => describeGroups(groups, Date.now()));
  }
}

async function readAll(
  filter: QuarantineFilter,
  settled: boolean,
  table: QuarantineTable,
): Promise<readonly QuarantineEntry[]> {
  const found: QuarantineEntry[] = [];
  for (;;) {
    const page = await table.list({ ...filter, settled, after: found.at(-1)?.id ?? null, limit: PAGE });
    found.push(...page);
    if (page.length < PAGE) return found;
  }
}

async function show(id: string, options: ShowOptions, { work, table }: QuarantineTools): Promise<void> {
  const record = await work.find(id);
  if (record === null) throw missing(id);
  if (options.rawTo !== undefined || options.stateTo !== undefined) {
    await unmask(record, options, table);
    return;
  }
  const document = recordDocument(record, maskPersonal);
  const edits = await table.edits({ quarantineId: id, status: null });
  print(options.json, { ...document, edits: edits.map(editDocument) }, () =>
    describeRecord(document, edits, Date.now()),
  );
}

/** Noted in the audit before anything is written. The file is new, and nobody but its owner reads it. */
async function unmask(
  record: FoundRecord,
  options: ShowOptions,
  table: Pick<QuarantineTable, 'note'>,
): Promise<void> {
  const { id, value, read } = record;
  if (options.reason === undefined)
    throw new UsageError('personal data leaves the bridge here: say why with --reason');
  const who = operatorOf(options);
  const reason = reasonOf({ reason: options.reason });
  const files = [
    { what: 'value', file: options.rawTo, content: value, lacking: `record ${id} has no value` },
    {
      what: 'state',
      file: options.stateTo,
      content: read.event && `${JSON.stringify(read.event.state, null, 2)}\n`,
      lacking: `record ${id} can't be read: ${read.unreadable}`,
    },
  ];
  for (const { what, file, content, lacking } of files) {
    if (file === undefined) continue;
    if (content === null) throw new UsageError(lacking);
    const detail = { what, reason, via: who.via };
    await table.note({ actor: who.name, action: 'quarantine.unmask', subject: `quarantine/${id}`, detail });
    try {
      await writeFile(file, content, { mode: 0o600, flag: 'wx' });
    } catch (cause) {
      throw new UsageError(`${file} can't be written: ${(cause as Error).message}`, { cause });
    }
    console.log(
      `wrote the ${what} of record ${id} to ${file}; it holds personal data: delete it when you are done`,
    );
  }
}

/** Exit code 0 when every record has left quarantine. */
async function retry(ids: readonly string[], options: WorkOptions, work: QuarantineWork): Promise<void> {
  const chosen = await choose(ids, options, work);
  const retried: Retried[] = [];
  try {
    for (let start = 0; start < chosen.length; start += CHUNK)
      retried.push(...(await work.retry(chosen.slice(start, start + CHUNK), operatorOf(options))));
  } catch (error) {
    if (!(error instanceof TransientError)) throw error;
    print(options.json, retried, () => countsOf(retried));
    throw new UsageError(
      `stopped after ${retried.length} of ${chosen.length}: ${error.message}; what was retried stands, so type it again once that is back`,
      { cause: error },
    );
  }
  print(options.json, retried, () => (ids.length > 0 ? eachOf(retried) : countsOf(retried)));
  const stay = retried.filter(({ outcome }) => ['quarantined', 'missing', 'unrouted'].includes(outcome));
  if (stay.length > 0) throw new UsageError(remedyOf(stay, retried.length));
}

async function discard(
  ids: readonly string[],
  options: WorkOptions & { readonly reason: string },
  work: QuarantineWork,
): Promise<void> {
  const reason = reasonOf(options);
  const chosen = await choose(ids, options, work);
  const discarded: string[] = [];
  for (let start = 0; start < chosen.length; start += PAGE)
    discarded.push(...(await work.discard(chosen.slice(start, start + PAGE), reason, operatorOf(options))));
  print(options.json, { discarded }, () => `discarded ${discarded.length} of ${chosen.length}`);
  const missed = chosen.filter((id) => !discarded.includes(id));
  if (missed.length > 0)
    throw new UsageError(
      `${missed.join(', ')}: no such record, or it was settled before; nothing was written for it`,
    );
}

/** The ids that were given, or all that wait with the cause; these as of now, so that it ends while more arrive. */
async function choose(
  ids: readonly string[],
  options: FilterOptions,
  work: QuarantineWork,
): Promise<readonly string[]> {
  const filter = filterOf(options);
  const filters = Object.values(filter).some((value) => value !== null);
  if (ids.length > 0 === (filter.cause !== null) || (ids.length > 0 && filters))
    throw new UsageError('say either ids, or --cause and perhaps --topic and --provider');
  if (ids.length > 0) return [...new Set(ids)];
  const chosen: string[] = [];
  let after: string | null = null;
  do {
    const page: Awaited<ReturnType<QuarantineWork['select']>> = await work.select({
      ...filter,
      after,
      limit: PAGE,
    });
    chosen.push(...page.ids);
    after = page.next;
  } while (after !== null);
  return chosen;
}

function filterOf({ cause, topic, provider }: FilterOptions): QuarantineFilter {
  return { cause: cause ?? null, topic: topic ?? null, provider: provider ?? null };
}

function eachOf(retried: readonly Retried[]): string {
  return retried
    .map(({ id, outcome, code }) => `${id}  ${code ?? outcome}${WORDS[outcome] ?? ''}`)
    .join('\n');
}

const WORDS: Readonly<Partial<Record<Retried['outcome'], string>>> = {
  quarantined: ': stays in quarantine',
  stale: ': what is stored is newer; nothing was changed',
  duplicate: ': the event had been settled already',
  closed: ': was settled before; nothing was written',
  missing: ': there is no such record',
  unrouted: ': topics.yaml no longer has its topic',
};

function countsOf(retried: readonly Retried[]): string {
  if (retried.length === 0) return 'nothing to retry';
  const groups = [...Map.groupBy(retried, ({ outcome, code }) => code ?? outcome)];
  return groups.map(([what, { length }]) => `${length} ${what}`).join('\n');
}

function remedyOf(stay: readonly Retried[], of: number): string {
  const waiting = stay.find(({ outcome }) => outcome !== 'missing');
  const see = waiting === undefined ? 'list --records' : `show ${waiting.id}`;
  return `${stay.length} of ${of} were not settled: see \`bridge quarantine ${see}\``;
}

function missing(id: string): UsageError {
  return new UsageError(`there is no record ${id} in quarantine: see \`bridge quarantine list --records\``);
}
