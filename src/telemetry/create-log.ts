import { pino } from 'pino';
import type { DestinationStream } from 'pino';
import { PinoPretty } from 'pino-pretty';
import type { Log } from '../ports.ts';
import { PERSONAL_FIELDS } from './mask.ts';

export interface LogOptions {
  readonly level: string;
  /** Standard output unless said otherwise. */
  readonly destination?: DestinationStream;
  /** For people: coloured text instead of JSON lines. True on a terminal unless said otherwise. */
  readonly pretty?: boolean;
}

const SECRET_FIELDS = [
  'password',
  'apiKey',
  'apiKeyNext',
  'secret',
  'authorization',
  'cookie',
  'databaseUrl',
  'schemaRegistryPassword',
  'bridgeKafkaPassword',
  'eventSigningKey',
  '["x-api-key"]',
] as const;

/** `name` stands in too many harmless places (services, errors, dependencies) to be hidden by its name alone. */
const hiddenFields = [...SECRET_FIELDS, ...PERSONAL_FIELDS.filter((field) => field !== 'name')];

/** One JSON object a line, with times in RFC 3339. Secrets and personal data are hidden in the fields of a line and two
 *  levels below; of an error only its type, code, message, stack and causes are written, since vendors hang requests,
 *  keys and rows on theirs. */
export function createLog({ level, destination, pretty = process.stdout.isTTY === true }: LogOptions): Log {
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { err: describeError, error: describeError, cause: describeError },
    redact: { paths: hiddenFields.flatMap(atEveryLevel), censor: '[hidden]' },
  };
  const stream = pretty
    ? PinoPretty({ sync: true, ...(destination === undefined ? {} : { destination }) })
    : destination;
  return stream === undefined ? pino(options) : pino(options, stream);
}

function atEveryLevel(field: string): readonly string[] {
  const under = (prefix: string) => (field.startsWith('[') ? `${prefix}${field}` : `${prefix}.${field}`);
  return [field, under('*'), under('*.*')];
}

function describeError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const described: Record<string, unknown> = { type: error.name };
  if ('code' in error) described['code'] = error.code;
  described['message'] = error.message;
  described['stack'] = error.stack;
  if (error.cause !== undefined) described['cause'] = describeError(error.cause);
  if (error instanceof AggregateError) described['errors'] = error.errors.map(describeError);
  return described;
}
