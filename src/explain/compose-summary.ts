import { HUB } from '../domain/event.ts';
import type { Episode, EventEpisode } from '../domain/explanation.ts';
import type { SayTime } from './say-time.ts';

/** How things stand, in one sentence: the newest edit of either side, how far ours has come, and what waits for people. */
export function composeSummary(
  episodes: readonly Episode[],
  about: {
    readonly provider: string;
    readonly erased: boolean;
    /** The provider's consumer groups begin with this. */
    readonly groupPrefix: string;
  },
  say: SayTime,
): string {
  const events = episodes.filter((episode) => episode.what === 'event');
  const theirs = events.findLast(({ origin }) => origin !== HUB);
  // What goes to every insurer says nothing about this one's copy.
  const ours = events.findLast(({ sending, source }) => sending !== null && source !== 'share');
  const parts = [
    ...(about.erased ? ['it was erased: only its id and revision are kept'] : []),
    ...(theirs === undefined ? [] : [sayTheirs(theirs, about.provider, say)]),
    ...(ours === undefined ? [] : [sayOurs(ours, about, theirs !== undefined, say)]),
    ...sayWaiting(episodes),
  ];
  if (parts.length === 0) return 'Nothing of it is known.';
  const sentence = parts.join('; ');
  return `${sentence[0]!.toUpperCase()}${sentence.slice(1)}.`;
}

function sayTheirs({ occurredAtMs, outcome }: EventEpisode, provider: string, say: SayTime): string {
  const edit = `${provider}'s edit of ${say(occurredAtMs)}`;
  switch (outcome) {
    case 'applied':
      return `${edit} is in`;
    case 'merged':
      return `${edit} is in, merged with ours`;
    case 'stale':
      return `${edit} came too late to change anything`;
    default:
      return `${edit} said nothing new`;
  }
}

function sayOurs(
  { occurredAtMs, sending }: EventEpisode,
  { provider, groupPrefix }: { readonly provider: string; readonly groupPrefix: string },
  second: boolean,
  say: SayTime,
): string {
  const edit = `${second ? 'ours' : 'our edit'} of ${say(occurredAtMs)}`;
  if (sending === null || sending.state === 'waiting') {
    return `${edit} waits in the outbox: Kafka has not acknowledged it yet (bridge lag)`;
  }
  if (sending.state === 'parked') {
    return `${edit} was refused by Kafka for good (${sending.code}) and is parked, so ${provider} does not have it`;
  }
  const published = `${edit} was published at ${say(sending.atMs)}`;
  const { readers, position } = sending;
  if (readers === null) return `${published}; how far ${provider} has read is not known`;
  const past = readers.find((reader) => reader.past);
  if (past !== undefined) return `${published}, and ${provider}'s consumer has read past it (${past.group})`;
  const nearest = readers.toSorted((a, b) => (a.committed < b.committed ? 1 : -1))[0];
  if (nearest === undefined) {
    return `${published}, and no consumer group ${groupPrefix}* has read anything of its partition yet`;
  }
  const left = position.offset - nearest.committed + 1n;
  return `${published}, and ${provider}'s consumer has not read it yet (${nearest.group} has ${left} to read up to it)`;
}

function sayWaiting(episodes: readonly Episode[]): string[] {
  const open = episodes.filter((one) => one.what === 'conflict opened' && one.status === 'open').length;
  const quarantined = episodes.filter((one) => one.what === 'quarantine' && one.settled === null);
  const codes = [...new Set(quarantined.map((one) => (one.what === 'quarantine' ? one.code : '')))];
  const flags = episodes.filter((one) => one.what === 'flag' && one.clearedAtMs === null).length;
  return [
    ...(open === 0 ? [] : [`${open === 1 ? 'a conflict waits' : `${open} conflicts wait`} for staff`]),
    ...(quarantined.length === 0
      ? []
      : [
          `${quarantined.length === 1 ? 'one record that names it waits' : `${quarantined.length} records that name it wait`} in quarantine (${codes.join(', ')})`,
        ]),
    ...(flags === 0 ? [] : ['it is flagged for on-call']),
  ];
}
