import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { parseRevision } from '../api/parse-revision.ts';
import { editDocument, shownEditDocument } from '../api/quarantine-edit-document.ts';
import type { RefusedCorrection } from '../apply/compose-correction.ts';
import type { ShownEdit } from '../apply/edit-quarantined.ts';
import { UsageError } from '../domain/errors.ts';
import type { JsonObject } from '../domain/json.ts';
import { formatRevision } from '../domain/revision.ts';
import { maskPersonal } from '../telemetry/mask.ts';
import { openQuarantine, openQuarantineTable, type QuarantineTools } from './open-quarantine.ts';
import { describeEdit, describeEdits } from './print-quarantine-edits.ts';
import { by, operatorOf, print, reasonOf, type ByOption } from './quarantine-options.ts';

interface EditOptions extends ByOption {
  readonly state: string;
  readonly reason: string;
  readonly revision?: string;
  readonly json?: boolean;
}

type DecideOptions = ByOption & { readonly reason: string };

/** `edit`, `edits`, `approve` and `reject`: a corrected state takes two people. */
export function addEditCommands(command: Command): void {
  by(command.command('edit'))
    .description('propose a corrected state; another person has to approve it')
    .argument('<id>', 'the record, as `bridge quarantine list --records` shows it')
    .requiredOption('--state <file>', 'the whole corrected state, as JSON')
    .requiredOption('--reason <text>', 'why; kept with the edit and in the history')
    .option(
      '--revision <revision>',
      'the revision that the state was made on, when it is not what the record had seen',
    )
    .option('--json', 'print JSON, as the API has it')
    .action((id: string, options: EditOptions) =>
      openQuarantine('write', (tools) => propose(id, options, tools)),
    );
  command
    .command('edits')
    .description('edits that wait for a second person; with an id, that one atom by atom')
    .argument('[edit]', 'as this list shows it')
    .option('--json', 'print JSON, as the API has it')
    .action((id: string | undefined, options: { readonly json?: boolean }) =>
      id === undefined
        ? openQuarantineTable(async (table) => {
            const edits = await table.edits({ status: 'waiting', quarantineId: null });
            print(options.json, edits.map(editDocument), () => describeEdits(edits, Date.now()));
          })
        : openQuarantine('read', async (tools) => {
            const shown = await tools.work.showEdit(id);
            if (shown === null) throw missing(id);
            printEdit(shown, options.json, tools);
          }),
    );
  by(command.command('approve'))
    .description("approve another person's edit: it is made, published, and the record settled")
    .argument('<edit>', 'as `bridge quarantine edits` shows it')
    .action((id: string, options: ByOption) =>
      openQuarantine('write', (tools) => approve(id, options, tools)),
    );
  by(command.command('reject'))
    .description('reject an edit, or take your own back; the record goes on waiting')
    .argument('<edit>', 'as `bridge quarantine edits` shows it')
    .requiredOption('--reason <text>', 'why')
    .action((id: string, options: DecideOptions) =>
      openQuarantine('read', (tools) => reject(id, options, tools)),
    );
}

async function propose(id: string, options: EditOptions, tools: QuarantineTools): Promise<void> {
  const state = await readState(options.state);
  const base = options.revision === undefined ? undefined : parseRevision(options.revision);
  if (base?.ok === false) throw new UsageError(`--revision is no revision: ${base.reason}`);
  const result = await tools.work.propose(
    { id, state, reason: reasonOf(options), ...(base && { base: base.revision }) },
    operatorOf(options),
  );
  switch (result.status) {
    case 'proposed':
      printEdit(result.shown, options.json, tools);
      return;
    case 'missing':
      throw new UsageError(
        `there is no record ${id} in quarantine: see \`bridge quarantine list --records\``,
      );
    case 'closed':
      throw new UsageError(`record ${id} was settled before; nothing was written`);
    case 'waiting':
      throw new UsageError(
        `another edit of record ${id} waits: see \`bridge quarantine edits\`, approve or reject it first`,
      );
    default:
      throw refusal(result);
  }
}

async function approve(id: string, options: ByOption, { work }: QuarantineTools): Promise<void> {
  const who = operatorOf(options);
  const result = await work.approve(id, who);
  switch (result.status) {
    case 'approved': {
      const { kind, id: entityId, revision, provider } = result.entity;
      console.log(
        [
          `approved edit ${id} of ${result.edit.proposedBy}: ${kind} ${entityId} is now at ${formatRevision(revision)}`,
          `event ${result.edit.eventId} is on its way to ${provider}; record ${result.edit.quarantineId} is settled`,
        ].join('\n'),
      );
      return;
    }
    case 'missing':
      throw missing(id);
    case 'closed':
      throw decided(id);
    case 'same-person':
      throw new UsageError(
        `${who.name} proposed edit ${id}: somebody else has to approve it; nothing was written`,
      );
    default:
      throw refusal(result, id);
  }
}

async function reject(id: string, options: DecideOptions, { work }: QuarantineTools): Promise<void> {
  const result = await work.reject(id, reasonOf(options), operatorOf(options));
  if (result === 'missing') throw missing(id);
  if (result === 'closed') throw decided(id);
  console.log(`rejected edit ${id}; its record goes on waiting`);
}

async function readState(file: string): Promise<JsonObject> {
  let state: unknown;
  try {
    state = JSON.parse(await readFile(file, 'utf8'));
  } catch (cause) {
    throw new UsageError(`--state ${file} can't be read as JSON: ${(cause as Error).message}`, { cause });
  }
  if (typeof state !== 'object' || state === null || Array.isArray(state))
    throw new UsageError(`--state ${file} must hold one JSON object: the whole state`);
  return state as JsonObject;
}

function printEdit(shown: ShownEdit, asJson: boolean | undefined, { topology }: QuarantineTools): void {
  const kind = topology.kinds.get(shown.edit.kind);
  if (!kind) throw new UsageError(`topics.yaml has no ${shown.edit.kind} any more`);
  const document = shownEditDocument(shown, kind, maskPersonal);
  print(asJson, document, () => describeEdit(document, Date.now()));
}

function missing(id: string): UsageError {
  return new UsageError(`there is no edit ${id}: see \`bridge quarantine edits\``);
}

function decided(id: string): UsageError {
  return new UsageError(`edit ${id} was decided before, or its record was settled; nothing was written`);
}

function refusal(refused: RefusedCorrection, edit?: string): UsageError {
  const anew = edit === undefined ? '' : `; then bridge quarantine reject ${edit}, and propose it anew`;
  switch (refused.status) {
    case 'unattributable':
      return new UsageError(refused.why);
    case 'clash': {
      const { kind, id, revision } = refused.current;
      const atoms = refused.atoms.map(({ atom }) => `  ${atom}`).join('\n');
      return new UsageError(
        `${kind} ${id} is at ${formatRevision(revision)}, and what the edit changes has moved here since:\n${atoms}\n` +
          `nothing was written: look at how it stands now${anew}`,
      );
    }
    case 'unknown-base':
      return new UsageError(
        `the history doesn't hold the revision that it was made on; ${refused.current.kind} ${refused.current.id} is at ${formatRevision(refused.current.revision)}${anew}`,
      );
    case 'invalid':
      return new UsageError(
        [
          'nothing was written:',
          ...refused.violations.map(({ pointer, message }) => `  ${pointer} ${message}`),
        ].join('\n'),
      );
    case 'too-large':
      return new UsageError(`its event would have ${refused.bytes} bytes; the topic takes ${refused.limit}`);
  }
}
