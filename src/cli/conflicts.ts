import { Command, Option } from 'commander';
import { parseRevision } from '../api/parse-revision.ts';
import type { SettleEdit, SettleResult } from '../apply/edit.ts';
import { UsageError } from '../domain/errors.ts';
import type { Json } from '../domain/json.ts';
import { formatRevision, type Revision } from '../domain/revision.ts';
import type { Conflict, ConflictQuery, ConflictReader } from '../ports.ts';
import { openConflicts, openSettling, type Reading, type Settling } from './open-settling.ts';
import { describeConflict, printConflicts, worstFirst } from './print-conflicts.ts';

interface ListOptions {
  readonly provider?: string;
  readonly status?: 'open' | 'settled' | 'all';
  readonly severity?: 'critical' | 'normal';
  readonly kind?: string;
  readonly entity?: string;
  readonly json?: boolean;
}

interface SettleOptions {
  readonly choose?: 'ours' | 'theirs';
  readonly value?: string;
  readonly as: string;
  readonly reason?: string;
  readonly revision?: string;
}

/** `bridge conflicts list|show|settle`: what both sides changed at once, straight from the database; the API need not
 *  run. Settling is the same edit as over the API. */
export function conflictsCommand(): Command {
  const command = new Command('conflicts').description(
    'list, show and settle what both sides changed at once',
  );
  command
    .command('list')
    .description('open conflicts, the worst first and then the oldest')
    .option('--provider <id>', 'only of this insurer')
    .addOption(new Option('--status <status>').choices(['open', 'settled', 'all']).default('open'))
    .addOption(new Option('--severity <severity>').choices(['critical', 'normal']))
    .option('--kind <kind>', 'only of this kind, such as constat')
    .option('--entity <id>', 'only of this entity')
    .option('--json', 'print JSON, with every value')
    .action(async (options: ListOptions) => {
      const found = await openConflicts(({ conflicts }) => readAll(conflicts, queryOf(options)));
      printConflicts(found.toSorted(worstFirst), options.json ?? false);
    });
  command
    .command('show')
    .description('every value that met in one conflict, and the revision to settle it on')
    .argument('<id>', 'as `bridge conflicts list` shows it')
    .action(async (id: string) => {
      const { conflict, revision } = await openConflicts((reading) => find(id, reading));
      console.log(describeConflict(conflict, revision));
    });
  command
    .command('settle')
    .description("write one side's newest value, or another, and close the conflict")
    .argument('<id>', 'as `bridge conflicts list` shows it')
    .addOption(new Option('--choose <side>', "that side's newest value").choices(['ours', 'theirs']))
    .option('--value <json>', 'another value, as JSON; null takes it away: --value \'"Oran"\'')
    .requiredOption('--as <person>', 'your name: it appears as the author')
    .option('--reason <text>', 'why; kept with the conflict and in the history')
    .option('--revision <revision>', 'as `show` printed it: refuse when the entity has moved since')
    .action((id: string, options: SettleOptions) =>
      openSettling((settling) => settle(id, options, settling)),
    );
  return command;
}

function queryOf({ provider, status, severity, kind, entity }: ListOptions): ConflictQuery {
  return {
    providers: provider === undefined ? null : [provider],
    status: status === undefined || status === 'all' ? null : status,
    severity: severity ?? null,
    kind: kind ?? null,
    entityId: entity ?? null,
    after: null,
    limit: 500,
  };
}

async function readAll(conflicts: ConflictReader, query: ConflictQuery): Promise<readonly Conflict[]> {
  const found: Conflict[] = [];
  for (;;) {
    const page = await conflicts.list({ ...query, after: found.at(-1)?.id ?? null });
    found.push(...page);
    if (page.length < query.limit) return found;
  }
}

/** The entity is read before the conflict, so that its revision holds no value that the conflict doesn't show. */
async function find(id: string, { conflicts, reader, topology }: Reading) {
  const found = await conflicts.find(id);
  const kind = found && topology.kinds.get(found.kind);
  if (!found || !kind) throw new UsageError(`there is no conflict ${id}: see \`bridge conflicts list\``);
  const entity = await reader.find(kind, found.entityId);
  const conflict = (await conflicts.find(id)) ?? found;
  return { conflict, revision: entity === null || entity.erased ? null : entity.revision };
}

async function settle(id: string, options: SettleOptions, settling: Settling): Promise<void> {
  const choice = choiceOf(options);
  const author = options.as.trim();
  if (author === '' || author.length > 200)
    throw new UsageError('--as must have 1 to 200 characters: your name');
  const { conflict, revision } = await find(id, settling);
  const seen = options.revision === undefined ? revision : revisionOf(options.revision);
  if (seen === null) throw new UsageError(`the ${conflict.kind} of conflict ${id} was erased`);
  const result = await settling.edits.settle({
    conflict,
    choice,
    revision: seen,
    providers: null,
    context: { author, correlationId: null, traceparent: null },
    reason: options.reason ?? null,
  });
  console.log(outcomeOf(result, conflict));
}

function choiceOf({ choose, value }: SettleOptions): SettleEdit['choice'] {
  if ((choose === undefined) === (value === undefined))
    throw new UsageError('say either --choose ours|theirs or --value <json>');
  if (choose !== undefined) return choose;
  try {
    return { value: JSON.parse(value!) as Json };
  } catch (cause) {
    throw new UsageError('--value is not JSON: put texts in double quotes, such as \'"Oran"\'', { cause });
  }
}

function revisionOf(text: string): Revision {
  const parsed = parseRevision(text);
  if (!parsed.ok) throw new UsageError(`--revision is no revision: ${parsed.reason}`);
  return parsed.revision;
}

/** What to print; throws when nothing was settled. */
function outcomeOf(result: SettleResult, { id, kind, entityId }: Conflict): string {
  switch (result.status) {
    case 'updated':
      return `settled ${id}: ${kind} ${entityId} is now at ${formatRevision(result.entity.revision)}`;
    case 'unchanged':
      return `settled ${id}: the value stood already`;
    case 'closed':
      throw new UsageError(`conflict ${id} was settled before; nothing was written`);
    case 'moved':
      throw new UsageError(
        `${kind} ${entityId} has moved to ${formatRevision(result.current.revision)}: look at it again (bridge conflicts show ${id})`,
      );
    case 'invalid':
      throw new UsageError(
        [
          'nothing was written:',
          ...result.violations.map(({ pointer, message }) => `  ${pointer} ${message}`),
        ].join('\n'),
      );
    case 'too-large':
      throw new UsageError(`its event would have ${result.bytes} bytes; the topic takes ${result.limit}`);
    default:
      throw new UsageError(`${kind} ${entityId} can't be edited (${result.status})`);
  }
}
