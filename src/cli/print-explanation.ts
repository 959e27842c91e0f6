import Table from 'cli-table3';
import { HUB } from '../domain/event.ts';
import type {
  Change,
  Episode,
  EventEpisode,
  ExplainedEntity,
  Explanation,
  ExplainResult,
  RecordPosition,
  Sending,
} from '../domain/explanation.ts';
import type { Json, JsonObject } from '../domain/json.ts';
import { isRecord } from '../domain/read-state.ts';
import { formatRevision } from '../domain/revision.ts';
import { dayAndTimeInAlgiers } from '../explain/say-time.ts';

/** Longer values are cut: the story is to be read in one look, and the API has them whole. */
const MAX_VALUE = 70;
const INDENT = ' '.repeat(14);

/** The story for people, the sentence that sums it up at its end. Times of Africa/Algiers. */
export function printExplanation(explanation: Explanation): void {
  console.log(describeExplanation(explanation));
}

export function describeExplanation({ entity, eventId, episodes, notes, summary }: Explanation): string {
  const days = new Map<string, Episode[]>();
  for (const episode of episodes) {
    const [day] = localTime(episode.atMs);
    days.set(day, [...(days.get(day) ?? []), episode]);
  }
  return [
    ...(entity === null ? [] : [describeEntity(entity)]),
    ...[...days].flatMap(([day, ofDay]) => [
      '',
      `${day} (Africa/Algiers)`,
      ...ofDay.flatMap((episode) => describeEpisode(episode, eventId)),
    ]),
    '',
    ...notes.map((note) => `! ${note}`),
    summary,
  ].join('\n');
}

export function printMatches({ sentence, matches }: Extract<ExplainResult, { status: 'several' }>): void {
  const table = new Table({
    head: ['kind', 'id', 'provider', 'revision', 'status', 'written'],
    style: { head: [] },
  });
  for (const { kind, id, provider, revision, status, updatedAtMs } of matches)
    table.push([
      kind,
      id,
      provider,
      formatRevision(revision),
      status ?? '',
      localTime(updatedAtMs).join(' '),
    ]);
  console.log(`${table.toString()}\n${sentence}`);
}

function describeEntity({ kind, id, provider, revision, status, erased }: ExplainedEntity): string {
  const state = erased ? 'erased' : status;
  return [`${kind} ${id} of ${provider.toUpperCase()}`, formatRevision(revision), state]
    .filter((part) => part !== null)
    .join(', ');
}

function describeEpisode(episode: Episode, asked: string | null): string[] {
  const [title, ...lines] = linesOf(episode);
  const [, time] = localTime(episode.atMs);
  const mark = asked !== null && 'eventId' in episode && episode.eventId === asked ? '  ◀ asked for' : '';
  return [`${time}  ${title}${mark}`, ...lines.map((line) => `${INDENT}${line}`)];
}

function linesOf(episode: Episode): string[] {
  switch (episode.what) {
    case 'event':
      return eventLines(episode);
    case 'arrival':
      return [
        `arrived again at ${positionText(episode.position)}: ${episode.outcome}`,
        `event ${episode.eventId}`,
        episode.why,
      ];
    case 'quarantine': {
      const { code, id, position, why, cause, attempts, settled, eventId } = episode;
      return [
        `went into quarantine: ${code}${settled === null ? '' : ` (settled: ${settled.how})`}`,
        `quarantine ${id}${eventId === null ? '' : `, event ${eventId}`}${position === null ? '' : `, from ${positionText(position)}`}${attempts > 1 ? `, ${attempts} arrivals` : ''}`,
        why,
        cause,
      ];
    }
    case 'conflict opened': {
      const { conflictId, atom, stands, severity, status, why, ours, theirs } = episode;
      return [
        `conflict ${conflictId} opened on ${atom}: ${stands} stands (${severity}, ${status})`,
        why,
        `ours ${valueText(ours)}, theirs ${valueText(theirs)}`,
        ...(status === 'open' ? [`settle it: bridge conflicts show ${conflictId}`] : []),
      ];
    }
    case 'conflict settled':
      return [
        `conflict ${episode.conflictId} on ${episode.atom} settled by ${episode.by}`,
        ...(episode.reason === null ? [] : [episode.reason]),
        episode.eventId === null ? 'what stood was confirmed' : `by event ${episode.eventId}`,
      ];
    case 'flag':
      return [
        `flagged ${episode.code}${episode.clearedAtMs === null ? '' : ` (cleared ${localTime(episode.clearedAtMs).join(' ')})`}`,
        `by event ${episode.eventId}; see docs/runbook.md`,
      ];
  }
}

function eventLines(event: EventEpisode): string[] {
  const { eventType, origin, author, source, outcome, eventId, revision, received, changes, sending } = event;
  const who = origin === HUB ? (author === HUB ? 'E-assurance' : author) : origin.toUpperCase();
  const how = {
    topic: '',
    pull: ' (pulled)',
    api: '',
    merge: ' (merge)',
    share: ' (shared)',
    republish: ' (sent again)',
  };
  const trail = [
    `event ${eventId}`,
    formatRevision(revision),
    ...(received === null ? [] : [`from ${positionText(received)}`]),
    ...(Math.abs(event.atMs - event.occurredAtMs) > 1_000
      ? [`written ${localTime(event.occurredAtMs).join(' ')} by its author's clock`]
      : []),
  ];
  return [
    `${who} ${eventType}${how[source as keyof typeof how] ?? ''}: ${outcome}`,
    trail.join(', '),
    event.why,
    ...(changes === null ? [event.changesUnknown ?? ''] : changes.map(changeText)),
    ...(event.correlationId === null ? [] : [`correlation ${event.correlationId}`]),
    ...(sending === null ? [] : sendingLines(sending)),
  ];
}

/** Of two records, only the fields in which they differ. */
function changeText({ atom, before, after }: Change): string {
  if (!isRecord(before) || !isRecord(after)) return `· ${atom}: ${valueText(before)} → ${valueText(after)}`;
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter(
    (name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]),
  );
  const of = (record: JsonObject) =>
    names.map((name) => `${name} ${valueText(record[name] ?? null)}`).join(', ');
  return names.length === 0
    ? `· ${atom}: changed where it is masked`
    : `· ${atom}: ${of(before)} → ${of(after)}`;
}

function sendingLines(sending: Sending): string[] {
  switch (sending.state) {
    case 'waiting':
      return ['waits in the outbox'];
    case 'parked':
      return [
        `PARKED ${localTime(sending.atMs).join(' ')}: Kafka refused it (${sending.code}: ${sending.cause})`,
      ];
    case 'published': {
      const [, time] = localTime(sending.atMs);
      const readers = sending.readers?.map(({ group, committed, past }) =>
        past ? `${group} has read past it` : `${group} stands at ${committed}`,
      );
      return [`published ${time} to ${positionText(sending.position)}`, ...(readers ?? [])];
    }
  }
}

function positionText({ topic, partition, offset }: RecordPosition): string {
  return `${topic}/${partition}/${offset}`;
}

function valueText(value: Json): string {
  if (value === null) return '–';
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length > MAX_VALUE ? `${text.slice(0, MAX_VALUE)}…` : text;
}

/** Day and time, with milliseconds. */
function localTime(ms: number): [string, string] {
  const [day, time] = dayAndTimeInAlgiers(ms);
  return [day, `${time}.${String(((ms % 1_000) + 1_000) % 1_000).padStart(3, '0')}`];
}
