import * as z from 'zod';
import type { Episode, ExplainedEntity, Explanation, RecordPosition } from '../domain/explanation.ts';
import { OUTCOMES } from '../domain/event.ts';
import { formatRevision } from '../domain/revision.ts';
import { revisionText } from './entity-document.ts';

const instant = z.iso.datetime();
const recordPosition = z.object({ topic: z.string(), partition: z.int(), offset: z.string() });
const value = z.unknown().meta({ description: 'As in the state, personal data masked; null where absent.' });

export const explainedEntitySchema = z
  .object({
    kind: z.string().meta({ example: 'constat' }),
    id: z.string(),
    provider: z.string().meta({ example: 'saa' }),
    revision: revisionText,
    status: z.string().nullable(),
    erased: z.boolean(),
    updatedAt: instant,
  })
  .meta({ id: 'ExplainedEntity' });

const eventEpisode = z.object({
  what: z.literal('event'),
  at: instant.meta({ description: 'When it was recorded here, and visible.' }),
  eventId: z.string(),
  eventType: z.string(),
  origin: z.string().meta({ description: 'Whose edit it is: `eassurance` or the insurer.' }),
  author: z.string(),
  source: z.string().meta({ description: 'topic, pull, api, merge, share or republish.' }),
  revision: revisionText,
  occurredAt: instant.meta({ description: "By the author's clock." }),
  outcome: z.enum(OUTCOMES),
  why: z.string(),
  changes: z
    .array(z.object({ atom: z.string(), before: value, after: value }))
    .nullable()
    .meta({ description: 'Piece by piece; null when it cannot be told.' }),
  changesUnknown: z.string().nullable().meta({ description: 'Why not.' }),
  correlationId: z.string().nullable(),
  causationId: z.string().nullable().meta({ description: 'The event that made the hub write this one.' }),
  received: recordPosition.nullable().meta({ description: 'Where it was read from.' }),
  sending: z
    .union([
      z.object({ state: z.literal('waiting') }),
      z.object({ state: z.literal('parked'), at: instant, code: z.string(), cause: z.string() }),
      z.object({
        state: z.literal('published'),
        at: instant,
        position: recordPosition,
        readers: z
          .array(z.object({ group: z.string(), committed: z.string(), past: z.boolean() }))
          .nullable()
          .meta({ description: "The insurer's consumer groups there; null when Kafka could not be asked." }),
      }),
    ])
    .nullable()
    .meta({ description: 'How far an event of ours has come; null for every other.' }),
});
const arrivalEpisode = z.object({
  what: z.literal('arrival'),
  at: instant,
  eventId: z.string(),
  outcome: z.enum(OUTCOMES),
  why: z.string(),
  position: recordPosition,
});
const quarantineEpisode = z.object({
  what: z.literal('quarantine'),
  at: instant,
  id: z.string(),
  eventId: z.string().nullable(),
  code: z.string(),
  cause: z.string(),
  why: z.string(),
  position: recordPosition.nullable(),
  attempts: z.int(),
  settled: z.object({ at: instant, how: z.string() }).nullable(),
});
const conflictOpened = z.object({
  what: z.literal('conflict opened'),
  at: instant,
  conflictId: z.string(),
  atom: z.string(),
  code: z.string(),
  why: z.string(),
  severity: z.enum(['critical', 'normal']),
  stands: z.enum(['ours', 'theirs']),
  ours: value,
  theirs: value,
  status: z.enum(['open', 'settled']),
});
const conflictSettled = z.object({
  what: z.literal('conflict settled'),
  at: instant,
  conflictId: z.string(),
  atom: z.string(),
  by: z.string(),
  reason: z.string().nullable(),
  eventId: z.string().nullable().meta({ description: 'The edit; null when what stood was confirmed.' }),
});
const flagEpisode = z.object({
  what: z.literal('flag'),
  at: instant,
  code: z.string(),
  eventId: z.string(),
  clearedAt: instant.nullable(),
});

export const explanationSchema = z
  .object({
    subject: z.string(),
    entity: explainedEntitySchema
      .nullable()
      .meta({ description: 'Null when nothing of the subject was applied.' }),
    eventId: z.string().nullable().meta({ description: 'The event that the subject names, if it does.' }),
    episodes: z
      .array(
        z.discriminatedUnion('what', [
          eventEpisode,
          arrivalEpisode,
          quarantineEpisode,
          conflictOpened,
          conflictSettled,
          flagEpisode,
        ]),
      )
      .meta({ description: 'In the order in which it happened here.' }),
    notes: z.array(z.string()).meta({ description: 'What could not be told, and why.' }),
    summary: z.string().meta({ description: 'How things stand, in a sentence.' }),
  })
  .meta({ id: 'Explanation', description: 'Everything that happened to one entity.' });

export type ExplanationDocument = z.input<typeof explanationSchema>;

/** The explanation in JSON: times in RFC 3339 UTC, offsets as strings. */
export function explanationDocument(explanation: Explanation): ExplanationDocument {
  const { subject, entity, eventId, episodes, notes, summary } = explanation;
  return {
    ...{ subject, entity: entity && entityOf(entity), eventId },
    episodes: episodes.map(episodeOf),
    ...{ notes: [...notes], summary },
  };
}

export function entityOf({ updatedAtMs, revision, ...entity }: ExplainedEntity) {
  return { ...entity, revision: formatRevision(revision), updatedAt: utc(updatedAtMs) };
}

function episodeOf(episode: Episode): ExplanationDocument['episodes'][number] {
  const at = utc(episode.atMs);
  switch (episode.what) {
    case 'event': {
      const { atMs: _, occurredAtMs, revision, received, sending, changes, ...rest } = episode;
      return {
        ...rest,
        ...{ at, occurredAt: utc(occurredAtMs), revision: formatRevision(revision) },
        changes: changes && [...changes],
        received: received && positionOf(received),
        sending: sending && sendingOf(sending),
      };
    }
    case 'arrival': {
      const { atMs: _, position, ...rest } = episode;
      return { ...rest, at, position: positionOf(position) };
    }
    case 'quarantine': {
      const { atMs: _, position, settled, ...rest } = episode;
      return {
        ...rest,
        at,
        position: position && positionOf(position),
        settled: settled && { at: utc(settled.atMs), how: settled.how },
      };
    }
    case 'flag': {
      const { atMs: _, clearedAtMs, ...rest } = episode;
      return { ...rest, at, clearedAt: clearedAtMs === null ? null : utc(clearedAtMs) };
    }
    case 'conflict opened':
    case 'conflict settled': {
      const { atMs: _, ...rest } = episode;
      return { ...rest, at };
    }
  }
}

type Sending = NonNullable<Extract<Episode, { what: 'event' }>['sending']>;

function sendingOf(sending: Sending) {
  switch (sending.state) {
    case 'waiting':
      return sending;
    case 'parked': {
      const { atMs, ...rest } = sending;
      return { ...rest, at: utc(atMs) };
    }
    case 'published': {
      const { state, atMs, position, readers } = sending;
      const shown = readers?.map(({ committed, ...reader }) => ({ ...reader, committed: `${committed}` }));
      return { state, at: utc(atMs), position: positionOf(position), readers: shown ?? null };
    }
  }
}

function positionOf({ topic, partition, offset }: RecordPosition) {
  return { topic, partition, offset: offset.toString() };
}

function utc(ms: number): string {
  return new Date(ms).toISOString();
}
