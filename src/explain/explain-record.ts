import type { Episode, ExplainResult, RecordPosition } from '../domain/explanation.ts';
import type { QuarantineView } from '../ports.ts';
import { quarantineEpisode } from './compose-episodes.ts';
import type { ExplainDeps, ExplainInquiry } from './explain-subject.ts';
import type { Subject } from './read-subject.ts';

export const NOTHING_KNOWN =
  'Nothing is known of it: no entity or event has this id or reference, nothing in quarantine names it, and it is no topic/partition/offset of a topic in topics.yaml.';

/** What there is to say of a record that made no event here: it waits in quarantine, was not read yet, or left no trace. */
export async function explainRecord(
  subject: Extract<Subject, { is: 'id' | 'position' }>,
  inquiry: ExplainInquiry & { readonly visible: (provider: string) => boolean },
  deps: ExplainDeps,
): Promise<ExplainResult> {
  const rows = await quarantinedOf(subject, deps);
  const quarantined = rows.filter((row) => inquiry.visible(row.provider));
  if (quarantined.length > 0) return waiting(quarantined, subject, inquiry);
  if (subject.is === 'id') return { status: 'unknown', sentence: NOTHING_KNOWN };
  const partitions = deps.topology.routes.get(subject.position.topic)?.partitions ?? 0;
  return told(inquiry, null, [], await explainPosition(subject.position, partitions, deps));
}

async function quarantinedOf(
  subject: Extract<Subject, { is: 'id' | 'position' }>,
  { ledger }: ExplainDeps,
): Promise<readonly QuarantineView[]> {
  if (subject.is === 'position') return ledger.quarantined({ position: subject.position }, 5);
  const byEvent = await ledger.quarantined({ eventId: subject.id }, 20);
  return byEvent.length > 0 ? byEvent : ledger.quarantined({ entityId: subject.id }, 20);
}

function waiting(
  newestFirst: readonly QuarantineView[],
  subject: Subject,
  inquiry: ExplainInquiry,
): ExplainResult {
  const rows = newestFirst.toReversed();
  const episodes = rows.map(quarantineEpisode);
  const last = rows.at(-1)!;
  const names = rows.length === 1 ? 'The record' : `${rows.length} records that name it, the last`;
  const settled =
    last.settledAtMs === null
      ? 'waits there'
      : `was settled at ${inquiry.say(last.settledAtMs)} (${last.settledHow ?? 'no reason given'})`;
  const entity = last.entityId === null ? '' : `; it names ${last.kind ?? 'entity'} ${last.entityId}`;
  const summary = `${names} went into quarantine at ${inquiry.say(last.firstSeenMs)} as ${last.code} and ${settled}: ${last.cause.replace(/\.$/, '')}${entity}.`;
  return told(inquiry, subject.is === 'id' ? last.eventId : null, episodes, summary);
}

async function explainPosition(
  { topic, partition, offset }: RecordPosition,
  partitions: number,
  { ledger }: ExplainDeps,
): Promise<string> {
  if (partition >= partitions)
    return `${topic} has no partition ${partition}: topics.yaml gives it ${partitions}, counted from 0.`;
  const next = await ledger.appliedTo(topic, partition);
  if (next === null)
    return `Not read yet: nothing of ${topic}/${partition} was ever applied (bridge lag shows what waits there).`;
  if (offset >= next)
    return `Not read yet: ${topic}/${partition} is applied up to offset ${next - 1n} (bridge lag shows what waits there).`;
  return `It was read, and left no row of its own: ${topic}/${partition} is applied up to offset ${next - 1n}. Such a record is an echo of ours whose acknowledgement was lost, a repetition of a record in quarantine, or a mark of Kafka's own.`;
}

function told(
  { subject }: ExplainInquiry,
  eventId: string | null,
  episodes: readonly Episode[],
  summary: string,
): ExplainResult {
  return {
    status: 'explained',
    explanation: { subject: subject.trim(), entity: null, eventId, episodes, notes: [], summary },
  };
}
