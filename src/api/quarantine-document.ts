import * as z from 'zod';
import type { FoundRecord } from '../apply/read-quarantined.ts';
import type { Json, JsonObject } from '../domain/json.ts';
import { QUARANTINE_EXPLANATIONS, type QuarantineCode } from '../domain/quarantine-code.ts';
import type { QuarantineEntry, QuarantineGroup } from '../ports.ts';
import { instant } from './schema-side.ts';

export const CAUSES = Object.keys(QUARANTINE_EXPLANATIONS) as [QuarantineCode, ...QuarantineCode[]];

const cause = z
  .string()
  .meta({ description: 'The code; the runbook has a section on each.', example: 'UNKNOWN_SCHEMA' });
const topic = z.string().meta({ example: 'saa-constat.created' });
const provider = z.string().meta({ description: 'Whose topic it is.', example: 'saa' });
const attempts = z.int().meta({ description: 'Arrivals and retries so far.' });

export const groupSchema = z
  .object({
    cause,
    meaning: z.string().meta({ description: 'What the code means, for people.' }),
    topic,
    provider,
    count: z.int(),
    oldest: instant('When the oldest of them came first.'),
    newest: instant('The newest arrival or retry.'),
    attempts,
  })
  .meta({ id: 'QuarantineGroup', description: 'Unsettled records of one topic with one cause.' });

const claimed = 'As the record claims; unverified, null when it can not be known.';

export const entrySchema = z
  .object({
    id: z.string().meta({ example: '17' }),
    cause,
    because: z.string().meta({ description: 'The cause in a sentence, without any value of the record.' }),
    topic,
    provider,
    position: z
      .object({ partition: z.int(), offset: z.string() })
      .nullable()
      .meta({ description: 'Where it arrived first; null for a record that was pulled.' }),
    schemaId: z.int().nullable().meta({
      description: "The registry's id of its schema, when it names one that it could not be read with.",
    }),
    eventId: z.string().nullable().meta({ description: claimed }),
    kind: z.string().nullable().meta({ description: claimed }),
    entityId: z.string().nullable().meta({ description: claimed }),
    keyBytes: z.int().nullable(),
    valueBytes: z.int().nullable(),
    attempts,
    firstSeen: instant('Its first arrival.'),
    lastSeen: instant('Its newest arrival or retry.'),
    settled: z
      .object({
        at: instant('It is deleted 30 days after this.'),
        how: z.enum(['applied', 'merged', 'stale', 'duplicate', 'echo', 'edited', 'discarded']),
        by: z.string().nullable().meta({ description: 'Null when it came again and settled by itself.' }),
        reason: z.string().nullable(),
      })
      .nullable()
      .meta({ description: 'Null while it waits.' }),
  })
  .meta({ id: 'QuarantineEntry', description: 'A record that could not be read or attributed.' });

export const recordSchema = entrySchema
  .extend({
    key: z.string().nullable().meta({ description: 'Shown when it is a UUID, as it should be; else null.' }),
    headers: z.record(z.string(), z.string().nullable()).meta({
      description:
        'Those of the contract with their values; of others, and of values that look wrong, the name alone.',
    }),
    event: z
      .unknown()
      .meta({ description: 'The event with personal data masked; null when it can not be read.' }),
    unreadable: z.string().nullable().meta({ description: 'Why there is no event, as of now.' }),
  })
  .meta({ id: 'QuarantinedRecord' });

export type EntryDocument = z.input<typeof entrySchema>;
export type RecordDocument = z.input<typeof recordSchema>;

export function groupDocument(group: QuarantineGroup): z.input<typeof groupSchema> {
  const { code, topic, provider, count, attempts, oldestMs, newestMs } = group;
  const meaning = meaningOf(code);
  return {
    cause: code,
    meaning,
    topic,
    provider,
    count,
    oldest: time(oldestMs),
    newest: time(newestMs),
    attempts,
  };
}

/** What a code means, for people. */
export function meaningOf(code: string): string {
  return (QUARANTINE_EXPLANATIONS as Readonly<Record<string, string>>)[code] ?? code;
}

export function entryDocument(entry: QuarantineEntry): EntryDocument {
  const { id, topic, provider, partition, offset, schemaId, eventId, kind, entityId, settled } = entry;
  const { keyBytes, valueBytes, attempts } = entry;
  return {
    ...{ id, topic, provider, schemaId, eventId, kind, entityId, keyBytes, valueBytes, attempts },
    cause: entry.code,
    because: entry.cause,
    position: partition === null || offset === null ? null : { partition, offset: offset.toString() },
    firstSeen: time(entry.firstSeenMs),
    lastSeen: time(entry.lastSeenMs),
    settled: settled && { at: time(settled.atMs), how: settled.how, by: settled.by, reason: settled.reason },
  };
}

/** Everything that may be seen of one without a reason: what can be read is masked, what can't be read is not shown. */
export function recordDocument(record: FoundRecord, mask: (value: Json) => Json): RecordDocument {
  const { event, unreadable, kind, entityId } = record.read;
  const key = record.key?.toString() ?? null;
  const { value } = record;
  const framed = value !== null && value.length >= 5 && value[0] === 0 ? value.readInt32BE(1) : null;
  return {
    ...entryDocument(record),
    kind: record.kind ?? kind?.name ?? null,
    entityId: record.entityId ?? entityId,
    eventId: record.eventId ?? event?.meta.eventId ?? null,
    schemaId: record.schemaId ?? framed,
    key: key !== null && UUID.test(key) ? key : null,
    headers: Object.fromEntries(
      Object.entries(record.headers).map(([name, value]) => [name, knownHeader(name, value)]),
    ),
    event: event && mask(event as unknown as JsonObject),
    unreadable,
  };
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const NAME = /^[a-z][a-z0-9.+/:_-]{0,99}$/i;

/** What the contract puts into headers, by name: a value of another form is not shown, for anything may stand there. */
const HEADER_FORMS: Readonly<Record<string, RegExp>> = {
  ce_specversion: /^\d\.\d$/,
  ce_id: UUID,
  ce_source: NAME,
  ce_type: NAME,
  ce_time: /^\d{4}-\d\d-\d\dT[\d:.]{8,15}Z$/,
  ce_subject: UUID,
  'content-type': NAME,
  traceparent: /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/,
};

function knownHeader(name: string, value: string): string | null {
  const form = Object.hasOwn(HEADER_FORMS, name) ? HEADER_FORMS[name] : undefined;
  return form?.test(value) ? value : null;
}

export function time(ms: number): string {
  return new Date(ms).toISOString();
}
