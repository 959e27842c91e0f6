import { isNode, LineCounter, parseDocument } from 'yaml';
import type { Document, Node, Pair } from 'yaml';
import { z } from 'zod';
import { UsageError } from '../domain/errors.ts';

/** The format of topics.yaml. Judging what it says against the kinds is `load-topology.ts`. */

const atLeastOne = z.int({ error: 'must be a whole number' }).min(1, 'must be at least 1');
const upkeep = {
  partitions: atLeastOne.max(1000, 'must be at most 1000'),
  replicationFactor: atLeastOne.max(32767, 'must be at most 32767'),
  minInsyncReplicas: atLeastOne,
  retentionDays: z.number({ error: 'must be a number of days' }).positive('must be more than 0'),
  maxMessageBytes: z.int({ error: 'must be a whole number of bytes' }).min(1024, 'must be at least 1024'),
};
const defaults = z.strictObject(upkeep);
const overrides = z.strictObject(upkeep).partial();
const segment = z
  .string()
  .regex(/^[a-z][a-z0-9]{1,30}$/, 'must be 2 to 31 small letters and digits, a letter first');
const actions = <Body extends z.ZodType>(body: Body) => z.record(segment, z.record(segment, body));

const provider = z.strictObject({
  name: z.string({ error: 'must be the name that staff see' }).min(1, 'must not be empty'),
  user: z
    .string({ error: "must be the provider's Kafka user" })
    .regex(/^[A-Za-z0-9._-]{1,100}$/, 'must be letters, digits, ".", "_" and "-"'),
  writerIds: z
    .array(
      z
        .string()
        .regex(
          /^[a-z][a-z0-9]{1,30}(\.[1-9][0-9]*)?$/,
          "must be the provider's id, or its id, a dot and a number",
        ),
    )
    .min(1, 'must name at least one writer id'),
  shareVerifications: z.boolean({ error: 'must be true or false' }).default(false),
  ownedByEassurance: z.record(segment, z.array(z.string().min(1, 'must name an atom'))).default({}),
  pull: z.strictObject({
    intervalSeconds: z.number({ error: 'must be a number of seconds' }).min(1, 'must be at least 1'),
    collections: z.array(z.string()),
  }),
  canary: z
    .strictObject({
      intervalSeconds: z.number({ error: 'must be a number of seconds' }).min(1, 'must be at least 1'),
    })
    .optional(),
  defaults: overrides.default({}),
});

const topicsFile = z.strictObject({
  version: z.literal(1, { error: 'must be 1, the only version of this format' }),
  defaults,
  entities: actions(
    z.strictObject({
      writers: z
        .array(z.enum(['eassurance', 'provider'], { error: 'must be eassurance or provider' }))
        .min(1, 'must name a writer'),
    }),
  ),
  shared: actions(overrides).default({}),
  providers: z.record(
    segment.refine((id) => id !== 'shared' && id !== 'eassurance', 'is reserved: choose another id'),
    provider,
  ),
});

export type TopicsFile = z.output<typeof topicsFile>;

type Path = readonly PropertyKey[];
export interface Fault {
  readonly path: Path;
  readonly message: string;
}

export interface ParsedTopicsFile {
  readonly value: TopicsFile;
  /** Throws one UsageError with a line per fault (file, line, path, what to do), in the file's order; returns when there is none. */
  readonly refuse: (faults: readonly Fault[]) => void;
}

/** Parses the text of topics.yaml. Every fault of its format is in the one UsageError that it throws. */
export function parseTopicsFile(content: string, fileName: string): ParsedTopicsFile {
  const lines = new LineCounter();
  const document = parseDocument(content, { lineCounter: lines, prettyErrors: false });
  const refuse = (faults: readonly Fault[]) => refuseFaults(fileName, document, lines, faults);

  if (document.errors.length > 0) {
    const said = document.errors.map(
      (error) => `${fileName}:${lines.linePos(error.pos[0]).line}: ${error.message}`,
    );
    throw new UsageError(['the topics file is not valid YAML:', ...said].join('\n  '));
  }
  const parsed = topicsFile.safeParse(document.toJS());
  if (!parsed.success) {
    refuse(parsed.error.issues.flatMap(toFaults));
    throw new UsageError(`${fileName} is not valid`, { cause: parsed.error });
  }
  return { value: parsed.data, refuse };
}

function toFaults(issue: z.core.$ZodIssue): readonly Fault[] {
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => ({
        path: [...issue.path, key],
        message: 'is not a known key: remove it or correct its spelling',
      }));
    case 'invalid_key':
      return issue.issues.map((inner) => ({ path: issue.path, message: inner.message }));
    case 'invalid_type':
      return [
        {
          path: issue.path,
          message:
            issue.input === undefined && issue.message.startsWith('Invalid') ? 'is missing' : issue.message,
        },
      ];
    default:
      return [{ path: issue.path, message: issue.message }];
  }
}

function refuseFaults(
  fileName: string,
  document: Document,
  lines: LineCounter,
  faults: readonly Fault[],
): void {
  if (faults.length === 0) return;
  const said = faults
    .map((fault) => ({
      line: lineOf(document, lines, fault.path),
      text: `${fault.path.join('.')} ${fault.message}`,
    }))
    .sort((a, b) => a.line - b.line)
    .map(({ line, text }) => `${fileName}:${line}: ${text}`);
  throw new UsageError(['the topics file has faults:', ...said].join('\n  '));
}

/** The line of the key at `path`, or of the nearest thing above it that the file has. */
function lineOf(document: Document, lines: LineCounter, path: Path): number {
  for (let length = path.length; length > 0; length--) {
    const parent = length === 1 ? document.contents : document.getIn(path.slice(0, length - 1), true);
    const offset = startOf(parent, path[length - 1]);
    if (offset !== undefined) return lines.linePos(offset).line;
  }
  return 1;
}

function startOf(parent: unknown, key: PropertyKey | undefined): number | undefined {
  const items = (parent as { items?: readonly (Node | Pair<Node>)[] } | null)?.items;
  if (items === undefined) return undefined;
  if (typeof key === 'number') {
    const item = items[key];
    return isNode(item) ? item.range?.[0] : undefined;
  }
  const pair = items.find((item): item is Pair<Node> => 'key' in item && String(item.key) === key);
  return pair?.key.range?.[0];
}
